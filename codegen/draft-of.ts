import { buildDraft } from './build/machine.ts'
import { Reporter } from './build/reporter.ts'
import type { Draft } from './draft.ts'
import { BarePlace } from './place.ts'

/** Of what `defineMachine` was given, without the file that it stands in. Throws an `Error` with all that is wrong with it. */
export function draftOf(definition: unknown): Draft {
  const reporter = new Reporter('the schema')
  const draft = buildDraft(definition, new BarePlace(), reporter)
  const errors = reporter.diagnostics.filter(({ severity }) => severity === 'error')
  if (errors.length === 0) return draft
  const told = errors.map(({ code, message, hint }) => `${code} ${message}. ${hint}`)
  throw new Error(`the schema has errors; \`raftgen <schema.ts>\` says in which lines:\n${told.join('\n')}`)
}
