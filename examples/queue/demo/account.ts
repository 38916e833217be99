// What the callers were told, kept outside of the queue, and compared with each other and with what the queue says in the end.
//
// What can be said from here, and what cannot:
// - Receipts and log times come from the queue, so they can be compared exactly: the next grant of a job begins when the last one is over, or later.
// - By the clock of this process a take is stamped after it was sent, and log time is at most a tenth faster than that clock. So a worker has the job
//   for ten elevenths of its time, counted from before its call, and nobody may be told meanwhile that he has it. This needs replicas that have one
//   wall clock, which nobody sets, and no query while leaders change: a new leader may step forwards, to its own wall clock by up to 10 s, and above
//   what queries may have been shown, by up to 1 s.
// - That a job was finished once is about receipts. Work itself may be done twice: by one who was late, and by the next one. What it changes elsewhere
//   has to be fenced by the receipt.
// - A take whose outcome is unknown may have given a job to nobody. There are at most as many of those as attempts that nobody was told of.
// - Nothing about the order of jobs: answers overtake each other.
import type { Grant, Job, QueueClient } from '../generated/index.js'

export interface Verdict {
  readonly enqueued: number
  readonly taken: number
  readonly givenBack: number
  /** Answers to workers whose job somebody else has by now. */
  readonly refused: number
  readonly unknown: number
  readonly finished: number
  readonly dead: number
  /** Each a sentence, as are the following. */
  readonly lost: readonly string[]
  readonly twice: readonly string[]
  readonly together: readonly string[]
}

/** Moments in this process, milliseconds. */
interface Sent {
  readonly sentAt: number
  readonly answeredAt: number
}

/** One grant, as its worker knows it. */
interface Holding {
  readonly receipt: number
  readonly answeredAt: number
  /** Log time. */
  readonly takenAt: number
  takenUntil: number
  /** Until then it is surely held, unless it is given back. By the clock of this process. */
  surelyUntil: number
  /** When it was first asked to be given back, whatever came of it. */
  givenBackAt: number
  /** When the last call was sent that was accepted with this receipt. */
  acceptedAt: number
  isFinished: boolean
}

interface Known {
  /** It cannot be done, so it dies after so many attempts. */
  diesAfter: number | undefined
  readonly holdings: Holding[]
  hasEnded: boolean
}

export class Account {
  /** By id. */
  readonly #jobs = new Map<string, Known>()
  readonly #ids = new Map<string, string>()
  readonly #receipts = new Set<number>()
  readonly #lost: string[] = []
  readonly #twice: string[] = []
  #taken = 0
  #givenBack = 0
  #refused = 0
  #ended = 0
  #unknown = 0
  #unknownTakes = 0

  /** Jobs of which somebody was told that they are finished, or dead. */
  get ended(): number {
    return this.#ended
  }

  outcomeUnknown(what: 'take' | 'other'): void {
    this.#unknown += 1
    if (what === 'take') this.#unknownTakes += 1
  }

  enqueued(ticket: string, id: string, diesAfter: number | undefined): void {
    const before = this.#ids.get(ticket)
    if (before !== undefined && before !== id) this.#twice.push(`${ticket} is ${before}, and ${id}`)
    this.#ids.set(ticket, id)
    this.#job(id).diesAfter = diesAfter
  }

  taken({ id, job: { receipt, takenAt, takenUntil } }: Grant, { sentAt, answeredAt }: Sent): void {
    if (this.#receipts.has(receipt)) this.#twice.push(`receipt ${receipt} was given twice`)
    this.#receipts.add(receipt)
    this.#taken += 1
    const surelyUntil = sentAt + surely(takenUntil - takenAt)
    const ends = { givenBackAt: Number.POSITIVE_INFINITY, acceptedAt: sentAt, isFinished: false }
    this.#job(id).holdings.push({ receipt, answeredAt, takenAt, takenUntil, surelyUntil, ...ends })
  }

  extended(id: string, receipt: number, told: { readonly takenUntil: number; readonly forMs: number; readonly sentAt: number }): void {
    const holding = this.#holding(id, receipt)
    holding.takenUntil = told.takenUntil
    holding.surelyUntil = told.sentAt + surely(told.forMs)
    holding.acceptedAt = told.sentAt
  }

  finished(id: string, receipt: number): void {
    this.#holding(id, receipt).isFinished = true
    this.#end(id)
  }

  /** It is about to be asked for: from now on another may have the job. */
  givingBack(id: string, receipt: number, sentAt: number): void {
    const holding = this.#holding(id, receipt)
    holding.givenBackAt = Math.min(holding.givenBackAt, sentAt)
  }

  gaveBack(id: string, receipt: number, told: { readonly status: 'ready' | 'dead'; readonly sentAt: number }): void {
    this.#givenBack += 1
    this.#holding(id, receipt).acceptedAt = told.sentAt
    if (told.status === 'dead') this.#end(id)
  }

  refused(id: string, receipt: number, answeredAt: number): void {
    this.#refused += 1
    const { surelyUntil, givenBackAt } = this.#holding(id, receipt)
    if (answeredAt < surelyUntil && answeredAt < givenBackAt) this.#lost.push(`${id} was refused to receipt ${receipt}, which holds it`)
  }

  async compare(client: Pick<QueueClient, 'page'>, queue: string): Promise<Verdict> {
    const found = await readJobs(client, queue)
    const lost = [...this.#lost]
    const twice = [...this.#twice, ...this.#attemptsTwice(found)]
    const together: string[] = []
    for (const [id, { diesAfter, holdings }] of this.#jobs) {
      const inOrder = holdings.toSorted((a, b) => a.receipt - b.receipt)
      const job = found.get(id)
      lost.push(...missing(id, job, diesAfter))
      twice.push(...finishedTwice(id, job, inOrder))
      together.push(...heldTogether(id, inOrder))
    }
    const told = new Set(this.#ids.values())
    for (const id of found.keys()) if (!told.has(id)) twice.push(`${id} is there, and nobody was told of it`)
    const statuses = [...found.values()].map(({ status }) => status)
    const count = (status: Job['status']) => statuses.filter((one) => one === status).length
    return {
      enqueued: this.#ids.size,
      taken: this.#taken,
      givenBack: this.#givenBack,
      refused: this.#refused,
      unknown: this.#unknown,
      finished: count('finished'),
      dead: count('dead'),
      lost,
      twice,
      together,
    }
  }

  #attemptsTwice(found: ReadonlyMap<string, Job>): readonly string[] {
    const untold = [...this.#jobs].map(([id, { holdings }]) => ({
      id,
      count: (found.get(id)?.attempts ?? holdings.length) - holdings.length,
    }))
    const wrong = untold.filter(({ count }) => count < 0).map(({ id, count }) => `${id} was taken ${-count} times more than it says`)
    const sum = untold.reduce((all, { count }) => all + Math.max(count, 0), 0)
    if (sum > this.#unknownTakes) wrong.push(`of ${sum} grants nobody was told, and of ${this.#unknownTakes} takes the outcome is unknown`)
    return wrong
  }

  #end(id: string): void {
    const job = this.#job(id)
    if (!job.hasEnded) this.#ended += 1
    job.hasEnded = true
  }

  /** It may be taken before its producer is told of it. */
  #job(id: string): Known {
    const known = this.#jobs.get(id) ?? { diesAfter: undefined, holdings: [], hasEnded: false }
    this.#jobs.set(id, known)
    return known
  }

  #holding(id: string, receipt: number): Holding {
    const found = this.#job(id).holdings.findLast((holding) => holding.receipt === receipt)
    if (found === undefined) throw new Error(`nobody was given ${id} with receipt ${receipt}`)
    return found
  }
}

/** How long real time lasts at least while so much log time passes. */
const surely = (logMs: number): number => (logMs - 1) / 1.1

function missing(id: string, job: Job | undefined, diesAfter: number | undefined): readonly string[] {
  if (job === undefined) return [`${id} was accepted, and is gone`]
  if (job.status === 'ready' || job.status === 'taken') return [`${id} is not finished: it is ${job.status}`]
  if (job.status === 'finished') return diesAfter === undefined ? [] : [`${id} is finished, which cannot be done`]
  return job.attempts === diesAfter ? [] : [`${id} died after ${job.attempts} attempts, and not ${diesAfter ?? 'at all'}`]
}

function finishedTwice(id: string, job: Job | undefined, holdings: readonly Holding[]): readonly string[] {
  const finished = holdings.filter(({ isFinished }) => isFinished).map(({ receipt }) => receipt)
  const [first] = finished
  const wrong: string[] = []
  if (finished.length > 1) wrong.push(`${id} was finished with the receipts ${finished.join(' and ')}`)
  const last = holdings.at(-1)?.receipt
  if (first !== undefined && last !== undefined && first < last)
    wrong.push(`${id} was finished with receipt ${first}, and taken again with ${last}`)
  if (job?.status === 'finished' && job.receipt !== first)
    wrong.push(`${id} was finished with receipt ${first ?? 'none'}, the queue says ${job.receipt}`)
  return wrong
}

function heldTogether(id: string, holdings: readonly Holding[]): readonly string[] {
  return holdings.slice(1).flatMap((next, i) => {
    const last = holdings[i] ?? next
    const who = `${id}, receipts ${last.receipt} and ${next.receipt}:`
    const wasGivenBack = last.givenBackAt <= next.answeredAt
    const wrong: string[] = []
    if (!wasGivenBack && next.takenAt < last.takenUntil)
      wrong.push(`${who} held by both for ${last.takenUntil - next.takenAt} ms of log time`)
    const early = Math.ceil(last.surelyUntil - next.answeredAt)
    if (!wasGivenBack && early > 0) wrong.push(`${who} the second was told ${early} ms before the first had lost it`)
    if (last.acceptedAt > next.answeredAt) wrong.push(`${who} the first was accepted after the second was told`)
    return wrong
  })
}

async function readJobs(client: Pick<QueueClient, 'page'>, queue: string): Promise<ReadonlyMap<string, Job>> {
  const jobs = new Map<string, Job>()
  for (const status of ['ready', 'taken', 'dead', 'finished'] as const) {
    let page = await client.page({ queue, status, limit: 1_000 })
    for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
      for (const { id, job } of page) jobs.set(id, job)
      const { priority, runAt } = last.job
      page = await client.page({ queue, status, limit: 1_000, after: { priority, runAt, id: last.id } })
    }
  }
  return jobs
}
