import { RaftgenError } from '../errors.ts'
import type { Caller, CallOptions, QueryOptions, Settle, Token } from '../session/caller.ts'
import type { CallKind, CallOutcome, SimCall } from './history.ts'
import type { SimClient } from './sim-client.ts'

const defaultTimeoutMs = 5_000

/** A simulated client as generated clients want it. Its promises settle while the simulation runs, not by themselves. */
export class SimCaller implements Caller {
  readonly client: SimClient

  constructor(client: SimClient) {
    this.client = client
  }

  command(command: Uint8Array, options: CallOptions | undefined, settle: Settle): void {
    this.#call('command', command, options, settle)
  }

  query(query: Uint8Array, options: QueryOptions | undefined, settle: Settle): void {
    this.#call(options?.consistency === 'stale' ? 'stale' : 'linearizable', query, options, settle)
  }

  get token(): Token {
    return this.client.token
  }

  close(): Promise<void> {
    this.client.close()
    return new Promise((resolve) => resolve())
  }

  #call(kind: CallKind, payload: Uint8Array, options: QueryOptions | undefined, settle: Settle): void {
    const settled = ({ outcome }: SimCall): void => tell(outcome, settle)
    const timeoutMs = options?.timeoutMs ?? defaultTimeoutMs
    const { index: token } = options?.atLeast ?? this.token
    // The history knows calls by their arrays.
    const call = this.client.call(kind, Uint8Array.from(payload), { timeoutMs, token, nearest: options?.from === 'nearest', settled })
    if (options?.signal?.aborted === true) this.client.abort(call)
    options?.signal?.addEventListener('abort', () => this.client.abort(call), { once: true })
  }
}

function tell(outcome: CallOutcome, settle: Settle): void {
  if (outcome.kind === 'answered') settle(undefined, { index: outcome.index, reply: outcome.reply })
  if (outcome.kind === 'failed') settle(new RaftgenError(outcome.code, outcome.message, { outcome: outcome.effect }), undefined)
}
