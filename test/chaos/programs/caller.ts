// One client: what it calls is drawn from a seed, what it expects of registers is what it was told last.
import { connect, RaftgenError, type Caller as Connection, type CallOptions, type QueryOptions, type Settle } from 'raftgen/client'
import { Chance } from 'raftgen/sim'
import type { Operation } from '../history.ts'
import { ChaosClient, chaosDescriptor } from '../machine/generated/index.js'
import type { CallersSettings } from './orders.js'
import type { Journal } from './journal.js'

/** Values of one client; no value is given twice. */
const valuesPerClient = 10_000_000
/** Clients that follow each other in one session. */
const clientsPerSession = 100_000
/** Mostly patient; one that is not leaves commands behind whose outcome nobody told. */
const timeoutsMs = [400, 1_500, 5_000, 5_000, 5_000] as const
const connectTimeoutMs = 60_000
/** After a failure, so that one that is refused at once does not turn in a circle. */
const pauseAfterFailureMs = 50
const sweepTimeoutMs = 30_000

type Asked = Pick<Operation, 'op' | 'input' | 'consistency' | 'token' | 'nearest'>

export interface CallerOptions {
  readonly settings: CallersSettings
  readonly journal: Journal
}

export class Caller {
  readonly #id: number
  readonly #settings: CallersSettings
  readonly #journal: Journal
  readonly #connection: Indexed
  readonly #client: ChaosClient
  readonly #chance: Chance
  readonly #registers = new Map<string, number | null>()
  #calls = 0
  #values = 0
  #generation = 0
  #isStopped = false
  #wake = (): void => {}

  static async connect(id: number, { settings, journal }: CallerOptions): Promise<Caller> {
    // Each has another node next to it.
    const at = id % settings.servers.length
    const servers = [...settings.servers.slice(at), ...settings.servers.slice(0, at)]
    const inner = await connect(chaosDescriptor, { servers, timeoutMs: connectTimeoutMs })
    return new Caller(id, new Indexed(inner), { settings, journal })
  }

  private constructor(id: number, connection: Indexed, { settings, journal }: CallerOptions) {
    this.#id = id
    this.#settings = settings
    this.#journal = journal
    this.#connection = connection
    this.#client = ChaosClient.over(connection)
    this.#chance = new Chance(settings.seed * 1_000 + id)
  }

  async run(): Promise<void> {
    while (!this.#isStopped) {
      const isAnswered = await this.#call(this.#draw(), { timeoutMs: this.#chance.pick(timeoutsMs) })
      await this.#pause(this.#chance.wait(this.#settings.pauseMs) + (isAnswered ? 0 : pauseAfterFailureMs))
    }
  }

  /** The call under way still ends. */
  stop(): void {
    this.#isStopped = true
    this.#wake()
  }

  /** Reads everything from `server`. */
  async sweep(server: string): Promise<void> {
    const connection = new Indexed(await connect(chaosDescriptor, { servers: [server], timeoutMs: connectTimeoutMs }))
    const other = new Caller(this.#id + 500 + this.#settings.servers.indexOf(server), connection, {
      settings: this.#settings,
      journal: this.#journal,
    })
    const asked = { consistency: 'linearizable', nearest: true } as const
    for (let key = 0; key < this.#settings.keys; key++)
      await other.#call({ op: 'read', input: { key: `k${key}` }, ...asked }, { timeoutMs: sweepTimeoutMs })
    await other.#call({ op: 'sum', input: {}, ...asked }, { timeoutMs: sweepTimeoutMs })
    await other.close()
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  #draw(): Asked {
    const chance = this.#chance
    const key = `k${chance.whole(0, this.#settings.keys - 1)}`
    const kind = chance.between(0, 100)
    if (kind < 40) return { op: 'append', input: { key, value: this.#value() } }
    if (kind < 60) return { op: 'cas', input: { key, expected: this.#registers.get(key) ?? null, value: this.#value() } }
    return { ...(kind < 95 ? { op: 'read', input: { key } } : { op: 'sum', input: {} }), ...this.#freshness() }
  }

  #freshness(): Pick<Asked, 'consistency' | 'token' | 'nearest'> {
    const nearest = this.#chance.happens(0.5) ? ({ nearest: true } as const) : {}
    const consistency = this.#chance.pick(['linearizable', 'linearizable', 'lease', 'atLeast', 'stale'] as const)
    return consistency === 'atLeast' ? { consistency, token: this.#client.token.index, ...nearest } : { consistency, ...nearest }
  }

  #value(): number {
    this.#values += 1
    return (this.#id + 1) * valuesPerClient + this.#values
  }

  /** Whether it was answered. */
  async #call(asked: Asked, options: { readonly timeoutMs: number }): Promise<boolean> {
    const client = this.#id + this.#generation * clientsPerSession
    const call = ++this.#calls
    const invocation = this.#journal.invoke()
    const head = { client, session: this.#id, call, ...asked }
    try {
      const output = await this.#send(asked, options)
      this.#learn(asked, output)
      const { index } = this.#connection
      this.#journal.ended(invocation, { ...head, outcome: 'ok', output: output ?? null, ...(index === undefined ? {} : { index }) })
      return true
    } catch (thrown) {
      if (!(thrown instanceof RaftgenError)) throw thrown
      const { outcome, code, message } = thrown
      this.#journal.ended(invocation, { ...head, outcome, code, message })
      if (outcome === 'unknown') this.#generation += 1
      return false
    }
  }

  async #send(
    { op, input: { key = '', value = 0, expected = null }, ...how }: Asked,
    options: { readonly timeoutMs: number },
  ): Promise<unknown> {
    switch (op) {
      case 'append':
        return await this.#client.append({ key, value }, options)
      case 'cas':
        return await this.#client.cas({ key, expected, value }, options)
      case 'read':
        return await this.#client.read({ key }, { ...options, ...this.#queryOptions(how) })
      default:
        return await this.#client.sum({}, { ...options, ...this.#queryOptions(how) })
    }
  }

  #queryOptions({ consistency = 'linearizable', token = 0, nearest }: Pick<Asked, 'consistency' | 'token' | 'nearest'>): QueryOptions {
    const from = { from: nearest === true ? 'nearest' : 'leader' } as const
    if (consistency !== 'atLeast') return { consistency, ...from }
    return { atLeast: { clusterId: this.#client.token.clusterId, index: token }, ...from }
  }

  #learn({ op, input: { key = '', value = 0 } }: Asked, output: unknown): void {
    if (typeof output !== 'object' || output === null) return
    if (op === 'read' && 'register' in output) this.#registers.set(key, registerOf(output.register))
    if (op !== 'cas' || !('ok' in output)) return
    if (output.ok === true) this.#registers.set(key, value)
    else if ('error' in output && typeof output.error === 'object' && output.error !== null && 'actual' in output.error)
      this.#registers.set(key, registerOf(output.error.actual))
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.#isStopped) this.#wake()
    })
  }
}

const registerOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)

/** Keeps the index that the latest call was answered with. For one call at a time. */
class Indexed implements Connection {
  index: number | undefined
  readonly #inner: Connection

  constructor(inner: Connection) {
    this.#inner = inner
  }

  get token(): Connection['token'] {
    return this.#inner.token
  }

  command(command: Uint8Array, options: CallOptions | undefined, settle: Settle): void {
    this.#inner.command(command, options, this.#noting(settle))
  }

  query(query: Uint8Array, options: QueryOptions | undefined, settle: Settle): void {
    this.#inner.query(query, options, this.#noting(settle))
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  #noting(settle: Settle): Settle {
    return (error, answer) => {
      this.index = answer?.index
      settle(error, answer)
    }
  }
}
