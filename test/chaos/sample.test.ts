// A short run of `npm run test:chaos`: one stage, some of each family of faults that needs no tool of root. RAFTGEN_CHAOS_SEED draws others.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { families } from './faults/fault.ts'
import { runStage, stages } from './stage.ts'
import { problemsOf } from './summary.ts'

const seed = Number(process.env['RAFTGEN_CHAOS_SEED'] ?? 1)
const faultsMs = 25_000

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'raftgen-chaos-'))
})
afterEach(async () => await rm(root, { recursive: true, force: true }))

test('five processes under faults of every family give a history that is linearizable, and end up the same', async () => {
  const [kind] = stages.filter(({ name }) => name === 'relay-5')
  if (kind === undefined) throw new Error('there is no such stage')
  const folder = join(root, 'stage')
  const result = await runStage({
    kind,
    ms: faultsMs,
    seed,
    clients: 16,
    families,
    hasTools: false,
    folder,
    aborted: new AbortController().signal,
    progress: () => {},
  })
  expect(problemsOf([result], [], { minutes: 0, isAllRequired: false })).toEqual([])
  expect(result.checked).toBeGreaterThan(500)
  const [header, ...operations] = (await readFile(join(folder, 'history.jsonl'), 'utf8')).trim().split('\n')
  expect(JSON.parse(header ?? '')).toEqual({
    schema: 'raftgen-history/1',
    machine: 'chaos',
    nodes: 5,
    seed,
    stage: 'relay-5',
    clock: 'microseconds',
  })
  expect(operations).toHaveLength(result.checked)
}, 150_000)
