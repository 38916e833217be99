// What each node of a cluster says of itself, for when there is no leader to ask.
import type { ClusterView, NodeStatus } from '../client/index.ts'

export interface NodeAnswer {
  readonly address: string
  readonly status: NodeStatus | undefined
  /** Why there is none. */
  readonly problem: string | undefined
}
type Conf = NodeStatus['conf']

const patienceMs = 1_000

/** Of the given servers, and of the members that they name. */
export async function everyStatus(servers: readonly string[]): Promise<readonly NodeAnswer[]> {
  const { nodeStatus } = await import('../client/index.ts')
  const asked = async (address: string): Promise<NodeAnswer> => {
    try {
      return { address, status: await nodeStatus({ address, timeoutMs: patienceMs }), problem: undefined }
    } catch (error) {
      return { address, status: undefined, problem: error instanceof Error ? error.message : String(error) }
    }
  }
  const given = await Promise.all([...new Set(servers)].map(asked))
  const named = given.flatMap(({ status }) => status?.conf.members.map(({ client }) => client) ?? [])
  const others = [...new Set(named)].filter((address) => !servers.includes(address))
  return [...given, ...(await Promise.all(others.map(asked)))]
}

/** Why nobody leads, as far as it shows from here, and what to do. */
export function whyLeaderless(nodes: readonly NodeAnswer[]): string {
  const answers = nodes.flatMap(({ status }) => status ?? [])
  const [newest] = answers.toSorted((a, b) => b.commitIndex - a.commitIndex)
  if (newest === undefined)
    return `No node answers at ${listed(nodes.map(({ address }) => address))}: correct --server, or start the nodes.`
  const leader = answers.find(({ role }) => role === 'leader')
  if (leader !== undefined) return `Node ${leader.nodeId} says that it leads: try again, with a longer --timeout.`
  const { conf } = newest
  const voters = [...new Set([...conf.voters, ...conf.votersOutgoing])].sort((a, b) => a - b)
  const reached = new Set(answers.map(({ nodeId }) => nodeId))
  const missing = voters.filter((id) => !reached.has(id))
  const lacking = lackingTheSame(answers)
  if (missing.length === 0 && lacking.length > 0)
    return `${lacking.length === 1 ? 'Node' : 'Nodes'} ${listed(lacking)} may have lost entries of the log that no other has, and nobody is elected without them: put back a disk that holds them.`
  if (voters.length === 1 && missing.length === 0) return 'The only voter is reachable, and does not lead yet: try again in a moment.'
  if (missing.length === 0)
    return `All ${voters.length} voters are reachable from here: try again in a moment. If that does not help, they do not reach each other.`
  const places = conf.members.filter(({ id }) => missing.includes(id))
  const start = `${missing.length} of ${voters.length} voters ${missing.length === 1 ? 'is' : 'are'} not reachable: start ${placesOf(places)}.`
  return canElect(conf, reached) ? `${start} The others are a majority, and elect a leader within seconds: try again.` : start
}

/** Nodes whose logs lack what none of the others has either. */
function lackingTheSame(answers: readonly NodeStatus[]): readonly string[] {
  const fenced = answers.filter(({ fence }) => fence !== undefined)
  const floor = Math.max(...fenced.map(({ fence }) => fence?.floor?.index ?? Number.POSITIVE_INFINITY))
  const isThere = answers.some(({ fence, lastIndex }) => fence === undefined && lastIndex >= floor)
  return isThere ? [] : [...new Set(fenced.map(({ nodeId }) => `${nodeId}`))]
}

/** `node 2 at 10.0.0.2:7101, node 3 at 10.0.0.3:7101` */
export const placesOf = (members: readonly Pick<ClusterView['members'][number], 'id' | 'client'>[]): string =>
  listed(members.map(({ id, client }) => `node ${id} at ${client}`))

const listed = (words: readonly string[]): string => words.join(', ')

function canElect({ voters, votersOutgoing }: Conf, reached: ReadonlySet<number>): boolean {
  const isMajority = (of: readonly number[]): boolean => of.length === 0 || 2 * of.filter((id) => reached.has(id)).length > of.length
  return isMajority(voters) && isMajority(votersOutgoing)
}
