// The package's own entry: what a schema file and a caller's `catch` need. Loads nothing native, no codec and no socket.
export { type ErrorCode, errorCodes, type Outcome, RaftgenError } from './errors.ts'
export { bytes, type BytesOptions, type TBytes } from './schema/bytes.ts'
export {
  type CommandDefinition,
  defineMachine,
  type IndexesInput,
  type IndexInput,
  type InitialState,
  type MachineDefinition,
  type MachineInput,
  type ObjectSchema,
  type OperationSchema,
  type QueryDefinition,
} from './schema/define-machine.ts'
export { type KeySchema, Record } from './schema/record.ts'
export type { Caller, CallOptions, Consistency, QueryOptions, Token } from './session/caller.ts'
export type { Context, QueryContext, StateMachine } from './machine/state-machine.ts'
export type { DeclaredError, Failure, Result, Success } from './machine/result.ts'
