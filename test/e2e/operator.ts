// What an operator asks of a cluster.
import { askLeader } from '../../src/transport/index.ts'
import type { AdminOperation, AdminReply, AdminRefused } from '../../src/wire/client-messages.ts'

const passing: ReadonlySet<AdminRefused['reason']> = new Set(['confPending', 'notCommittedInTerm', 'quorumUnreachable'])

/** Resolves once the operation is done; what is in its way for a moment only is waited for. */
export function operate(servers: readonly string[], operation: AdminOperation): Promise<AdminReply> {
  return askLeader({
    failure: `the cluster did not ${operation.kind}`,
    servers,
    hello: { kind: 'Hello', clusterId: '', machine: '', version: 0, wire: '' },
    request: { kind: 'AdminRequest', requestId: 1, operation },
    accept: (message) => (message.kind === 'AdminReply' ? message : undefined),
    isRepeatable: false,
    passes: ({ reason }) => passing.has(reason),
    timeoutMs: 20_000,
  })
}

export const remove = (servers: readonly string[], id: number): Promise<AdminReply> =>
  operate(servers, { kind: 'changeConf', steps: [{ kind: 'remove', id }], force: false })
