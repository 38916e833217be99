// What a client makes of its calls and of the answers to them where the cluster uses an older version of the schema than it was generated for.
import type { OlderForms } from '../../../session/caller.ts'
import { packValue } from '../../../wire/value.ts'
import type { Wire } from '../descriptor.ts'
import { findOperation, Inexpressible, type Operation, operationStep, type VersionLadder } from './step.ts'

/** The call of `operation` with this input, which its codec has checked. */
export function olderForms(ladder: VersionLadder, operation: Operation, input: unknown): OlderForms {
  const newest = ladder.versions.length - 1
  return {
    version: ladder.versions[newest]?.version ?? 0,
    encode: (version) => {
      const { position, older } = find(ladder, operation, version)
      let value = input
      for (let i = newest - 1; i >= position; i--) {
        const step = operationStep(ladder.steps[i], operation)?.input
        if (step !== undefined) value = step.down(value)
      }
      return packValue([version, operation.tag, older.input.toWire(older.input.check(value, 'input'))])
    },
  }
}

/** The reply of an older version as one of the newest, on its way to be read: it is canonical then, whoever made it, and its bounds are those of its time. */
export function raisedReply(ladder: VersionLadder, operation: Operation, version: number, reply: Wire): Wire {
  const { position, older } = find(ladder, operation, version)
  let value = older.reply.fromWire(reply)
  for (const step of ladder.steps.slice(position)) {
    const one = operationStep(step, operation)?.reply
    if (one !== undefined) value = one.up(value)
  }
  return (findOperation(ladder.versions.at(-1), operation) ?? older).reply.toWire(value)
}

function find({ versions }: VersionLadder, key: Operation, version: number): { readonly position: number; readonly older: Operation } {
  const position = versions.findIndex((one) => one.version === version)
  const older = findOperation(versions[position], key)
  if (older === undefined)
    throw new Inexpressible(
      position === -1 ? `this client does not know version ${version}` : `${key.name} is newer than version ${version}`,
    )
  return { position, older }
}
