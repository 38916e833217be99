import type { Ms, NodeId } from '../core/types.ts'
import type { ErrorCode } from '../errors.ts'
import type { Welcome } from '../wire/client-messages.ts'
import { keepAliveMsMax, type SessionTiming } from './limits.ts'

/**
 * One connection of a client, or what it does without one.
 *
 *     down --retryAt--> dialing --Welcome--> open --leader elsewhere, silence, broken--> down
 *       \--all servers refused--> barred --a call after `until`--> down
 */
export type Link = DownLink | DialingLink | OpenLink | BarredLink | { readonly kind: 'closed' }

export interface DownLink {
  readonly kind: 'down'
  readonly retryAt: Ms
}
export interface DialingLink {
  readonly kind: 'dialing'
  readonly attempt: number
  readonly address: string
  readonly until: Ms
}
export interface OpenLink {
  readonly kind: 'open'
  readonly attempt: number
  readonly address: string
  readonly nodeId: NodeId
  readonly commandBytesMax: number
  readonly keepAliveMs: number
  /** This server leads, as far as it knows; on the connection to the nearest: it knows a leader. */
  leading: boolean
  /** It knows no leader, or only one that cannot be reached: leave it then. `undefined` while it leads. */
  leaderBy: Ms | undefined
  /** When anything last came, or when the server last began to owe an answer. */
  heardAt: Ms
  /** When something last went out that keeps the session. */
  keptAliveAt: Ms
  /** When the first keep-alive went out since anything came. */
  probedAt: Ms | undefined
}
/** Every known server refused this client for good. */
export interface BarredLink {
  readonly kind: 'barred'
  readonly code: ErrorCode
  readonly message: string
  readonly until: Ms
}

const mismatches: ReadonlySet<ErrorCode> = new Set(['CLUSTER_MISMATCH', 'MACHINE_MISMATCH', 'PROTOCOL_MISMATCH'])

/** Whether a server that says this will never have the client. */
export const isMismatch = (code: ErrorCode): boolean => mismatches.has(code)

export function openLink({ attempt, address }: DialingLink, welcome: Welcome, now: Ms): OpenLink {
  return {
    kind: 'open',
    attempt,
    address,
    nodeId: welcome.nodeId,
    commandBytesMax: welcome.commandBytesMax,
    keepAliveMs: Math.min(welcome.keepAliveMs, keepAliveMsMax),
    leading: false,
    leaderBy: undefined,
    heardAt: now,
    keptAliveAt: now,
    probedAt: undefined,
  }
}

/** When the server counts as silent, unless anything comes before. Only what needs no log tells silence from a backlog. */
export const silentAt = ({ probedAt }: OpenLink, { silenceMs }: SessionTiming): Ms =>
  probedAt === undefined ? Number.POSITIVE_INFINITY : probedAt + silenceMs

/** When a keep-alive is due: to keep the session and the connection, or to see whether a server that owes an answer (`asked`) is alive. */
export function keepAliveAt({ keptAliveAt, keepAliveMs, heardAt, probedAt }: OpenLink, timing: SessionTiming, asked: boolean): Ms {
  const probeAt = probedAt === undefined && asked ? heardAt + timing.probeAfterMs : Number.POSITIVE_INFINITY
  return Math.min(keptAliveAt + keepAliveMs, probeAt)
}
