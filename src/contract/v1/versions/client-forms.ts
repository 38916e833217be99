// What a client makes of its calls and of the answers to them where the cluster uses an older version of the schema than it was generated for.
import type { OlderForms } from '../../../session/caller.ts'
import { packValue } from '../../../wire/value.ts'
import type { CommandOperation, MachineDescriptor, QueryOperation, Wire } from '../descriptor.ts'
import { Inexpressible, type OperationStep, type VersionLadder, type VersionStep } from './step.ts'

type Operation = CommandOperation<unknown, unknown> | QueryOperation<unknown, unknown>

/** The call of `operation` with this input, which its codec has checked. */
export function olderForms(ladder: VersionLadder, operation: Operation, input: unknown): OlderForms {
  const newest = ladder.versions.length - 1
  return {
    version: ladder.versions[newest]?.version ?? 0,
    encode: (version) => {
      const { position, older } = find(ladder, operation, version)
      let value = input
      for (let i = newest - 1; i >= position; i--) {
        const step = stepOf(ladder.steps[i], operation)?.input
        if (step !== undefined) value = step.down(value)
      }
      return packValue([version, operation.tag, older.input.toWire(older.input.check(value, 'input'))])
    },
  }
}

/** The reply of an older version as one of the newest. Throws where it does not fit. */
export function raisedReply(ladder: VersionLadder, operation: Operation, version: number, reply: Wire): unknown {
  const { position, older } = find(ladder, operation, version)
  let value = older.reply.fromWire(reply)
  for (let i = position; i < ladder.versions.length - 1; i++) {
    const step = stepOf(ladder.steps[i], operation)?.reply
    if (step !== undefined) value = step.up(value)
  }
  return value
}

function find(
  { versions }: VersionLadder,
  { kind, name, tag }: Operation,
  version: number,
): { readonly position: number; readonly older: Operation } {
  const position = versions.findIndex((one) => one.version === version)
  const older = operationOf(versions[position], kind, tag)
  if (older === undefined)
    throw new Inexpressible(position === -1 ? `this client does not know version ${version}` : `${name} is newer than version ${version}`)
  return { position, older }
}

function operationOf(descriptor: MachineDescriptor | undefined, kind: Operation['kind'], tag: number): Operation | undefined {
  return kind === 'command' ? descriptor?.commands.find((one) => one.tag === tag) : descriptor?.queries.find((one) => one.tag === tag)
}

const stepOf = (step: VersionStep | undefined, { kind, tag }: Operation): OperationStep | undefined =>
  (kind === 'command' ? step?.commands : step?.queries)?.[tag]
