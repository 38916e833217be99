import { expect, test } from 'vitest'
import { ReplaySide } from '../../src/cli/replay-side.ts'
import { bindVersions, type VersionLadder } from '../../src/contract/v1.ts'
import { handlers1, handlers2, ladder, versions } from '../contract/locks-versions.ts'

test('a build whose migration fails cannot go on there, and says why; where the log skips that entry it goes on', () => {
  const finish = (): void => {
    throw new Error('no way')
  }
  const step = { commands: {}, queries: {}, state: { leases: { from: 'leases' } }, migration: { values: {}, finish } }
  const broken: VersionLadder = { versions: versions.slice(0, 2), steps: ladder.steps.slice(0, 1).map(() => step) }
  const make = () => bindVersions(broken, handlers2, { v1: handlers1 })
  const entry = (index: number) => ({ term: 1, index, kind: 'command', data: new Uint8Array(0), conf: undefined }) as const
  const side = new ReplaySide({ label: 'old', argument: 'schema.ts', machine: make(), make, lock: undefined })
  side.apply(entry(1), { kind: 'activate', now: 0, version: 1 }, 'fail')
  const activation = { kind: 'activate', now: 0, version: 2 } as const

  expect(side.apply(entry(2), activation, 'fail')).toEqual({ kind: 'stopped', message: 'the migration to version 2 fails: no way' })
  expect(side.apply(entry(2), activation, 'skip')).toMatchObject({ kind: 'applied' })
  expect(side.replica.version).toBe(1)
})
