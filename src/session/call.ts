import type { Ms } from '../core/types.ts'
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
  #lowered: { readonly version: number; readonly bytes: Uint8Array; readonly why?: string } | undefined
  readonly since: Ms
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
  /** Made before and after it, among those that are not settled: up to the ledger. */
  before: Call | undefined = undefined
  after: Call | undefined = undefined

  constructor(input: CallInput) {
    this.callId = input.callId
    this.operation = input.operation
    this.payload = input.payload
    this.#older = input.older
    this.since = input.since
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

  /**
   * As a cluster reads it that uses `version` of the schema. Where that version has no words for it, as it was given: whether it is still in force, the cluster knows best.
   */
  bytesIn(version: number): Uint8Array {
    const older = this.#older
    if (older === undefined || version === 0 || version >= older.version) return this.payload
    if (this.#lowered?.version !== version) this.#lowered = { version, ...this.#lower(older, version) }
    return this.#lowered.bytes
  }

  /** A refusal of it, with what the cluster cannot know: why it was not said in older words. */
  explained({ code, message }: { readonly code: string; readonly message: string }): string {
    const why = this.#lowered?.why
    return code === 'NOT_YET_ACTIVE' && why !== undefined ? `${message}: ${why}` : message
  }

  #lower(older: OlderForms, version: number): { readonly bytes: Uint8Array; readonly why?: string } {
    try {
      return { bytes: older.encode(version) }
    } catch (error) {
      return { bytes: this.payload, why: error instanceof Error ? error.message : String(error) }
    }
  }

  /** The connection is gone: what was not answered on it stays unknown. */
  onDisconnected(): void {
    if (this.pending > 0) this.exposed = true
    this.pending = 0
  }
}
