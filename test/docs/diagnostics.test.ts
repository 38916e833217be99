import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type DiagnosticKind, diagnosticCodes, diagnosticTables } from '../../codegen/diagnostic-codes.ts'
import { evolutionRules } from '../../codegen/evolution/rules.ts'
import { doctorChecks } from '../../src/cli/doctor-check.ts'

const path = new URL('../../docs/diagnostics.md', import.meta.url).pathname
const page = readFileSync(path, 'utf8')

const tableOf = (kinds: Readonly<Record<string, DiagnosticKind>>): string => {
  const rows = Object.entries(kinds).map(([code, { severity, what, wayOut }]) => `| \`${code}\` | ${severity} | ${what} | ${wayOut} |`)
  return ['| code | severity | what it means | way out |', '|---|---|---|---|', ...rows].join('\n')
}

function evolutionTable(): string {
  const rows = Object.entries(evolutionRules).map(([code, { what, wayOut }]) => `| \`${code}\` | ${what} | ${wayOut} |`)
  return ['| code | what it means | way out |', '|---|---|---|', ...rows].join('\n')
}

function doctorTable(): string {
  const rows = Object.entries(doctorChecks).map(([check, what]) => `| \`${check}\` | ${what} |`)
  return ['| check | what is asked |', '|---|---|', ...rows].join('\n')
}

/** The page with its tables as the code has them. */
function filled(): string {
  const tables: Readonly<Record<string, string>> = {
    ...Object.fromEntries(Object.entries(diagnosticTables).map(([name, kinds]) => [name, tableOf(kinds)])),
    evolution: evolutionTable(),
    doctor: doctorTable(),
  }
  return page.replace(/(<!-- table: (\w+) -->\n)(?:\n?\|[^\n]*)*\n*/g, (_, head: string, name: string) => `${head}\n${tables[name]}\n\n`)
}

// `npx vitest run test/docs -u` writes it anew.
test('docs/diagnostics.md has every code, as the code has it', async () => {
  await expect(filled()).toMatchFileSnapshot(path)
})

test('docs/diagnostics.md has no code that there is not, and each once', () => {
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code)
  expect(rows).toEqual([...new Set(rows)])
  expect(rows.toSorted()).toEqual(diagnosticCodes.toSorted())
})
