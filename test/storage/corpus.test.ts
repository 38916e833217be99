// Data directories as earlier versions wrote them, which every later one must open. `corpus/make.ts` has made them, run by the version named:
//
//   format-1-without-snapshots   595c0b7: the log alone, before there were changes of members, compaction and snapshots
//   format-1                     c0cbd71
//   format-2                     8a2b8ed: a disk has an id
//   format-3                     147ee74: there is a high water
//   format-4                     25e4d3f: what is known of others has a file of its own
//   format-5                     6a59ea0: there is a journal; its process was killed, and the last writes are there alone
//
// What they hold was written down by the same version (`expected.json`); fields of a configuration that it did not know are empty.
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { dataDirFormat } from '../../src/storage/data-dir.ts'
import { holdingOf } from './corpus/holding.ts'

const corpus = new URL('corpus/', import.meta.url).pathname
const folders = (await readdir(corpus)).filter((name) => name.startsWith('format-')).sort()

const made: string[] = []
afterEach(async () => {
  for (const dir of made.splice(0)) await rm(dir, { recursive: true })
})

async function copyOf(folder: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'raftgen-corpus-'))
  made.push(root)
  await cp(join(corpus, folder, 'node'), join(root, 'node'), { recursive: true })
  const packed = join(root, 'node', 'journal.gz')
  const journal = await readFile(packed).catch(() => undefined)
  if (journal !== undefined) {
    await writeFile(join(root, 'node', 'journal'), gunzipSync(journal))
    await rm(packed)
  }
  return join(root, 'node')
}
const json = async (path: string): Promise<Readonly<Record<string, unknown>>> =>
  Object.fromEntries(Object.entries(JSON.parse(await readFile(path, 'utf8')) as object))
const formatOf = async (dir: string): Promise<unknown> => (await json(join(dir, 'identity.json')))['format']

describe.each(folders)('the directory %s', (folder) => {
  test('opens, and holds what it held: identity, term and vote, entries, members, snapshots, and the state that they lead to', async () => {
    const dir = await copyOf(folder)
    expect(await formatOf(dir)).toBe(Number(/\d+/.exec(folder)?.[0]))
    const { holding, findings } = await holdingOf(dir)
    expect(holding).toEqual(await json(join(corpus, folder, 'expected.json')))
    expect(findings).toEqual([])
  })

  test('is of the present format after that, keeps its disk id, and opens again', async () => {
    const dir = await copyOf(folder)
    const before = await json(join(dir, 'identity.json'))
    const first = await holdingOf(dir)
    expect(await formatOf(dir)).toBe(dataDirFormat)
    expect(first.diskId).toEqual(before['diskId'] ?? expect.stringMatching(/^[0-9a-f]{32}$/))
    expect((await stat(join(dir, 'high-water'))).size).toBeGreaterThan(0)
    expect(await holdingOf(dir)).toEqual(first)
  })
})

// A format was raised: run `npx jiti test/storage/corpus/make.ts`, and commit what it has made.
test('there is one of each format, the present one included', () => {
  const formats = Array.from({ length: dataDirFormat }, (_, i) => `format-${i + 1}`)
  expect(folders.filter((folder) => /^format-\d+$/.test(folder))).toEqual(formats)
})
