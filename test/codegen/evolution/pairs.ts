// Two versions of one schema, as their author edits it: the first frozen, the second compared with it.
import type { Evolution, LocatedFinding } from '../../../codegen/evolution/since-frozen.ts'
import type { Generation } from '../../../codegen/generate.ts'
import type { Lock } from '../../../codegen/lock.ts'
import { Project } from '../project.ts'

export interface Parts {
  /** Fields of a type that stands in an input, a result, an error, both of a query, and the state. Line 3. */
  readonly part?: string
  /** Line 7. */
  readonly state?: string
  readonly initial?: string
  /** Line 9. */
  readonly errors?: string
  /** Line 11, one command a line. */
  readonly commands?: string
  /** Line 14 where `commands` is not given. */
  readonly queries?: string
  readonly retired?: string
}

export const schemaOf = (version: number, { part = 'a: Type.Integer()', ...parts }: Parts = {}): string =>
  `import { bytes, defineMachine, Record } from 'raftgen'
import Type from 'typebox'
const Part = Type.Object({ ${part} })
export default defineMachine({
  name: 'shop',
  version: ${version},
  state: Type.Object({ ${parts.state ?? 'parts: Record(Type.String(), Part)'} }),
  initial: { ${parts.initial ?? ''} },
  errors: { ${parts.errors ?? 'Bad: Type.Object({ part: Part })'} },
  commands: {
    ${parts.commands ?? "put: { input: Type.Object({ part: Part }), output: Part, errors: ['Bad'] },"}
  },
  queries: {
    ${parts.queries ?? 'find: { input: Type.Object({ part: Part }), output: Part },'}
  },
  retired: { ${parts.retired ?? ''} },
})
`

export function freeze(project: Project, version: number): void {
  const lock: Lock = JSON.parse(project.read('shop.wire.json'))
  const frozen = { ...lock.versions[version], status: 'frozen' }
  project.write('shop.wire.json', JSON.stringify({ ...lock, versions: { ...lock.versions, [version]: frozen } }))
}

/** What `raftgen` says of the second after the first was frozen. */
export async function editedFrom(before: Parts, after: Parts): Promise<Generation> {
  const project = new Project()
  const first = await project.emit(schemaOf(1, before))
  const [wrong] = first.diagnostics.filter(({ severity }) => severity === 'error')
  if (wrong !== undefined) throw new Error(`the first version is wrong: ${wrong.message}`)
  freeze(project, 1)
  return await project.generate(schemaOf(2, after))
}

export function evolutionOf({ evolution, diagnostics }: Generation): Evolution {
  if (evolution === undefined) throw new Error(`nothing was compared: ${diagnostics.map(({ message }) => message).join(', ')}`)
  return evolution
}

/** `3 FIELD_ADDED command safe`: line, rule, subject, level. */
export const findingLine = ({ line, rule, subject, level }: LocatedFinding): string =>
  `${line} ${rule.replace('EVOLVE_', '')} ${subject} ${level}`
