export { inboxMax } from './inbox.ts'
export { Node } from './node.ts'
export type { NodeLoad, NodeStanding } from './status-desk.ts'
export {
  type ClientPort,
  type ConnectionId,
  defaultNodeLimits,
  type DiskSpace,
  type Halt,
  type NodeEvent,
  type NodeLimits,
  type NodeOptions,
  type NodePorts,
  type Recovered,
} from './options.ts'
export { recover, type RecoverOptions } from './recover.ts'
