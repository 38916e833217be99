// Clients of a counter that never pause: each adds one, over and over, or reads. What they are told says whether anything was lost, applied twice,
// or read from the past.
import { CounterClient } from '../../examples/counter/generated/index.ts'
import { eventually } from '../server/servers.ts'

export interface LoadOptions {
  readonly writers?: number
  readonly readers?: number
}

export class Load {
  /** What must not happen, in sentences. */
  readonly violations: string[] = []
  /** Acknowledged additions. */
  added = 0
  readonly #clients: CounterClient[] = []
  readonly #loops: Promise<void>[] = []
  /** Values that an addition was answered with: every one a different one. */
  readonly #values = new Set<number>()
  /** The largest of them: whoever begins to read after it was told must see it. */
  #acknowledged = 0
  #begun = 0
  #ended = false
  #lastAt = performance.now()
  #longestPauseMs = 0

  static async start(addresses: readonly string[], { writers = 6, readers = 3 }: LoadOptions = {}): Promise<Load> {
    const load = new Load()
    for (let i = 0; i < writers; i++) load.#loops.push(load.#write(await load.#connect(addresses)))
    for (let i = 0; i < readers; i++) load.#loops.push(load.#read(await load.#connect(addresses), i % 2 === 0 ? 'leader' : 'nearest'))
    await load.goesOn()
    return load
  }

  /** The largest value that an addition was answered with so far. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Once something was added that was not asked for before now. */
  async goesOn(): Promise<void> {
    const { added } = this
    const calls = this.#loops.length
    await eventually('progress', () => (this.added > added + calls ? true : undefined), 10_000).catch((error: Error) => {
      throw new Error(`${error.message}: ${this.violations.join('; ')}`)
    })
  }

  /** Longest time between two acknowledgements since the last call. Milliseconds. */
  takeLongestPause(): number {
    const longest = Math.max(this.#longestPauseMs, performance.now() - this.#lastAt)
    this.#longestPauseMs = 0
    this.#lastAt = performance.now()
    return longest
  }

  /** Lets every call end, and compares the counter with what was acknowledged. Returns what went wrong in between or is wrong now. */
  async end(): Promise<readonly string[]> {
    this.#ended = true
    await Promise.all(this.#loops)
    const [client] = this.#clients
    const value = await client?.value()
    if (value !== this.added) this.violations.push(`${this.added} additions were acknowledged, and the counter holds ${value}`)
    await Promise.all(this.#clients.map((one) => one.close()))
    return this.violations
  }

  async #connect(addresses: readonly string[]): Promise<CounterClient> {
    const client = await CounterClient.connect({ servers: addresses, timeoutMs: 9_000 })
    this.#clients.push(client)
    return client
  }

  async #write(client: CounterClient): Promise<void> {
    while (!this.#ended) {
      this.#begun += 1
      try {
        this.#onAdded(await client.add())
      } catch (error) {
        this.violations.push(`an addition failed: ${String(error)}`)
        return
      }
    }
  }

  #onAdded(value: number): void {
    const now = performance.now()
    this.#longestPauseMs = Math.max(this.#longestPauseMs, now - this.#lastAt)
    this.#lastAt = now
    this.added += 1
    if (this.#values.has(value)) this.violations.push(`two additions were answered with ${value}`)
    this.#values.add(value)
    this.#acknowledged = Math.max(this.#acknowledged, value)
  }

  async #read(client: CounterClient, from: 'leader' | 'nearest'): Promise<void> {
    while (!this.#ended) {
      const acknowledged = this.#acknowledged
      try {
        const value = await client.value({}, { from })
        if (value < acknowledged) this.violations.push(`a read from the ${from} says ${value} after ${acknowledged} was acknowledged`)
        if (value > this.#begun) this.violations.push(`a read from the ${from} says ${value} when ${this.#begun} additions had begun`)
      } catch (error) {
        this.violations.push(`a read from the ${from} failed: ${String(error)}`)
        return
      }
    }
  }
}
