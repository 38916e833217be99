// The processes of clients of a stage, and what they say of how it goes.
import { join } from 'node:path'
import { eventually } from '../server/servers.ts'
import { Process, programFile } from './processes.ts'
import { type CallersOrder, type CallersSettings, isCallersReport, type CallersReport } from './programs/orders.ts'
import { callerProcesses, keys, pauseMs } from './settings.ts'

const connectWithinMs = 60_000
/** The longest deadline of a call, and some more. */
const stopWithinMs = 30_000
const sweepWithinMs = 120_000

export interface WorkloadOptions {
  readonly servers: readonly string[]
  readonly clients: number
  readonly seed: number
  readonly folder: string
  /** Of `process.hrtime.bigint()`. */
  readonly begun: bigint
}

interface Crew {
  readonly process: Process
  readonly historyFile: string
  progress: Extract<CallersReport, { readonly kind: 'progress' }>
  readonly told: Set<CallersReport['kind']>
}

export class Workload {
  readonly problems: string[] = []
  readonly #crews: Crew[] = []

  static async start(options: WorkloadOptions): Promise<Workload> {
    const workload = new Workload()
    const each = Math.ceil(options.clients / callerProcesses)
    for (let i = 0; i < callerProcesses; i++)
      workload.#begin(i, { clients: Math.min(each, options.clients - i * each), first: i * each, options })
    await workload.#allTell('connected', connectWithinMs)
    return workload
  }

  get historyFiles(): readonly string[] {
    return this.#crews.map(({ historyFile }) => historyFile)
  }

  get calls(): number {
    return this.#crews.reduce((sum, { progress }) => sum + progress.calls, 0)
  }

  get answered(): number {
    return this.#crews.reduce((sum, { progress }) => sum + progress.answered, 0)
  }

  /** When the latest call was made that needed a majority and was answered: microseconds since the beginning. */
  get servedAt(): number {
    return Math.max(...this.#crews.map(({ progress }) => progress.servedAt))
  }

  get residentBytesMax(): number {
    return Math.max(...this.#crews.map(({ process: own }) => own.residentBytesMax))
  }

  sample(): void {
    for (const { process: own } of this.#crews) own.sample()
  }

  /** No calls any more; those under way end. */
  async stop(): Promise<void> {
    this.#order({ kind: 'stop' })
    await this.#allTell('stopped', stopWithinMs)
  }

  /** Everything is read from each node. */
  async sweep(): Promise<void> {
    this.#order({ kind: 'sweep' })
    await this.#allTell('swept', sweepWithinMs)
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#crews.map(({ process: own }) => own.kill()))
  }

  #begin(i: number, { clients, first, options }: { clients: number; first: number; options: WorkloadOptions }): void {
    const { servers, seed, folder, begun } = options
    const historyFile = join(folder, `history-${i + 1}.jsonl`)
    const settings: CallersSettings = { servers, clients, first, seed, begun: String(begun), historyFile, pauseMs, keys, sweeps: i === 0 }
    const told = new Set<CallersReport['kind']>()
    const crew: Crew = {
      process: new Process([process.execPath, programFile('callers'), JSON.stringify(settings)], {
        onMessage: (report) => isCallersReport(report) && this.#onReport(crew, report),
      }),
      historyFile,
      progress: { kind: 'progress', calls: 0, answered: 0, servedAt: 0 },
      told,
    }
    this.#crews.push(crew)
    void crew.process.exited.then(({ code, signal, stderr }) => {
      if (!crew.process.isEnding) this.problems.push(`a process of clients has ended, with ${signal ?? `code ${code}`}: ${stderr}`)
    })
  }

  #onReport(crew: Crew, report: CallersReport): void {
    crew.told.add(report.kind)
    if (report.kind === 'progress') crew.progress = report
    if (report.kind === 'violation') this.problems.push(report.message)
  }

  #order(order: CallersOrder): void {
    for (const { process: own } of this.#crews) own.send(order)
  }

  async #allTell(kind: CallersReport['kind'], timeoutMs: number): Promise<void> {
    const all = (): true | undefined => {
      if (this.#crews.some(({ process: own }) => own.exit !== undefined))
        throw new Error(`a process of clients has ended: ${this.problems.at(-1)}`)
      return this.#crews.every(({ told }) => told.has(kind)) ? true : undefined
    }
    await eventually(`word of all clients that they are ${kind}`, all, timeoutMs)
  }
}
