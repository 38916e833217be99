// Producers and workers, as good and as bad as they are: some give up waiting, vanish with a job, give it back, or are late.
import { setTimeout as pause } from 'node:timers/promises'
import { RaftgenError } from 'raftgen'
import type { CallOptions } from 'raftgen/client'
import type { Grant, QueueClient } from '../generated/index.js'
import type { Account } from './account.js'

export interface Place {
  readonly queue: string
  readonly account: Account
  /** How long a job is taken for. */
  readonly forMs: number
  readonly isOver: () => boolean
  /** A take was answered: with a job, or without. */
  readonly answered: (found: 'job' | 'nothing') => void
}

const repeatsMax = 20
const doomedAttempts = 3
/** Longer than one is out of luck: an ordinary job is finished some time. */
const ordinaryAttempts = 100

/** A few do not wait for their answer. */
const impatience = (): CallOptions => (Math.random() < 0.03 ? { timeoutMs: 3 } : {})

/** Until it is known what came of it. The call has to bear being repeated. */
async function settled<T>(account: Account, call: (options: CallOptions) => Promise<T>): Promise<T> {
  for (let i = 1; ; i++) {
    try {
      return await call(impatience())
    } catch (error) {
      noteFailure(account, error, 'other')
      if (i === repeatsMax) throw error
      await pause(10)
    }
  }
}

/** Throws what no other call can mend. */
function noteFailure(account: Account, error: unknown, what: 'take' | 'other'): void {
  if (!(error instanceof RaftgenError)) throw error
  if (error.outcome === 'unknown') account.outcomeUnknown(what)
  else if (!error.retryable) throw error
}

/** Enqueues what `next` gives out, until nothing is left. One in forty cannot be done. */
export async function produce(client: QueueClient, { queue, account }: Place, next: () => number | undefined): Promise<void> {
  for (let number = next(); number !== undefined; number = next()) {
    const ticket = `job-${number}`
    const isDoomed = number % 40 === 0
    const maxAttempts = isDoomed ? doomedAttempts : ordinaryAttempts
    const input = {
      queue,
      ticket,
      maxAttempts,
      body: isDoomed ? 'doomed' : 'ordinary',
      priority: number % 10,
      delayMs: number % 7 === 0 ? 100 : 0,
    }
    const reply = await settled(account, (options) => client.enqueue(input, options))
    account.enqueued(ticket, reply.ok ? reply.value : reply.error.id, isDoomed ? doomedAttempts : undefined)
  }
}

export async function work(client: QueueClient, place: Place): Promise<void> {
  while (!place.isOver()) {
    const grant = await take(client, place)
    if (grant === undefined) await pause(20)
    else await new Task(client, place, grant).perform()
  }
}

/** A take is not repeated: what the first one has taken comes back by itself. */
async function take(client: QueueClient, { queue, account, forMs, answered }: Place): Promise<Grant | undefined> {
  const sentAt = performance.now()
  try {
    const grant = await client.take({ queue, forMs }, impatience())
    answered(grant === null ? 'nothing' : 'job')
    if (grant === null) return undefined
    account.taken(grant, { sentAt, answeredAt: performance.now() })
    return grant
  } catch (error) {
    noteFailure(account, error, 'take')
    return undefined
  }
}

class Task {
  readonly #client: QueueClient
  readonly #place: Place
  readonly #id: string
  readonly #receipt: number
  readonly #isDoomed: boolean

  constructor(client: QueueClient, place: Place, { id, job: { receipt, body } }: Grant) {
    this.#client = client
    this.#place = place
    this.#id = id
    this.#receipt = receipt
    this.#isDoomed = body === 'doomed'
  }

  async perform(): Promise<void> {
    const luck = Math.random()
    // It is never heard of again.
    if (luck < 0.03) return
    if (luck < 0.06) await pause(this.#place.forMs * 1.2)
    else if (luck < 0.12) await this.#extend()
    else await pause(luck * 10)
    if (this.#isDoomed || luck > 0.95) await this.#giveBack()
    else await this.#finish()
  }

  async #extend(): Promise<void> {
    const { account, forMs } = this.#place
    const { sentAt, reply } = await this.#call((held, options) => this.#client.extend({ ...held, forMs }, options))
    if (reply.ok) account.extended(this.#id, this.#receipt, { takenUntil: reply.value, forMs, sentAt })
    await pause(20)
  }

  async #giveBack(): Promise<void> {
    const { account } = this.#place
    account.givingBack(this.#id, this.#receipt, performance.now())
    const { sentAt, reply } = await this.#call((held, options) => this.#client.giveBack({ ...held, delayMs: 20 }, options))
    if (reply.ok) account.gaveBack(this.#id, this.#receipt, { status: reply.value, sentAt })
  }

  async #finish(): Promise<void> {
    const { reply } = await this.#call((held, options) => this.#client.finish(held, options))
    if (reply.ok) this.#place.account.finished(this.#id, this.#receipt)
  }

  async #call<R extends { readonly ok: boolean }>(
    call: (held: { readonly id: string; readonly receipt: number }, options: CallOptions) => Promise<R>,
  ): Promise<{ readonly sentAt: number; readonly reply: R }> {
    const { account } = this.#place
    let sentAt = 0
    const reply = await settled(account, (options) => {
      sentAt = performance.now()
      return call({ id: this.#id, receipt: this.#receipt }, options)
    })
    if (!reply.ok) account.refused(this.#id, this.#receipt, performance.now())
    return { sentAt, reply }
  }
}
