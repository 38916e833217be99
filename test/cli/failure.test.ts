import { expect, test } from 'vitest'
import { WrongUse } from '../../src/cli/wrong-use.ts'
import { explainFailure } from '../../src/cli/failure.ts'
import { ownPackage } from '../../src/cli/own-package.ts'
import { RaftgenError } from '../../src/errors.ts'

function explained(error: unknown, asJson = false): { readonly code: number; readonly out: readonly string[]; readonly err: string } {
  const out: string[] = []
  const err: string[] = []
  const terminal = {
    out: (line: string) => out.push(line),
    err: (line: string) => err.push(line),
    paint: (_: string, text: string) => text,
  }
  return { code: explainFailure(error, { terminal, asJson }), out, err: err.join('\n') }
}

test('wrong use is told with the way out', () => {
  expect(explained(new WrongUse('there is no x', 'Make one.'))).toEqual({ code: 2, out: [], err: 'raftgen: there is no x\n  Make one.' })
})

test('an operational error is told with its code and what to do', () => {
  expect(explained(new RaftgenError('STORAGE_LOCKED', 'cannot open data/1: another process holds it'))).toEqual({
    code: 2,
    out: [],
    err: 'raftgen: cannot open data/1: another process holds it\n  STORAGE_LOCKED. Stop the other process.',
  })
})

test('a refused schema is a finding', () => {
  expect(explained(new RaftgenError('BAD_SCHEMA', 'no')).code).toBe(1)
})

test('what the file system refuses is told with path and reason', () => {
  const error = Object.assign(new Error('EACCES: ...'), { code: 'EACCES', syscall: 'open', path: `${process.cwd()}/generated/types.ts` })
  expect(explained(error)).toEqual({
    code: 2,
    out: [],
    err: 'raftgen: cannot open generated/types.ts: permission denied (EACCES)\n  Correct it, then run again.',
  })
})

test.each([
  ['a broken invariant', new RaftgenError('INTERNAL', 'cannot be')],
  ['an unexpected error', new TypeError('x is not a function')],
  ['not even an error', 'oh'],
])('%s is a bug of ours: exit code 3, and how to report it', (_, error) => {
  const { code, err } = explained(error)
  expect(code).toBe(3)
  expect(err).toContain('raftgen: met a bug of its own. Please report it, with the text below and your schema.\n')
  expect(err).toContain(`  raftgen ${ownPackage().version}, Node ${process.version}, `)
  expect(err).toContain(error instanceof Error ? error.message : error)
})

test('with --json the failure is one object', () => {
  const { out } = explained(new WrongUse('there is no x', 'Make one.'), true)
  expect(out.map((line) => JSON.parse(line))).toEqual([{ ok: false, error: { exitCode: 2, message: 'there is no x', hint: 'Make one.' } }])
})
