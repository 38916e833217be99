// Operations on the cluster, as a client asks for them.
import type { ConfStep } from '../../src/core/index.ts'
import type { AdminOperation, AdminReply, JoinReply, JoinRequest } from '../../src/wire/client-messages.ts'
import type { TestNode, TestNodes } from './nodes.ts'

export const followers = (nodes: TestNodes): readonly TestNode[] => nodes.nodes.filter((node) => node !== nodes.leader)

export function follower(nodes: TestNodes): TestNode {
  const first = followers(nodes)[0]
  if (first === undefined) throw new Error('there is no follower')
  return first
}

/** Asks on a connection of its own. `answer` looks for the reply. */
export function begin(node: TestNode, operation: AdminOperation): { answer(): AdminReply | undefined } {
  const connection = node.connect()
  node.say(connection, { kind: 'AdminRequest', requestId: 7, operation })
  return { answer: () => node.take(connection).find((message) => message.kind === 'AdminReply') }
}

/** The reply to `operation`, after at most 5 s. */
export function operate(nodes: TestNodes, node: TestNode, operation: AdminOperation): AdminReply {
  const { answer } = begin(node, operation)
  return until(nodes, answer)
}

export function changeConf(nodes: TestNodes, node: TestNode, steps: readonly ConfStep[], { force = false } = {}): AdminReply {
  return operate(nodes, node, { kind: 'changeConf', steps, force })
}

/** Asks on behalf of a machine that would have the addresses `p4:1` and `c4:1`. */
export function beginJoin(node: TestNode, request: Pick<JoinRequest, 'id'> & Partial<JoinRequest>): { answer(): JoinReply | undefined } {
  const connection = node.connect()
  const { id } = request
  node.say(connection, { kind: 'JoinRequest', requestId: 8, peer: `p${id}:1`, client: `c${id}:1`, voter: true, ...request })
  return { answer: () => node.take(connection).find((message) => message.kind === 'JoinReply') }
}

export function join(nodes: TestNodes, node: TestNode, request: Pick<JoinRequest, 'id'> & Partial<JoinRequest>): JoinReply {
  const { answer } = beginJoin(node, request)
  return until(nodes, answer)
}

function until<Reply>(nodes: TestNodes, answer: () => Reply | undefined): Reply {
  for (let i = 0; i < 500; i++) {
    nodes.pass(10)
    const reply = answer()
    if (reply !== undefined) return reply
  }
  throw new Error('no answer within 5 s')
}
