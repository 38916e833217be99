// Random calls, and time that passes: what came of them is looked at afterwards, by what the callers were told alone.
import fc from 'fast-check'
import { local } from 'raftgen/sim'
import { expect, test } from 'vitest'
import { type Job, QueueClient, queue } from './generated/index.js'
import { handlers } from './handlers.js'

type Call =
  | { readonly kind: 'enqueue'; readonly queue: string; readonly priority: number; readonly delayMs: number; readonly maxAttempts: number }
  | { readonly kind: 'take'; readonly queue: string; readonly forMs: number }
  /** `grant`: of those that were given out so far, counted from the last. */
  | { readonly kind: 'extend'; readonly grant: number; readonly forMs: number }
  | { readonly kind: 'finish'; readonly grant: number }
  | { readonly kind: 'giveBack'; readonly grant: number; readonly delayMs: number }
  | { readonly kind: 'revive'; readonly job: number }
  | { readonly kind: 'wait'; readonly ms: number }

interface Receipt {
  readonly id: string
  readonly receipt: number
}
interface Hold extends Receipt {
  readonly at: number
  readonly until: number
}
/** What a caller was told, and when. Of what was refused: nothing. */
type Told =
  | { readonly kind: 'enqueued' | 'revived'; readonly id: string }
  | (Hold & { readonly kind: 'taken' })
  | (Hold & { readonly kind: 'extended' })
  | (Receipt & { readonly kind: 'finished' | 'returned' })
  /** What a take should give, by what a look at all jobs said right before it, and what it gave. */
  | { readonly kind: 'chosen'; readonly expected: string | undefined; readonly found: string | undefined }

const queues = ['a', 'b']
const jobsMax = 40
const some = (max: number, min = 0) => fc.integer({ min, max })
const anyQueue = fc.constantFrom(...queues)
const anyCall: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('enqueue' as const),
      queue: anyQueue,
      priority: fc.constantFrom(0, 1, 9),
      delayMs: fc.constantFrom(0, 0, 20),
      maxAttempts: some(4, 1),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('take' as const), queue: anyQueue, forMs: some(40, 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('extend' as const), grant: some(5), forMs: some(40, 1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('finish' as const), grant: some(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('giveBack' as const), grant: some(5), delayMs: fc.constantFrom(0, 15) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revive' as const), job: some(jobsMax) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: some(30) }) },
)

class History {
  readonly told: Told[] = []
  readonly #replica = local(queue(handlers))
  readonly #client = QueueClient.over(this.#replica)

  async play(calls: readonly Call[]): Promise<void> {
    for (const call of calls) await this.#make(call)
  }

  /** Every job that is there, by id. */
  async jobs(): Promise<ReadonlyMap<string, Job>> {
    const pages = queues.flatMap((name) =>
      (['ready', 'taken', 'dead', 'finished'] as const).map((status) => this.#client.page({ queue: name, status, limit: 1_000 })),
    )
    return new Map((await Promise.all(pages)).flat().map(({ id, job }) => [id, job]))
  }

  async #make(call: Call): Promise<void> {
    if (call.kind === 'wait') this.#replica.advance(call.ms)
    else if (call.kind === 'enqueue') await this.#enqueue(call)
    else if (call.kind === 'take') await this.#take(call)
    else if (call.kind === 'revive') await this.#revive(call.job)
    else await this.#answer(call)
  }

  async #enqueue({ kind, ...input }: Call & { kind: 'enqueue' }): Promise<void> {
    const reply = await this.#client.enqueue({ ...input, body: 'job' })
    if (reply.ok) this.told.push({ kind: 'enqueued', id: reply.value })
  }

  async #take({ kind, ...input }: Call & { kind: 'take' }): Promise<void> {
    const expected = firstDue(await this.jobs(), input.queue, this.#replica.now)
    const grant = await this.#client.take(input)
    this.told.push({ kind: 'chosen', expected, found: grant?.id })
    if (grant === null) return
    const { receipt, takenAt, takenUntil } = grant.job
    this.told.push({ kind: 'taken', id: grant.id, receipt, at: takenAt, until: takenUntil })
  }

  async #revive(job: number): Promise<void> {
    const id = this.told.flatMap((one) => (one.kind === 'enqueued' ? [one.id] : []))[job]
    if (id !== undefined && (await this.#client.revive({ id })).ok) this.told.push({ kind: 'revived', id })
  }

  async #answer(call: Call & { kind: 'extend' | 'finish' | 'giveBack' }): Promise<void> {
    const grant = this.told.filter((one) => one.kind === 'taken').at(-1 - call.grant)
    if (grant === undefined) return
    const { id, receipt } = grant
    if (call.kind === 'extend') {
      const at = this.#replica.now
      const reply = await this.#client.extend({ id, receipt, forMs: call.forMs })
      if (reply.ok) this.told.push({ kind: 'extended', id, receipt, at, until: reply.value })
    } else if (call.kind === 'finish') {
      if ((await this.#client.finish({ id, receipt })).ok) this.told.push({ kind: 'finished', id, receipt })
    } else if ((await this.#client.giveBack({ id, receipt, delayMs: call.delayMs })).ok) {
      this.told.push({ kind: 'returned', id, receipt })
    }
  }
}

/** The slow way: of all that could be taken, the first by priority, then by the time at which it was due. */
function firstDue(jobs: ReadonlyMap<string, Job>, name: string, now: number): string | undefined {
  const canBeTaken = (job: Job): boolean =>
    (job.status === 'ready' && job.runAt <= now) || (job.status === 'taken' && job.takenUntil <= now && job.attempts < job.maxAttempts)
  const due = [...jobs].filter(([, job]) => job.queue === name && canBeTaken(job))
  const inOrder = due.sort(([a, x], [b, y]) => x.priority - y.priority || x.runAt - y.runAt || (a < b ? -1 : 1))
  return inOrder[0]?.[0]
}

/** What was told of each job, in order. */
function byJob(told: readonly Told[]): ReadonlyMap<string, readonly Told[]> {
  const jobs = new Map<string, Told[]>()
  for (const one of told) {
    if (one.kind !== 'chosen') jobs.set(one.id, [...(jobs.get(one.id) ?? []), one])
  }
  return jobs
}

const always = (holds: (history: History) => Promise<void> | void): Promise<void> =>
  fc.assert(
    fc.asyncProperty(fc.array(anyCall, { maxLength: 60, size: 'max' }), async (calls) => {
      const history = new History()
      await history.play(calls)
      await holds(history)
    }),
    { numRuns: 150 },
  )

test('a job is held by one worker at a time: until its time is over, or it is given back', () =>
  always(({ told }) => {
    for (const of of byJob(told).values()) {
      let holder: { readonly receipt: number; readonly until: number } | undefined
      for (const one of of) {
        if (one.kind === 'taken') {
          expect(holder?.until ?? 0).toBeLessThanOrEqual(one.at)
          expect(one.until).toBeGreaterThan(one.at)
          holder = one
        } else if (one.kind === 'extended') {
          expect(one.receipt).toBe(holder?.receipt)
          holder = one
        } else if (one.kind === 'returned') {
          expect(one.receipt).toBe(holder?.receipt)
          holder = undefined
        }
      }
    }
  }))

test('a receipt is greater than all before', () =>
  always(({ told }) => {
    const receipts = told.flatMap((one) => (one.kind === 'taken' ? [one.receipt] : []))
    expect(receipts).toEqual([...new Set(receipts)].sort((a, b) => a - b))
  }))

test('what is finished is finished by whoever took it last, and never comes back', () =>
  always(({ told }) => {
    for (const of of byJob(told).values()) {
      const first = of.findIndex(({ kind }) => kind === 'finished')
      if (first === -1) continue
      expect(of.slice(first)).toEqual(of.slice(first).map(() => of[first]))
      expect(of[first]).toMatchObject({ receipt: of.slice(0, first).findLast((one) => one.kind === 'taken')?.receipt })
    }
  }))

test('nothing is lost: every job is there, and what it is agrees with what was told of it', () =>
  always(async (history) => {
    const jobs = await history.jobs()
    const told = byJob(history.told)
    expect([...jobs.keys()].sort()).toEqual([...told.keys()].sort())
    for (const [id, job] of jobs) {
      const of = told.get(id) ?? []
      expect(job.status === 'finished').toBe(of.some(({ kind }) => kind === 'finished'))
      const since = of.slice(of.findLastIndex(({ kind }) => kind === 'revived') + 1)
      expect(job.attempts).toBe(since.filter(({ kind }) => kind === 'taken').length)
      if (job.status === 'dead') expect(job.attempts).toBe(job.maxAttempts)
    }
  }))

test('a take gives the first that is due by priority, then by time, and nothing only when nothing is due', () =>
  always(({ told }) => {
    for (const one of told) if (one.kind === 'chosen') expect(one.found).toBe(one.expected)
  }))
