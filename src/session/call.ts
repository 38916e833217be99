import type { Ms } from '../core/types.ts'
import { type ErrorCode, RaftgenError } from '../errors.ts'
import type { Consistency } from '../wire/client-messages.ts'
import type { CallInput, Operation } from './api.ts'
import type { OlderForms, Token } from './caller.ts'

/** One call between `step` and its settlement. */
export class Call {
  readonly callId: number
  readonly operation: Operation
  readonly payload: Uint8Array
  readonly #older: OlderForms | undefined
  /** As it was sent to a cluster that uses an older version of the schema. */
  #lowered: { readonly version: number; readonly bytes: Uint8Array } | undefined
  readonly deadline: Ms
  /** As the server is told. */
  readonly consistency: Consistency
  readonly atLeast: Token | undefined
  /** Of a query: goes to the server that is near, not to the leader. */
  readonly toNearest: boolean
  /** Of a command: its number in the session, 0 before it is sent in one. Of a query: the id of its latest request, 0 likewise. */
  seq = 0
  /** Attempts on the present connection that were not answered yet. */
  pending = 0
  /** Some attempt ended without a word on whether it entered the log: the connection broke, or the server could not say. Never cleared. */
  exposed = false
  settled = false

  constructor(input: CallInput) {
    this.callId = input.callId
    this.operation = input.operation
    this.payload = input.payload
    this.#older = input.older
    this.deadline = input.deadline
    this.consistency = input.atLeast === undefined ? input.consistency : 'atLeast'
    this.atLeast = input.atLeast
    this.toNearest = input.operation === 'query' && input.from === 'nearest'
  }

  /** Of a query: any server can answer it, whether it knows a leader or not. */
  get isLocal(): boolean {
    return this.consistency === 'stale' || (this.toNearest && this.consistency === 'atLeast')
  }

  /** Whether the cluster may apply this command, or has done so, although nothing more is sent. Queries change nothing. */
  get mayBeInLog(): boolean {
    return this.operation === 'command' && (this.exposed || this.pending > 0)
  }

  /** As a cluster reads it that uses `version` of the schema. Throws NOT_YET_ACTIVE where that version has no words for it. */
  bytesIn(version: number): Uint8Array {
    const older = this.#older
    if (older === undefined || version === 0 || version >= older.version) return this.payload
    if (this.#lowered?.version !== version) {
      try {
        this.#lowered = { version, bytes: older.encode(version) }
      } catch (error) {
        // What may be in the log already was understood by somebody.
        if (this.mayBeInLog) return this.payload
        const why = error instanceof Error ? error.message : String(error)
        const message = `the cluster uses version ${version} of the schema, which has no words for this ${this.operation}: ${why}`
        throw new RaftgenError('NOT_YET_ACTIVE', message)
      }
    }
    return this.#lowered.bytes
  }

  /** The connection is gone: what was not answered on it stays unknown. */
  onDisconnected(): void {
    if (this.pending > 0) this.exposed = true
    this.pending = 0
  }
}

/** What is sent of `call` to a cluster that uses `version` of the schema. Nothing where that has no words for it: then it has failed. */
export function bytesOf(
  call: Call,
  version: number,
  lane: { fail(call: Call, code: ErrorCode, message: string): void },
): Uint8Array | undefined {
  try {
    return call.bytesIn(version)
  } catch (error) {
    if (!(error instanceof RaftgenError)) throw error
    lane.fail(call, error.code, error.message)
    return undefined
  }
}
