// Who may talk to whom. Pure: a handshake and what a node knows go in, a refusal or nothing comes out.
import type { KnownVersion, Member, NodeId } from '../core/types.ts'
import { anotherDisk } from '../ports/peer-disks.ts'
import type { PeerHello, PeerRefusal, PeerWelcome, Preamble } from '../wire/handshake.ts'
import { chooseVersion, protocol } from '../wire/handshake.ts'
import { isAddress } from '../wire/address.ts'
import { guestsMax } from './guests.ts'
import { checkRemoved, isGuest, type Membership } from './membership.ts'

/** What a node says of itself to its peers. */
export interface PeerSelf {
  readonly clusterId: string
  readonly nodeId: NodeId
  readonly incarnation: number
  /** Tells its disk from any other: sixteen bytes in hex. Without it others cannot tell. */
  readonly diskId?: string | undefined
}
export interface MachineIdentity {
  readonly name: string
  /** The versions of its schema that it knows, ascending, at least one. */
  readonly versions: readonly KnownVersion[]
}
export interface PeerIdentity {
  readonly self: PeerSelf
  readonly machine: MachineIdentity
  /** Eight bytes in hex, drawn anew by each process. */
  readonly bootNonce: string
}

const newestOf = ({ versions }: MachineIdentity): KnownVersion => versions.at(-1) ?? { version: 0, wire: '' }

/** How a node that listens at `peer` introduces itself to `member`. */
export function helloTo(member: Pick<Member, 'id'>, { self, machine, bootNonce }: PeerIdentity, peer: string): PeerHello {
  const { clusterId, nodeId: from, incarnation, diskId } = self
  const { version, wire } = newestOf(machine)
  return { clusterId, from, incarnation, to: member.id, machine: machine.name, version, wire, bootNonce, peer, diskId }
}

/** Of either side: what keeps it from talking to a `role` of this release. */
export function checkPreamble(preamble: Preamble, role: Preamble['role'], name: string): PeerRefusal | undefined {
  if (preamble.role !== role) {
    const ports = { peer: 'for the other nodes of its cluster, not for clients', client: 'for clients, not for nodes' } as const
    return { code: 'PROTOCOL_MISMATCH', message: `this port of ${name} is ${ports[role]}` }
  }
  if (chooseVersion(preamble) !== undefined) return undefined
  const { min, max } = preamble
  return {
    code: 'PROTOCOL_MISMATCH',
    message: `${name} speaks versions ${protocol.min} to ${protocol.max} of the protocol, the other side ${min} to ${max}`,
  }
}

/** What a node knows of the one that introduces itself. */
export interface Acquaintance {
  readonly membership: Membership
  /** As which the membership has its id. */
  readonly member: Member | undefined
  /** As which its id is a guest. */
  readonly guest: Member | undefined
  readonly hasRoom: boolean
  /** Its disk is not the one that it has been seen with. */
  readonly isAnotherDisk: boolean
}

/**
 * Why a node that introduces itself with `hello` is refused, or nothing. A node that is gone for good hears that before all else. That it is
 * not known is no reason, or only as an earlier incarnation: this node's log may be what is old (§4.1).
 */
export function checkHello(
  hello: PeerHello,
  { self, machine }: PeerIdentity,
  { membership, member, guest, hasRoom, isAnotherDisk }: Acquaintance,
): PeerRefusal | undefined {
  const foreign = (message: string): PeerRefusal => ({ code: 'CLUSTER_MISMATCH', message })
  if (hello.clusterId !== self.clusterId) {
    return foreign(`node ${self.nodeId} belongs to cluster ${quote(self.clusterId)}, not to ${quote(hello.clusterId)}`)
  }
  const removed = checkRemoved(hello, membership)
  if (removed !== undefined) return removed
  if (hello.to !== self.nodeId) return foreign(`this is node ${self.nodeId}, not node ${hello.to}`)
  if (hello.from === self.nodeId) return foreign(`another process calls itself node ${self.nodeId}`)
  const known = guest ?? member
  if (known !== undefined && hello.incarnation < known.incarnation) {
    return foreign(`node ${hello.from} is known as incarnation ${known.incarnation}, not ${hello.incarnation}`)
  }
  if (isAnotherDisk) return refusedDisk({ id: hello.from, incarnation: hello.incarnation })
  return (
    checkMachine(hello, { self, machine }) ?? checkAddress(hello) ?? (isGuest(hello, member) ? checkRoom(hello, self, hasRoom) : undefined)
  )
}

/** Why the node that answered with `welcome` is not the one that was dialled, or nothing. */
export function checkWelcome(welcome: PeerWelcome, { self }: PeerIdentity, member: Member): string | undefined {
  if (welcome.clusterId !== self.clusterId) return `it belongs to cluster ${quote(welcome.clusterId)}, not to ${quote(self.clusterId)}`
  if (welcome.nodeId !== member.id) return `it is node ${welcome.nodeId}`
  if (welcome.incarnation === member.incarnation) return undefined
  return `it is incarnation ${welcome.incarnation}, known is ${member.incarnation}`
}

/** Of a node that has forgotten what it had promised. The code says to it that this is for good. */
export const refusedDisk = (peer: Pick<Member, 'id' | 'incarnation'>): PeerRefusal => ({
  code: 'DATA_DIR_FOREIGN',
  message: anotherDisk(peer),
})

function checkMachine(hello: PeerHello, { self, machine }: Pick<PeerIdentity, 'self' | 'machine'>): PeerRefusal | undefined {
  const differs = (message: string): PeerRefusal => ({ code: 'MACHINE_MISMATCH', message })
  if (hello.machine !== machine.name) {
    return differs(`node ${self.nodeId} runs machine ${quote(machine.name)}, node ${hello.from} runs ${quote(hello.machine)}`)
  }
  const known = machine.versions.find(({ version }) => version === hello.version)
  // Of another version than those that are known here nothing can be said: whether it may be in force is decided by who knows it.
  if (known === undefined || known.wire === hello.wire) return undefined
  const what = `runs version ${known.version} of ${quote(machine.name)} with wire format`
  return differs(`node ${self.nodeId} ${what} ${quote(known.wire)}, node ${hello.from} with ${quote(hello.wire)}`)
}

function checkAddress({ from, peer }: PeerHello): PeerRefusal | undefined {
  if (isAddress(peer)) return undefined
  return { code: 'BAD_OPTIONS', message: `node ${from} cannot be answered: ${quote(peer.slice(0, 300))} is not an address` }
}

function checkRoom({ from }: PeerHello, { clusterId, nodeId }: PeerSelf, hasRoom: boolean): PeerRefusal | undefined {
  if (hasRoom) return undefined
  const many = `${guestsMax} nodes that node ${nodeId} does not know are connected to it already`
  return { code: 'OVERLOADED', message: `node ${from} is not known as a member of cluster ${quote(clusterId)}, and ${many}` }
}

const quote = (text: string): string => JSON.stringify(text)
