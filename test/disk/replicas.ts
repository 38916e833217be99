// A replica that runs: in this process, or in one of its own. Both say the same of themselves.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { RaftgenError } from '../../src/errors.ts'
import { Server } from '../../src/server/index.ts'
import type { CommonOptions, OwnDir } from '../../src/server/options.ts'
import { ledger } from './ledger.ts'

/** Built by `npm run build:examples`. */
const replicaFile = new URL('../../dist/test/disk/replica.js', import.meta.url).pathname

/**
 * How a replica ended that nobody had told to.
 *
 * refused   it did not start; `code` and `message` are those of a `RaftgenError`
 * stopped   it ran, and stopped itself, with a `RaftgenError`
 * crashed   anything else; `signal` when the system has ended its process
 */
export interface Ended {
  readonly kind: 'refused' | 'stopped' | 'crashed'
  readonly code: string
  readonly message: string
  readonly signal?: string
}

export interface Running {
  /** Warnings and errors. */
  readonly said: readonly string[]
  readonly ended: Ended | undefined
  /** Ends it at once: a process as `kill -9` does; here, without handing over leadership. */
  stop(): Promise<void>
}

export type ReplicaOptions = Pick<CommonOptions & OwnDir, 'dir' | 'id' | 'clusterId' | 'join' | 'listen' | 'timing' | 'limits'>

/** Resolves when it takes part, or has ended. */
export async function runInside(options: ReplicaOptions): Promise<Running> {
  const running = new InsideReplica()
  await running.start(options)
  return running
}

class InsideReplica implements Running {
  readonly said: string[] = []
  ended: Ended | undefined
  #server: Server | undefined

  async start(options: ReplicaOptions): Promise<void> {
    const say = (message: string): void => void this.said.push(message)
    const logger = { info: () => {}, warn: say, error: say }
    try {
      const server = await Server.run({ ...options, machine: ledger(), insecure: true, logger })
      this.#server = server
      server.closed.catch((thrown: unknown) => {
        this.ended ??= endedBy('stopped', thrown)
      })
    } catch (thrown) {
      this.ended = endedBy('refused', thrown)
    }
  }

  async stop(): Promise<void> {
    await this.#server?.close({ handOver: false })
  }
}

function endedBy(kind: 'refused' | 'stopped', thrown: unknown): Ended {
  if (thrown instanceof RaftgenError) return { kind, code: thrown.code, message: thrown.message }
  return { kind: 'crashed', code: '', message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) }
}

/** What comes before `node` on the command line, and what is in the environment. */
export interface Wrap {
  readonly command?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Resolves when it takes part, or has ended; or after `timeoutMs`, whatever is then. */
export async function runProcess(
  options: ReplicaOptions,
  { wrap = {}, timeoutMs = 20_000 }: { wrap?: Wrap; timeoutMs?: number } = {},
): Promise<ProcessReplica> {
  const [file = process.execPath, ...before] = [...(wrap.command ?? []), process.execPath]
  const child = spawn(file, [...before, replicaFile, JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, ...wrap.env },
  })
  const running = new ProcessReplica(child)
  const timeout = new Promise((resolve) => setTimeout(resolve, timeoutMs).unref())
  await Promise.race([running.decided, timeout])
  return running
}

export class ProcessReplica implements Running {
  readonly said: string[] = []
  ended: Ended | undefined
  /** Resolves when it takes part, or has ended. */
  readonly decided: Promise<void>
  readonly #child: ChildProcess
  readonly #closed: Promise<void>
  #pid: number | undefined
  #stderr = ''
  #isTold = false

  /** For `runProcess`. */
  constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.on('data', (chunk) => {
      this.#stderr += String(chunk)
    })
    this.#closed = once(child, 'close').then(([code, signal]) => this.#onClosed(code, signal))
    this.decided = new Promise((resolve) => {
      child.on('message', (report) => {
        this.#onReport(report)
        if (isObject(report) && report['kind'] === 'running') resolve()
      })
      void this.#closed.then(resolve)
    })
  }

  /** Of the replica itself, not of what is around it. */
  get pid(): number {
    const pid = this.#pid ?? this.#child.pid
    if (pid === undefined) throw new Error('the process has no number')
    return pid
  }

  /** Resolves when the process has ended by itself. */
  get closed(): Promise<void> {
    return this.#closed
  }

  async stop(): Promise<void> {
    this.#isTold = true
    const isOver = this.#child.exitCode !== null || this.#child.signalCode !== null
    // The replica first: what is around it ends with it.
    if (!isOver && this.#pid !== undefined) killIfThere(this.#pid)
    else this.#child.kill('SIGKILL')
    await this.#closed
  }

  #onReport(report: unknown): void {
    if (!isObject(report)) return
    const { kind, code, message, pid } = report
    if (kind === 'pid') this.#pid = Number(pid)
    if (kind === 'said') this.said.push(String(message))
    if (kind === 'refused' || kind === 'stopped') this.ended = { kind, code: String(code), message: String(message) }
  }

  #onClosed(code: unknown, signal: unknown): void {
    if (this.#isTold) return
    const message = `its process ended with ${signal ?? `code ${code}`}: ${this.#stderr.trim()}`
    this.ended ??= { kind: 'crashed', code: '', message, ...(typeof signal === 'string' ? { signal } : {}) }
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH')) throw thrown
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null
