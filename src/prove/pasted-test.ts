// A case as the source text of a test.
import { quoted } from '../../codegen/names.ts'
import type { Draft } from '../../codegen/draft.ts'
import type { CaseStep } from './cases.ts'
import { literal } from './literal.ts'

export function pastedTest(what: string, { names }: Draft, steps: readonly CaseStep[]): string {
  const imports = [
    ['{ checkCase }', 'raftgen/sim'],
    ['{ test }', 'vitest'],
    [`{ ${names.machine} }`, './generated/index.js'],
    ['{ handlers }', './handlers.js'],
    ['schema', './schema.js'],
  ] as const
  return [
    ...imports.map(([imported, where]) => `import ${imported} from ${quoted(where)}`),
    '',
    `test(${quoted(what)}, () => {`,
    `  checkCase({ schema, machine: () => ${names.machine}(handlers) }, [`,
    ...steps.map((step) => `    ${literal(step)},`),
    '  ])',
    '})',
  ].join('\n')
}
