// Nobody but its owner can look into a data directory, whatever the umask of the process and however long its life was.
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Server } from '../../src/server/index.ts'
import { heldBytes } from '../../src/storage/index.ts'
import { bytes, eventually, newMember, Servers } from './servers.ts'

let servers: Servers
let umask = 0
beforeEach(() => {
  umask = process.umask(0)
})
afterEach(async () => {
  process.umask(umask)
  await servers.dispose()
})

/** What may be seen by others, as `mode path`. While LevelDB runs, it makes its files as the umask says; no way leads there for others. */
async function open(dir: string, { isRunning }: { readonly isRunning: boolean }): Promise<readonly string[]> {
  const found: string[] = []
  const walk = async (path: string, isOfLevel: boolean): Promise<void> => {
    const stats = await stat(path).catch(() => undefined)
    // It has gone meanwhile.
    if (stats === undefined) return
    const mode = stats.mode & 0o777
    const allowed = stats.isDirectory() ? 0o700 : isOfLevel && isRunning ? 0o666 : 0o600
    seen.add(path.slice(dir.length + 1).replace(/\d+/g, 'N'))
    if ((mode & ~allowed) !== 0) found.push(`${mode.toString(8)} ${path}`)
    if (!stats.isDirectory()) return
    for (const name of await readdir(path)) await walk(join(path, name), isOfLevel || /^db/.test(name))
  }
  await walk(dir, false)
  return found
}
const seen = new Set<string>()
const running = { isRunning: true }
const atRest = { isRunning: false }

test('under a umask of 0, with snapshots, compactions, a damaged database, space set aside, and a node that joined', async () => {
  const limits = { snapshotEntries: 20, logTailEntries: 0, diskReserveBytes: 4_194_304 }
  const watch = { holdAfterMs: 0, everyMs: 20 }
  servers = await Servers.bootstrap(3)
  expect(await open(servers.dir(1), atRest)).toEqual([])
  await Promise.all(servers.members.map(({ id }) => servers.run(id, { limits }, { watch })))
  const client = await servers.connect()
  const write = async (): Promise<void> => {
    for (let i = 0; i < 60; i++) {
      await client.propose(bytes('line'))
      if (i % 20 === 0) expect(await open(servers.dir(2), running)).toEqual([])
    }
  }
  await write()

  await servers.stop(3)
  const db = join(servers.dir(3), 'db')
  for (const name of await readdir(db)) if (name.startsWith('MANIFEST')) await rm(join(db, name))
  await servers.run(3, { limits }, { watch })
  const { client: address, peer } = await newMember(4)
  const dir = servers.dir(4)
  const join4 = { dir, id: 4, join: servers.addresses, listen: { peer, client: address } }
  const fourth = await Server.run({ ...servers.options(1), limits, ...join4 }, { watch })
  await fourth.ready()
  await write()
  for (const id of [1, 2, 3, 4]) await eventually('space to be set aside', async () => (await heldBytes(servers.dir(id))) > 0 || undefined)
  const opened = await Promise.all([1, 2, 3, 4].map(async (id) => await open(servers.dir(id), running)))
  await fourth.close()
  await servers.stop(1)
  expect([...opened, await open(servers.dir(1), atRest), await open(dir, atRest)].flat()).toEqual([])
  const made = ['db', 'db.damaged', 'high-water', 'identity.json', 'machine.json', 'peers.json', 'pid', 'reserve', 'snapshots', 'witness']
  expect([...seen]).toEqual(expect.arrayContaining([...made, 'db/NN.log', 'snapshots/snapshot-N-N'].map((name) => name.replace('NN', 'N'))))
})
