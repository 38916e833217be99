// What may happen to directories, and to several files at once: what backups, operators and file systems do.
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { damaged, damageFile } from './damage.ts'
import { current, type FileKind, highWater, log, manifest, snapshot } from './files.ts'
import type { Harm, Moment } from './harm.ts'

/** A rollback of all that a node has promised, which nobody who is up remembers, cannot be found out: see `docs/cluster.md`. */
const remembered: readonly Moment[] = ['at rest', 'all at rest', 'running', 'leading']

const of = (kind: string, what: string, harm: Harm['harm'], moments?: readonly Moment[]): Harm => {
  const name = `${kind}: ${what}`
  return { kind, place: name, name, harm, ...(moments === undefined ? {} : { moments }) }
}

const folder = (name: 'db' | 'snapshots'): readonly Harm[] => {
  const kind = `${name}/`
  return [
    of(kind, 'deleted', async ({ dir }) => await rm(join(dir, name), { recursive: true })),
    of(kind, 'emptied', async ({ dir }) => {
      await rm(join(dir, name), { recursive: true })
      await mkdir(join(dir, name))
    }),
    of(kind, 'a file in its place', async ({ dir }) => {
      await rm(join(dir, name), { recursive: true })
      await writeFile(join(dir, name), '')
    }),
    of(kind, "a peer's in its place", async ({ dir, peer }) => await replace(dir, { source: peer, names: [name] })),
    of(kind, 'that of another cluster in its place', async ({ dir, foreign }) => await replace(dir, { source: foreign, names: [name] })),
    of(kind, 'an older one in its place', async ({ dir, older }) => await replace(dir, { source: older, names: [name] })),
  ]
}

const several: readonly Harm[] = [
  of('db/', 'CURRENT and MANIFEST deleted', async ({ dir }) => await removeAll(dir, [current, manifest])),
  of('db/', 'write-ahead log and high-water deleted', async ({ dir }) => await removeAll(dir, [log, highWater])),
  of(
    'db/',
    'older ones of it and of high-water in their places',
    async ({ dir, older }) => await replace(dir, { source: older, names: ['db', 'high-water'] }),
    remembered,
  ),
  of('db/', "a peer's, and its high-water, in their places", async ({ dir, peer }) => {
    await replace(dir, { source: peer, names: ['db', 'high-water'] })
  }),
  of('db/', 'deleted, and the snapshots too', async ({ dir }) => {
    await rm(join(dir, 'db'), { recursive: true })
    await rm(join(dir, 'snapshots'), { recursive: true })
  }),
  of('snapshots/', 'a bit flips in each of them', async ({ dir, chance }) => {
    for (const path of await snapshot.find(dir)) {
      await damageFile(path, (content) => damaged(content, [{ start: 0, end: content.length }], { damage: 'flip', chance }))
    }
  }),
]

const directory: readonly Harm[] = [
  of('data directory', 'deleted', async ({ dir }) => await rm(dir, { recursive: true })),
  of('data directory', 'emptied', async ({ dir }) => {
    await rm(dir, { recursive: true })
    await mkdir(dir)
  }),
  of('data directory', 'a file in its place', async ({ dir }) => {
    await rm(dir, { recursive: true })
    await writeFile(dir, '')
  }),
  of('data directory', "a peer's in its place", async ({ dir, peer }) => await replaceAll(dir, peer)),
  of('data directory', 'that of another cluster in its place', async ({ dir, foreign }) => await replaceAll(dir, foreign)),
  of('data directory', 'an older one in its place', async ({ dir, older }) => await replaceAll(dir, older), remembered),
  of('data directory', 'all files but identity.json deleted', async ({ dir }) => {
    const kept = await readFile(join(dir, 'identity.json'))
    await rm(dir, { recursive: true })
    await mkdir(dir)
    await writeFile(join(dir, 'identity.json'), kept)
  }),
  of('data directory', 'a bootstrap that did not end', async ({ dir }) => {
    await rename(join(dir, 'identity.json'), join(dir, 'identity.json.new'))
  }),
]

const alive = `${process.ppid}\n`

const stray: readonly Harm[] = [
  of('pid', 'of a process that is alive', async ({ dir }) => await writeFile(join(dir, 'pid'), alive)),
  of('pid', 'noise', async ({ dir, chance }) => await writeFile(join(dir, 'pid'), String(chance.seed()))),
  of('pid', 'of a process that is alive, as the one that moves the database, which is gone', async ({ dir }) => {
    await writeFile(join(dir, 'db.moving'), alive)
    await rm(join(dir, 'db'), { recursive: true })
  }),
  of('pid', 'half of each file that is replaced as a whole, beside it', async ({ dir }) => {
    for (const name of ['identity.json', 'peers.json', 'machine.json']) await writeFile(join(dir, `${name}.next`), '{"format": ')
  }),
]

export const folderHarms: readonly Harm[] = [...folder('db'), ...folder('snapshots'), ...several, ...directory, ...stray]

async function replace(dir: string, { source, names }: { source: string; names: readonly string[] }): Promise<void> {
  for (const name of names) {
    await rm(join(dir, name), { recursive: true, force: true })
    await cp(join(source, name), join(dir, name), { recursive: true })
  }
}

async function replaceAll(dir: string, source: string): Promise<void> {
  await rm(dir, { recursive: true })
  await cp(source, dir, { recursive: true })
}

async function removeAll(dir: string, kinds: readonly FileKind[]): Promise<void> {
  for (const kind of kinds) for (const path of await kind.find(dir)) await rm(path)
}
