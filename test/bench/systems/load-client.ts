import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Load, Loaded, Probe } from '../load/load.js'
import type { Answer, Order } from '../load/raftgen-client.js'
import { hasEnded, messageOf } from './node-process.js'
import { ProcessMeter } from './process-meter.js'
import type { Measured, Meter } from './system.js'
import { pause } from './until.js'

export const nobody: Meter = { cores: Number.NaN, mebibytes: Number.NaN }

/** A process that loads a cluster as it is told. */
export class LoadClient {
  readonly #process: ChildProcess

  private constructor(child: ChildProcess) {
    this.#process = child
  }

  static async start(program: string, servers: readonly string[]): Promise<LoadClient> {
    const execArgv = process.env['BENCH_CLIENT_ARGS']?.split(' ') ?? []
    const child = fork(program, [JSON.stringify(servers)], { execArgv })
    await messageOf(child, 'the client')
    return new LoadClient(child)
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  tell(order: Order): void {
    this.#process.send(order)
  }

  async answer(): Promise<Answer> {
    const answer: Answer = await messageOf(this.#process, 'the client')
    if (answer.kind === 'failed') throw new Error(answer.message)
    return answer
  }

  async load(load: Load): Promise<Loaded> {
    this.tell({ kind: 'load', load })
    const answer = await this.answer()
    if (answer.kind !== 'loaded') throw new Error(`the client answered ${answer.kind}`)
    return answer.loaded
  }

  /** The same, with what it took of the processes `nodes`, and of this one. */
  async measure(load: Load, nodes: readonly (number | undefined)[]): Promise<Measured> {
    const working = this.load(load)
    // Awaited below: until then what goes wrong is nobody's.
    working.catch(() => undefined)
    await pause(load.warmUpSeconds * 1_000)
    const meter = new ProcessMeter([...nodes, this.pid])
    await pause(load.seconds * 1_000 - 20)
    const meters = meter.read()
    return { ...(await working), nodes: meters.slice(0, -1), client: meters.at(-1) ?? nobody }
  }

  probe(): Probe {
    this.tell({ kind: 'probe' })
    return {
      stop: async () => {
        this.tell({ kind: 'stop' })
        const answer = await this.answer()
        if (answer.kind !== 'gap') throw new Error(`the client answered ${answer.kind}`)
        return answer.ms
      },
    }
  }

  async close(): Promise<void> {
    if (hasEnded(this.#process)) return
    this.#process.disconnect()
    await once(this.#process, 'exit')
  }
}
