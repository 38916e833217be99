export { inboxMax, Node } from './node.ts'
export {
  type ClientPort,
  type ConnectionId,
  defaultNodeLimits,
  type NodeEvent,
  type NodeLimits,
  type NodeOptions,
  type NodePorts,
} from './options.ts'
