// Calls of clients and answers to them, between the version of the schema that a client was made for and the one that is in force.
import type { Replica } from '../machine/replica.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { Refused } from '../wire/client-messages.ts'

export type Admitted = { readonly kind: 'admitted'; readonly call: Uint8Array } | { readonly kind: 'refused'; readonly why: Refused }

/**
 * The call as the version in force has it; or why not. What a machine throws is a problem of the call, too: no bytes of a client may stop a node. `isCertain`:
 * whatever version is in force anywhere is in force here.
 */
export function admitted(
  { machine, hasBegun }: Replica,
  kind: 'command' | 'query',
  call: Uint8Array,
  { isCertain }: { readonly isCertain: boolean },
): Admitted {
  try {
    if (!hasBegun) return { kind: 'refused', why: notBegun }
    if (machine.evolution === undefined) {
      const problem = kind === 'command' ? machine.check?.(call) : machine.checkQuery?.(call)
      return problem === undefined ? { kind: 'admitted', call } : invalid(problem)
    }
    const admission = machine.evolution.admit(kind, call)
    if (admission.kind === 'admitted') return admission
    const { code, message, isKnown = false } = admission
    // It is in force in the cluster, for all its client knows, and will soon be so here.
    const mayComeSoon = code === 'NOT_YET_ACTIVE' && isKnown && !isCertain
    return { kind: 'refused', why: { code: mayComeSoon ? 'RETRY' : code, message } }
  } catch (error) {
    return invalid(error instanceof Error ? error.message : String(error))
  }
}

const notBegun: Refused = { code: 'RETRY', message: 'this node does not know yet which version of the schema is in force' }
const invalid = (message: string): Admitted => ({ kind: 'refused', why: { code: 'INVALID_INPUT', message } })

const noReply = new Uint8Array(0)

export interface Answered {
  readonly kind: 'command' | 'query'
  readonly call: Uint8Array
  readonly reply: Uint8Array
  /** Of the client. */
  readonly version: number
}

/** The reply as a client of an older version reads it; nothing where it may stay as it is. */
export function lower(
  { evolution }: StateMachine,
  { kind, call, reply, version }: Answered,
): { readonly reply: Uint8Array; readonly refused: Refused | undefined } | undefined {
  if (evolution === undefined || version === 0 || version >= evolution.active) return undefined
  const lowered = evolution.lower(kind, call, reply, version)
  if (lowered.kind === 'lowered') return { reply: lowered.reply, refused: undefined }
  const message = `version ${version} of the schema has no words for the result: ${lowered.message}`
  return { reply: noReply, refused: { code: 'RESULT_TOO_NEW', message } }
}
