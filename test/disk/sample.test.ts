// Some of the cases of `npm run test:disk`, one of each kind of file. RAFTGEN_DISK_SEED draws others.
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DiskCase, drawn, harmsOf } from './cases.ts'
import { type Prepared, prepare } from './prepared.ts'
import { isFine } from './summary.ts'
import { runCase } from './trial.ts'
import { ids } from './trio.ts'

const seed = Number(process.env['RAFTGEN_DISK_SEED'] ?? 1)

let prepared: Prepared
let cases: readonly DiskCase[]
beforeAll(async () => {
  prepared = await prepare()
  cases = drawn(await harmsOf(join(prepared.level, 'node-1')), { seed, each: 1 })
}, 60_000)
afterAll(async () => await prepared.dispose())

test.each([
  'db/*.log',
  'db/*.ldb',
  'db/MANIFEST',
  'db/CURRENT',
  'high-water',
  'journal',
  'witness',
  'identity.json',
  'machine.json',
  'peers.json',
  'snapshots/*',
  'db/',
  'data directory',
])(
  'whatever happens to %s, the node is repaired or says what to do, and clients notice nothing',
  async (kind) => {
    const one = cases.find(({ harm }) => harm.kind === kind)
    if (one === undefined) throw new Error(`there is no case of ${kind}`)
    const result = await runCase(prepared, one, { seed })
    expect(result).toSatisfy(isFine, `${one.name} must be fine with seed ${seed}`)
  },
  120_000,
)

test('what a majority has lost is noticed: this suite would tell', async () => {
  const harm = {
    kind: 'data directory',
    place: 'all data directories',
    name: 'all data directories: older ones in their places',
    harm: async () => {
      for (const id of ids) {
        await rm(prepared.trio.dir(id), { recursive: true })
        await cp(join(prepared.older, `node-${id}`), prepared.trio.dir(id), { recursive: true })
      }
    },
  }
  const result = await runCase(prepared, { name: harm.name, harm, moment: 'all at rest' }, { seed })
  expect(result.lost[0]).toMatch(/^a read saw \d+ numbers after \d+ had been acknowledged$/)
}, 60_000)
