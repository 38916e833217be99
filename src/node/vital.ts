// What goes into the log whatever keeps the commands of clients out of it.
import type { Pending } from './proposals.ts'

/** What a new leader begins with is small, and there is always room for it. */
export const isVital = ({ kind, ...pending }: Pending): boolean =>
  kind === 'internal' && 'envelope' in pending && (pending.envelope.kind === 'renewSessions' || pending.envelope.kind === 'activate')
/** That, and what tells replicas whether they are the same, where they are in doubt about it. */
export const isVitalInDoubt = (pending: Pending): boolean =>
  isVital(pending) || (pending.kind === 'internal' && pending.envelope.kind === 'check')
