// What a snapshot must look like whoever offers it, as far as can be told before any of it is fetched. Raft's own messages are looked at by the
// core; it never sees these.
import type { SnapshotMeta, Term } from '../core/index.ts'
import { confProblem } from '../core/conf-change.ts'
import { termMax } from '../core/limits.ts'
import { replicaBytesMax } from '../wire/replica-codec.ts'

/** Why `snapshot` cannot be one of a correct member; `undefined` when it can. */
export function snapshotProblem({ id, conf, bytes }: SnapshotMeta): string | undefined {
  const { term, index } = id
  if (!isNumber(index)) return `its index is ${index}, not a whole number from 1 to ${termMax - 1}`
  if (!isNumber(term)) return `its term is ${term}, not a whole number from 1 to ${termMax - 1}`
  if (bytes < 1 || bytes > replicaBytesMax) return `it has ${bytes} bytes, and a state has 1 to ${replicaBytesMax}`
  const problem = confProblem(conf)
  return problem === undefined ? undefined : `of its configuration: ${problem}`
}

/** The same of the term that comes with a piece of one. Once adopted it is never given up, and a term this large leaves no room for elections. */
export function termProblem(term: Term): string | undefined {
  return isNumber(term) ? undefined : `its sender is in term ${term}, and terms are 1 to ${termMax - 1}`
}

function isNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value < termMax
}
