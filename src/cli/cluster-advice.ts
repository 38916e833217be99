// The way out of what a cluster refused, or did not answer: what the table of errors says in general does not fit an operator.
import { ChangeRefused, type ChangeRefusalReason, type ChangeStep, type ClusterAdmin } from '../client/index.ts'
import { RaftgenError } from '../errors.ts'
import { everyStatus, placesOf, whyLeaderless } from './cluster-nodes.ts'
import { Advised } from './wrong-use.ts'

export interface Circumstances {
  readonly servers: readonly string[]
  /** `undefined` while there is no connection. */
  readonly admin: ClusterAdmin | undefined
  readonly steps: readonly ChangeStep[]
}

const lookMs = 2_000

/** `error`, with advice where there is some that fits better than what its code says. */
export async function withAdvice(error: unknown, circumstances: Circumstances): Promise<unknown> {
  if (!(error instanceof RaftgenError)) return error
  if (error instanceof ChangeRefused) return new Advised(error, await afterRefusal(error.reason, circumstances))
  if (error.code === 'OUTCOME_UNKNOWN') return new Advised(error, 'Run `raftgen cluster status` to see whether it took effect.')
  if (error.code === 'UNAVAILABLE') return new Advised(error, whyLeaderless(await everyStatus(circumstances.servers)))
  return error
}

const members = '`raftgen cluster status` shows the members.'
const later = 'Try again when the change that is under way has ended.'

const advice: Readonly<Record<ChangeRefusalReason, string>> = {
  notCommittedInTerm: 'Its leader is new: try again in a moment.',
  confPending: later,
  transferPending: later,
  quorumUnreachable: 'Start the others first; `raftgen cluster status` shows which are not active.',
  notCaughtUp: 'Try again when `raftgen cluster status` shows it as active, and not as catching up.',
  noTarget: 'Start another voter, or wait until one has caught up; `raftgen cluster status` shows how far each has got.',
  noSteps: 'Name what is to be changed.',
  unknownId: members,
  duplicateId: `Choose an id, and addresses, that no member has. ${members}`,
  removedId: 'Choose an id that was never used.',
  notLearner: members,
  notVoter: members,
  badIncarnation: members,
  noVoters: 'Add another voter first, or leave one.',
  membersMax: 'Remove a member first.',
  badLease: 'Choose another duration.',
  transferToSelf: 'Name another voter.',
  notHalted:
    '`raftgen cluster status` shows who has halted where: name that entry. Where the leader alone has not, what it answered would be undone: to have that, hand leadership to a node that has halted, with `raftgen cluster transfer --to`.',
  versionUnknown: 'Deploy a build that knows it on every node first.',
  membersLackVersion: '`raftgen cluster status` shows which version each node knows.',
  migrationFailed: 'Correct the migration, deploy it on every node, and activate the version again.',
  quorumNotHalted:
    'Try again when `raftgen cluster status` shows that more nodes have halted there; or start those that have again, with a handler that works.',
}

async function afterRefusal(reason: ChangeRefusalReason | undefined, { admin, steps }: Circumstances): Promise<string> {
  if (reason === undefined) return 'Do what the message says.'
  const silent =
    reason === 'quorumUnreachable' ? await admin?.members({ timeoutMs: lookMs }).then(missing(steps), () => undefined) : undefined
  return silent ?? advice[reason]
}

/** Of those that would vote: whom to start, or else whom to wait for. */
const missing =
  (steps: readonly ChangeStep[]) =>
  (view: Awaited<ReturnType<ClusterAdmin['members']>>): string | undefined => {
    const idsOf = (...kinds: readonly ChangeStep['kind'][]): readonly number[] =>
      steps.flatMap((step) => (kinds.includes(step.kind) && 'id' in step ? [step.id] : []))
    const [leaving, promoted] = [idsOf('remove', 'demote'), idsOf('promote')]
    const voters = view.members.filter(({ id, role }) => (role === 'voter' || promoted.includes(id)) && !leaving.includes(id))
    const silent = voters.filter(({ progress }) => progress?.isActive === false)
    if (silent.length > 0) return `Start ${placesOf(silent)} first.`
    const fetching = voters.filter(({ progress }) => progress?.state === 'snapshot')
    return fetching.length === 0 ? undefined : `Wait until ${placesOf(fetching)} has its snapshot.`
  }
