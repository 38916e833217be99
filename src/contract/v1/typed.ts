// What a generated machine can say in the words of its schema: for whoever calls it by name, or puts into words what was called.
import { RaftgenError } from '../../errors.ts'
import type { TypedOperation } from '../../machine/state-machine.ts'
import { packValue, unpackValue } from '../../wire/value.ts'
import { isFailure } from '../../machine/result.ts'
import { encodeCall } from './call.ts'
import type { CommandOperation, MachineDescriptor, QueryOperation, Wire } from './descriptor.ts'

type Operation = CommandOperation<unknown, unknown> | QueryOperation<unknown, unknown>

export const typedOperations = ({ version, commands, queries }: MachineDescriptor): readonly TypedOperation[] =>
  [...commands, ...queries].map((operation) => typedOperation(operation, version))

function typedOperation(operation: Operation, version: number): TypedOperation {
  const { kind, name, tag, input, reply } = operation
  const isFallible = operation.kind === 'command' && operation.errors.length > 0
  const isMine = (call: Wire): call is readonly Wire[] => Array.isArray(call) && call.length === 3 && call[0] === version && call[1] === tag
  return {
    kind,
    name,
    encode: (given) => encodeCall(operation, version, given),
    isCall: (call) => isMine(unpackValue(call)),
    decode: (call) => {
      const wire = unpackValue(call)
      if (!isMine(wire)) throw new RaftgenError('INVALID_INPUT', `these are not the bytes of a call of ${name}`)
      return input.fromWire(wire[2] ?? null)
    },
    result: (bytes) => {
      const wire = unpackValue(bytes)
      const [status, value]: readonly Wire[] = Array.isArray(wire) ? wire : []
      if (status !== 0) return { kind: 'failed' }
      const returned = reply.fromWire(value ?? null)
      return { kind: isFallible && isFailure(returned) ? 'refused' : 'returned', value: returned }
    },
    encodeResult: (result) => packValue(result.kind === 'failed' ? [1] : [0, reply.toWire(reply.check(result.value, 'result'))]),
  }
}
