// What may happen next in a cluster, in a fixed order, so that a move is named by its place.
import type { ConfStep, Message, NodeId } from '../../src/core/index.ts'
import { type Budget, type Kind, spent } from './budget.ts'
import type { Facts, KnownMessage, LocalState, LocalStates } from './local-states.ts'
import type { Happening } from './server.ts'

export interface Move {
  /** Place of the server that it happens to. */
  readonly at: number
  /** `undefined`: a message is lost, and nothing happens. */
  readonly happening: Happening | undefined
  /** Among all that may happen to one state of a server: a number for a message, doubled where it comes late. */
  readonly key: string | number
  /** A message leaves the network. */
  readonly takes: number | undefined
  /** The message that never arrives. */
  readonly lost?: Message
  readonly costs: Kind | undefined
}

export interface Situation {
  readonly servers: readonly LocalState[]
  readonly purse: number
  /** Numbers of the messages in flight, ascending; each as often as it is there. */
  readonly network: readonly number[]
}

export function movesOf({ servers, purse, network }: Situation, budget: Budget, states: LocalStates): readonly Move[] {
  const moves: Move[] = []
  const can = (kind: Kind): boolean => spent(purse, kind) < budget[kind]
  const add = (at: number, happening: Happening, key: string, costs?: Kind): void => {
    moves.push({ at, happening, key, takes: undefined, costs })
  }
  for (const [i, number] of network.entries()) {
    if (network[i - 1] === number) continue
    const known = states.messages[number]
    if (known !== undefined) addDeliveries(moves, known, { servers, can })
  }
  for (const [at, { facts }] of servers.entries()) {
    const { role, term, isWriting, snapshotWanted } = facts
    if (isWriting) add(at, { kind: 'written' }, 'written')
    if (can('timeouts') && role === 'leader') add(at, { kind: 'lapse' }, 'lapse', 'timeouts')
    if (can('timeouts') && role !== 'leader' && term < budget.terms) add(at, { kind: 'timeout' }, 'timeout', 'timeouts')
    if (role === 'leader') addLeaderMoves(moves, { at, facts, purse, can })
    if (can('reads') && (role === 'leader' || facts.follows))
      add(at, { kind: 'read', id: spent(purse, 'reads') }, `read ${spent(purse, 'reads')}`, 'reads')
    if (can('crashes')) {
      add(at, { kind: 'restart', keepsWrite: false }, 'restart', 'crashes')
      if (isWriting) add(at, { kind: 'restart', keepsWrite: true }, 'restart, written', 'crashes')
    }
    if (can('compactions') && facts.lastApplied >= facts.firstIndex) add(at, { kind: 'compact' }, 'compact', 'compactions')
    if (snapshotWanted !== undefined) addInstalls(moves, { at, minIndex: snapshotWanted, servers, states })
  }
  return moves
}

interface Deliveries {
  readonly servers: readonly LocalState[]
  readonly can: (kind: Kind) => boolean
}

function addDeliveries(moves: Move[], { number, message }: KnownMessage, { servers, can }: Deliveries): void {
  const at = message.to - 1
  const facts = servers[at]?.facts
  if (facts === undefined) return
  // Who hears from a leader takes no part in elections; a moment later it may.
  const isRequest = message.kind === 'PreVote' || (message.kind === 'RequestVote' && !message.transfer)
  const late = isRequest && message.term > facts.term && facts.hears
  const delivery = { at, happening: { kind: 'deliver', message, late }, key: 2 * number + Number(late) } as const
  moves.push({ ...delivery, takes: number, costs: undefined })
  if (can('duplications')) moves.push({ ...delivery, takes: undefined, costs: 'duplications' })
  if (can('drops')) moves.push({ at, happening: undefined, key: '', takes: number, lost: message, costs: 'drops' })
}

interface LeaderMoves {
  readonly at: number
  readonly facts: Facts
  readonly purse: number
  readonly can: (kind: Kind) => boolean
}

function addLeaderMoves(moves: Move[], { at, facts, purse, can }: LeaderMoves): void {
  const add = (happening: Happening, key: string, costs: Kind): void => {
    moves.push({ at, happening, key, takes: undefined, costs })
  }
  if (can('heartbeats')) add({ kind: 'heartbeat' }, 'heartbeat', 'heartbeats')
  if (can('entries')) {
    const word = String.fromCharCode(97 + spent(purse, 'entries'))
    add({ kind: 'propose', word }, `propose ${word}`, 'entries')
  }
  if (can('transfers') && facts.transferee === undefined)
    for (const to of facts.voters) if (to !== facts.id) add({ kind: 'transfer', to }, `transfer ${to}`, 'transfers')
  if (can('changes')) for (const step of stepsOf(facts)) add({ kind: 'change', step }, `change ${step.kind} ${idOf(step)}`, 'changes')
}

/** A voter becomes a learner, a learner a voter: the quorums change, and nobody is a stranger. */
const stepsOf = ({ voters, learners }: Facts): readonly ConfStep[] => [
  ...(voters.length > 1 ? voters.map((id) => ({ kind: 'demote', id }) as const) : []),
  ...learners.map((id) => ({ kind: 'promote', id }) as const),
]

const idOf = (step: ConfStep): NodeId => ('id' in step ? step.id : 0)

interface Installs {
  readonly at: number
  readonly minIndex: number
  readonly servers: readonly LocalState[]
  readonly states: LocalStates
}

/** From any server that has applied enough. */
function addInstalls(moves: Move[], { at, minIndex, servers, states }: Installs): void {
  for (const [source, state] of servers.entries()) {
    if (source === at || state.facts.lastApplied < minIndex) continue
    const { snapshot } = states.server(state)
    const { term } = state.facts
    const { id } = snapshot.base
    moves.push({
      at,
      happening: { kind: 'install', snapshot, term },
      key: `install ${id.index}.${id.term} ${term} ${snapshot.base.conf.voters.join()}`,
      takes: undefined,
      costs: undefined,
    })
  }
}
