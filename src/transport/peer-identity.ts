// Who may talk to whom. Pure: a handshake and what a node knows go in, a refusal or nothing comes out.
import type { Member, NodeId } from '../core/types.ts'
import type { PeerHello, PeerRefusal, PeerWelcome, Preamble } from '../wire/handshake.ts'
import { chooseVersion, protocol } from '../wire/handshake.ts'

/** What a node says of itself to its peers. */
export interface PeerSelf {
  readonly clusterId: string
  readonly nodeId: NodeId
  readonly incarnation: number
}
export interface MachineIdentity {
  readonly name: string
  /** Hash of its wire format. */
  readonly wire: string
}
export interface PeerIdentity {
  readonly self: PeerSelf
  readonly machine: MachineIdentity
  /** Eight bytes in hex, drawn anew by each process. */
  readonly bootNonce: string
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

/** Why a node that introduces itself with `hello` is refused, or nothing. */
export function checkHello(hello: PeerHello, { self, machine }: PeerIdentity, member: Member | undefined): PeerRefusal | undefined {
  const foreign = (message: string): PeerRefusal => ({ code: 'CLUSTER_MISMATCH', message })
  if (hello.clusterId !== self.clusterId) {
    return foreign(`node ${self.nodeId} belongs to cluster ${quote(self.clusterId)}, not to ${quote(hello.clusterId)}`)
  }
  if (hello.to !== self.nodeId) return foreign(`this is node ${self.nodeId}, not node ${hello.to}`)
  if (hello.from === self.nodeId) return foreign(`another process calls itself node ${self.nodeId}`)
  if (member === undefined) return foreign(`node ${hello.from} is not a member of cluster ${quote(self.clusterId)}`)
  if (hello.incarnation !== member.incarnation) {
    return foreign(`node ${hello.from} is known as incarnation ${member.incarnation}, not ${hello.incarnation}`)
  }
  return checkMachine(hello, { self, machine })
}

/** Why the node that answered with `welcome` is not the one that was dialled, or nothing. */
export function checkWelcome(welcome: PeerWelcome, { self }: PeerIdentity, member: Member): string | undefined {
  if (welcome.clusterId !== self.clusterId) return `it belongs to cluster ${quote(welcome.clusterId)}, not to ${quote(self.clusterId)}`
  if (welcome.nodeId !== member.id) return `it is node ${welcome.nodeId}`
  if (welcome.incarnation === member.incarnation) return undefined
  return `it is incarnation ${welcome.incarnation}, known is ${member.incarnation}`
}

function checkMachine(hello: PeerHello, { self, machine }: Pick<PeerIdentity, 'self' | 'machine'>): PeerRefusal | undefined {
  const differs = (message: string): PeerRefusal => ({ code: 'MACHINE_MISMATCH', message })
  if (hello.machine !== machine.name) {
    return differs(`node ${self.nodeId} runs machine ${quote(machine.name)}, node ${hello.from} runs ${quote(hello.machine)}`)
  }
  if (hello.wire === machine.wire) return undefined
  const { name, wire } = machine
  return differs(`node ${self.nodeId} runs ${quote(name)} with wire format ${quote(wire)}, node ${hello.from} with ${quote(hello.wire)}`)
}

const quote = (text: string): string => JSON.stringify(text)
