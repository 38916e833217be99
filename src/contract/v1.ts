// The only module that generated code imports. A change that breaks yesterday's output makes a v2 beside this one.
export type { Context, QueryContext, StateMachine } from '../machine/state-machine.ts'
export { type DeclaredError, type Failure, fail, ok, type Result, type Success } from '../machine/result.ts'
export { type ErrorCode, RaftgenError } from '../errors.ts'
export type { Caller, CallOptions, QueryOptions } from '../session/caller.ts'
export type {
  CellDescriptor,
  CommandOperation,
  MachineDescriptor,
  QueryOperation,
  TableDescriptor,
  ValueCodec,
  Wire,
} from './v1/descriptor.ts'
// Added by their owners: Table, ReadonlyTable (machine/table.ts); bind (v1/bind.ts); callCommand, callQuery (v1/call.ts);
// connect, ClientOptions (client/client.ts); the value primitives that emitted codecs call, InvalidValue, frozen (v1/values.ts).
