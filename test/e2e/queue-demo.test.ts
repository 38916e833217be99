import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Account, type Verdict } from '../../examples/queue/demo/account.ts'
import { type Grant, Lost, QueueClient, type QueueHandlers, ok, queue } from '../../examples/queue/generated/index.ts'
import { handlers } from '../../examples/queue/handlers.ts'
import { local } from '../../src/sim/local.ts'

test('the queue of the demo loses nothing while leaders are killed and paused, and says so', async () => {
  const main = new URL('../../dist/examples/queue/demo/main.js', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [main, '400'], { timeout: 80_000 })
  expect(stdout.match(/^(killing|pausing) replica \d, the leader/gm)).toHaveLength(3)
  expect(stdout).toMatch(/^jobs enqueued +400$/m)
  expect(stdout).toMatch(/^ {2}finished +390$/m)
  expect(stdout).toMatch(/^ {2}dead, as they must +10$/m)
  expect(stdout).toMatch(/^lost +0$/m)
  expect(stdout).toMatch(/^finished twice +0$/m)
  expect(stdout).toMatch(/^held by two +0$/m)
  expect(stdout).toMatch(/^replicas identical +yes/m)
}, 90_000)

/** Callers of a queue on one replica, whose moments are those of its log. */
class Callers {
  readonly account = new Account()
  readonly replica
  readonly client

  constructor(with_: Partial<QueueHandlers>) {
    this.replica = local(queue({ ...handlers, ...with_ }))
    this.client = QueueClient.over(this.replica)
  }

  async enqueue(ticket: string, maxAttempts?: number): Promise<string> {
    const reply = await this.client.enqueue({ queue: 'q', body: '', ticket, maxAttempts: maxAttempts ?? 100 })
    const id = reply.ok ? reply.value : reply.error.id
    this.account.enqueued(ticket, id, maxAttempts)
    return id
  }

  async take(): Promise<Grant> {
    const grant = await this.client.take({ queue: 'q', forMs: 1_101 })
    if (grant === null) throw new Error('nothing is due')
    this.account.taken(grant, { sentAt: this.replica.now, answeredAt: this.replica.now })
    return grant
  }

  async finish({ id, job: { receipt } }: Grant): Promise<void> {
    if ((await this.client.finish({ id, receipt })).ok) this.account.finished(id, receipt)
    else this.account.refused(id, receipt, this.replica.now)
  }

  async giveBack({ id, job: { receipt } }: Grant): Promise<void> {
    this.account.givingBack(id, receipt, this.replica.now)
    const reply = await this.client.giveBack({ id, receipt })
    if (reply.ok) this.account.gaveBack(id, receipt, { status: reply.value, sentAt: this.replica.now })
  }

  async extend({ id, job: { receipt } }: Grant): Promise<void> {
    const reply = await this.client.extend({ id, receipt, forMs: 1_101 })
    if (reply.ok) this.account.extended(id, receipt, { takenUntil: reply.value, forMs: 1_101, sentAt: this.replica.now })
  }

  /** What is wrong. */
  async wrong(): Promise<Pick<Verdict, 'lost' | 'twice' | 'together'>> {
    const { lost, twice, together } = await this.account.compare(this.client, 'q')
    return { lost, twice, together }
  }
}

const forgetSome: QueueHandlers['enqueue'] = (state, input, ctx) =>
  input.ticket === 'gone' ? ok(ctx.id()) : handlers.enqueue(state, input, ctx)
const killIt: QueueHandlers['giveBack'] = (state, { id }) => {
  const job = state.jobs.get(id)
  if (job?.status !== 'taken') return Lost()
  const { receipt, takenAt, takenUntil, ...rest } = job
  state.jobs.set(id, { ...rest, status: 'dead' })
  return ok('dead')
}
/** Gives out what somebody holds. */
const takeWhatIsHeld: QueueHandlers['take'] = (state, input, ctx) => {
  for (const [id, job] of state.jobs) {
    if (job.status === 'taken') state.jobs.set(id, { ...job, takenUntil: ctx.now })
  }
  return handlers.take(state, input, ctx)
}
/** Asks for no receipt. */
const extendAny: QueueHandlers['extend'] = (_state, { forMs }, ctx) => ok(ctx.now + forMs)
const finishAny: QueueHandlers['finish'] = (state, { id }, ctx) => {
  const job = state.jobs.get(id)
  return job?.status === 'taken' ? handlers.finish(state, { id, receipt: job.receipt }, ctx) : ok()
}

describe('its account', () => {
  test('finds nothing wrong where a job is given back, lost by timeout, finished late, and dies', async () => {
    const callers = new Callers({})
    await callers.enqueue('a')
    await callers.giveBack(await callers.take())
    const late = await callers.take()
    callers.replica.advance(1_101)
    const last = await callers.take()
    await callers.finish(late)
    callers.replica.advance(5_000)
    await callers.finish(last)
    await callers.enqueue('b', 1)
    await callers.giveBack(await callers.take())
    expect(await callers.wrong()).toEqual({ lost: [], twice: [], together: [] })
  })

  test('notices a job that is gone, one that is left, and one that died too soon', async () => {
    const callers = new Callers({ enqueue: forgetSome, giveBack: killIt })
    const gone = await callers.enqueue('gone')
    const died = await callers.enqueue('died')
    await callers.giveBack(await callers.take())
    const taken = await callers.enqueue('taken')
    await callers.take()
    const ready = await callers.enqueue('ready')
    expect(await callers.wrong()).toEqual({
      lost: [
        `${gone} was accepted, and is gone`,
        `${died} died after 1 attempts, and not at all`,
        `${taken} is not finished: it is taken`,
        `${ready} is not finished: it is ready`,
      ],
      twice: [],
      together: [],
    })
  })

  test('notices a holder that is refused, and a grant that nobody asked for', async () => {
    const callers = new Callers({ finish: () => Lost() })
    const id = await callers.enqueue('a')
    const grant = await callers.take()
    await callers.finish(grant)
    callers.replica.advance(1_101)
    await callers.client.take({ queue: 'q' })
    expect(await callers.wrong()).toEqual({
      lost: [`${id} was refused to receipt ${grant.job.receipt}, which holds it`, `${id} is not finished: it is taken`],
      twice: ['of 1 grants nobody was told, and of 0 takes the outcome is unknown'],
      together: [],
    })
  })

  test('notices a ticket that became two jobs', async () => {
    const callers = new Callers({ enqueue: (state, { ticket, ...input }, ctx) => handlers.enqueue(state, input, ctx) })
    const ids = [await callers.enqueue('a'), await callers.enqueue('a')]
    await callers.finish(await callers.take())
    await callers.finish(await callers.take())
    expect((await callers.wrong()).twice).toEqual([`a is ${ids[0]}, and ${ids[1]}`, `${ids[0]} is there, and nobody was told of it`])
  })

  test('notices a job that two hold at a time', async () => {
    const callers = new Callers({ take: takeWhatIsHeld, extend: extendAny })
    const id = await callers.enqueue('a')
    const first = await callers.take()
    callers.replica.advance(100)
    const second = await callers.take()
    callers.replica.advance(1)
    await callers.extend(first)
    await callers.finish(second)
    const who = `${id}, receipts ${first.job.receipt} and ${second.job.receipt}:`
    expect(await callers.wrong()).toEqual({
      lost: [],
      twice: [],
      together: [
        `${who} held by both for 1102 ms of log time`,
        `${who} the second was told 1001 ms before the first had lost it`,
        `${who} the first was accepted after the second was told`,
      ],
    })
  })

  test('notices a job that is finished with two receipts', async () => {
    const callers = new Callers({ finish: finishAny })
    const id = await callers.enqueue('a')
    const first = await callers.take()
    callers.replica.advance(1_101)
    const second = await callers.take()
    await callers.finish(first)
    await callers.finish(second)
    const [a, b] = [first.job.receipt, second.job.receipt]
    expect((await callers.wrong()).twice).toEqual([
      `${id} was finished with the receipts ${a} and ${b}`,
      `${id} was finished with receipt ${a}, and taken again with ${b}`,
      `${id} was finished with receipt ${a}, the queue says ${b}`,
    ])
  })
})
