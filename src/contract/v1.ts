// The only module that generated code imports. A change that breaks yesterday's output makes a v2 beside this one.
export type { Context, QueryContext, StateMachine } from '../machine/state-machine.ts'
export { type DeclaredError, type Failure, fail, ok, type Result, type Success } from '../machine/result.ts'
export { type ErrorCode, RaftgenError } from '../errors.ts'
export type { Caller, CallOptions, QueryOptions, Token } from '../session/caller.ts'
export type {
  CellDescriptor,
  CommandOperation,
  IndexDescriptor,
  MachineDescriptor,
  QueryOperation,
  TableDescriptor,
  ValueCodec,
  VersionSchema,
  Wire,
} from './v1/descriptor.ts'
export type { IndexValue } from '../machine/index-key.ts'
export type { IndexRange } from '../machine/index-range.ts'
export { isSame } from '../machine/differences.ts'
export type { ReadonlyTable, Table } from '../machine/table.ts'
export type { TableIndex, UniqueTableIndex } from '../machine/table-index.ts'
export type { TableRange } from '../machine/table-range.ts'
export { bind, bindVersions } from './v1/bind.ts'
export {
  type FieldStep,
  Inexpressible,
  type Migration,
  type OperationStep,
  type ValueStep,
  type VersionLadder,
  type VersionStep,
} from './v1/versions/step.ts'
export type { OlderHandlers } from './v1/versions/rungs.ts'
export { callCommand, callQuery } from './v1/call.ts'
export { type ClientOptions, connect } from '../client/index.ts'
// Values: what emitted codecs are made of.
export {
  above,
  absent,
  array,
  below,
  bigint,
  boolean,
  bytes,
  discriminator,
  type Fields,
  integer,
  isArray,
  isMap,
  literal,
  map,
  matches,
  multipleOf,
  multipleOfBigint,
  noFields,
  nothing,
  nullable,
  number,
  object,
  optional,
  result,
  string,
  tuple,
  undeclared,
  unique,
} from './v1/values-check.ts'
export { codec, descend, type Mutable, recursiveCodec } from './v1/values-codec.ts'
export { type FormatName, format } from './v1/values-format.ts'
export { InvalidValue, refuse, within } from './v1/values-invalid.ts'
export { frozenMap } from './v1/values-map.ts'
export {
  asIs,
  type MaybeWire,
  readAbsent,
  readArray,
  readBigint,
  readBoolean,
  readBytes,
  readFields,
  readInteger,
  readLiteral,
  readMap,
  readNull,
  readNullable,
  readNumber,
  readOptional,
  readPresent,
  readString,
  readTag,
  readWithin,
  unknownTag,
  writeBigint,
  writeMap,
} from './v1/values-read.ts'
