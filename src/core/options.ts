// What a driver may get wrong when it builds a core: each mistake is named by its field, its value, and what it must be.
import { RaftgenError } from '../errors.ts'
import type { RaftOptions } from './api.ts'
import { confProblem } from './conf-change.ts'
import { nodeIdMax, nonceMax, termMax } from './limits.ts'
import type { Restored } from './raft-log.ts'
import type { EntryId, HardState, LogBase, LogSummary } from './types.ts'

/** Throws BAD_OPTIONS. Limits and timing are checked where their defaults are. */
export function checkOptions({ id, log, now, seed, nonce }: RaftOptions): void {
  checkNumber('id', id, { min: 1, max: nodeIdMax })
  if (!Number.isFinite(now)) bad(`now is ${now}, not a number of milliseconds`)
  checkNumber('seed', seed, { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER })
  checkNumber('nonce', nonce, { min: 0, max: nonceMax - 1 })
  checkBase(log.base)
  checkTerms(log)
  checkConfs(log)
  checkHardState(log)
}

/** Where the state behind the log is, as the driver says. Throws BAD_OPTIONS. */
export function restoredOf({ log, lastApplied, hasState }: RaftOptions): Restored {
  const { base, lastIndex } = log
  const { index } = base.id
  const isJoining = base.conf.voters.length === 0
  if (isJoining && hasState === true) bad('hasState is true, but log.base.conf has no voters: a node that joins has no state')
  if (isJoining || hasState === false) {
    if (lastApplied === undefined) return { lastApplied: 0, hasState: false }
    return bad(`lastApplied is ${lastApplied}, but ${isJoining ? 'log.base.conf has no voters' : 'hasState is false'}: there is no state`)
  }
  // Before the first entry there is a state, the empty one. Behind any other base there is one only if it was read.
  if (lastApplied === undefined && index > 0) {
    bad(
      `lastApplied is missing, and log.base.id.index is ${index}: say the index of the snapshot that the state was read from, or hasState: false`,
    )
  }
  const applied = lastApplied ?? 0
  if (!isNumber(applied) || applied < index || applied > lastIndex) {
    bad(`lastApplied is ${applied}, which is not in the log: it has ${index} to ${lastIndex}`)
  }
  return { lastApplied: applied, hasState: true }
}

function checkBase({ id, conf }: LogBase): void {
  checkEntryId('log.base.id', id)
  // Whoever joins knows whom to dial, and waits for a snapshot that says who votes.
  if (id.index === 0 && conf.voters.length === 0) return
  const problem = confProblem(conf)
  if (problem !== undefined) bad(`log.base.conf cannot be: ${problem}`)
}

function checkTerms({ base, lastIndex, terms }: LogSummary): void {
  const { term, index } = base.id
  checkNumber('log.lastIndex', lastIndex, { min: 0, max: termMax - 1 })
  if (lastIndex < index) bad(`log.lastIndex is ${lastIndex}, before log.base.id.index, which is ${index}`)
  if (terms.length === 0 && lastIndex > index) {
    bad(
      `log.terms is empty, but log.lastIndex is ${lastIndex}: it must say where each term of the entries ${index + 1} to ${lastIndex} begins`,
    )
  }
  let previous = { term: Math.max(1, term) - 1, firstIndex: index }
  for (const [i, run] of terms.entries()) {
    const at = `log.terms[${i}]`
    checkNumber(`${at}.term`, run.term, { min: previous.term + 1, max: termMax - 1 })
    if (i === 0 && run.firstIndex !== index + 1) {
      bad(`${at}.firstIndex is ${run.firstIndex}, but the first entry after log.base is ${index + 1}`)
    }
    checkNumber(`${at}.firstIndex`, run.firstIndex, { min: previous.firstIndex + 1, max: lastIndex })
    previous = run
  }
}

function checkConfs({ base, lastIndex, confs }: LogSummary): void {
  let min = base.id.index + 1
  for (const [i, { index, conf }] of confs.entries()) {
    checkNumber(`log.confs[${i}].index`, index, { min, max: lastIndex })
    const problem = confProblem(conf)
    if (problem !== undefined) bad(`log.confs[${i}].conf cannot be: ${problem}`)
    min = index + 1
  }
}

function checkHardState({ hardState, base, terms }: LogSummary): void {
  const { term, votedFor }: HardState = hardState
  checkNumber('log.hardState.term', term, { min: 0, max: termMax - 1 })
  if (votedFor !== undefined) checkNumber('log.hardState.votedFor', votedFor, { min: 1, max: nodeIdMax })
  const lastTerm = terms[terms.length - 1]?.term ?? base.id.term
  if (term < lastTerm) bad(`log.hardState.term is ${term}, but the log ends with term ${lastTerm}: a term is durable before its entries`)
}

/** The place before the first entry has no term, and nothing else has none. */
function checkEntryId(name: string, { term, index }: EntryId): void {
  checkNumber(`${name}.term`, term, { min: 0, max: termMax - 1 })
  checkNumber(`${name}.index`, index, { min: 0, max: termMax - 1 })
  if ((term === 0) !== (index === 0)) bad(`${name} has term ${term} and index ${index}: both are 0 before the first entry, and only there`)
}

function checkNumber(name: string, value: number, { min, max }: { readonly min: number; readonly max: number }): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  bad(max < min ? `${name} is ${value}, but there can be none` : `${name} is ${value}, not a whole number from ${min} to ${max}`)
}

function isNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 0
}

function bad(message: string): never {
  throw new RaftgenError('BAD_OPTIONS', message)
}
