import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { confOfVoters } from '../../src/core/index.ts'
import { RaftgenError } from '../../src/errors.ts'
import { LevelLog, Server } from '../../src/server/index.ts'
import { joinCluster } from '../../src/server/join.ts'
import type { requestJoin } from '../../src/transport/index.ts'
import { lines, refusal, Servers } from './servers.ts'

type Asked = Parameters<typeof requestJoin>[0]
type Joined = Awaited<ReturnType<typeof requestJoin>>

let root = ''
let servers: Servers | undefined
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'raftgen-test-'))
})
afterEach(async () => {
  await servers?.dispose()
  servers = undefined
  await rm(root, { recursive: true, force: true })
})

const logger = { info: () => {}, warn: () => {}, error: () => {} }
const listen = { peer: '127.0.0.1:7009', client: '127.0.0.1:7109' }
const member = (id: number, incarnation = 1) => ({ id, incarnation, peer: `127.0.0.1:700${id}`, client: `127.0.0.1:710${id}` })
const conf = { ...confOfVoters([1, 2, 3].map((id) => member(id))), learners: [9], joining: [9], removed: [7, 8], leaseMs: 100 }
const joined: Joined = { clusterId: 'test', incarnation: 1, conf: { ...conf, members: [...conf.members, member(9)] }, minIndex: 42 }
const options = (dir: string) => ({ dir, id: 9, join: ['127.0.0.1:7101'], listen, machine: lines() })

/** A cluster that lets everyone in, each time under the next incarnation. */
function cluster() {
  const asked: Asked[] = []
  const request = async (question: Asked) => ({ ...joined, incarnation: asked.push(question) })
  return { asked, request }
}

async function whatIsIn(dir: string) {
  const log = await LevelLog.open(dir)
  const { identity, summary } = log
  await new Promise<void>((resolve, reject) => log.close((error) => (error === undefined ? resolve() : reject(error))))
  return { identity, summary }
}

describe('a node that joins', () => {
  test('says who it is and where, and gets a log that knows the members, who was removed, and no voter', async () => {
    const { asked, request } = cluster()
    await joinCluster(options(join(root, 'deep', 'dir')), logger, request)
    expect(asked).toMatchObject([
      { servers: ['127.0.0.1:7101'], id: 9, ...listen, voter: undefined, machine: { name: 'lines', version: 1, wire: 'utf8' } },
    ])
    const { identity, summary } = await whatIsIn(join(root, 'deep', 'dir'))
    expect(identity).toEqual({ clusterId: 'test', nodeId: 9, incarnation: 1, diskId: expect.stringMatching(/^[0-9a-f]{32}$/) })
    const { members } = joined.conf
    const nobody = { voters: [], votersOutgoing: [], learners: [], joining: [] }
    expect(summary.base).toEqual({ id: { term: 0, index: 0 }, conf: { members, ...nobody, removed: [7, 8], leaseMs: 100 } })
    expect(summary.hardState).toEqual({ term: 0, votedFor: undefined })
  })

  test('tells the others the addresses it advertises, and that it does not vote', async () => {
    const { asked, request } = cluster()
    const advertise = { peer: 'node9:1', client: 'node9:2' }
    await joinCluster({ ...options(root), advertise, voter: false, clusterId: 'test' }, logger, request)
    expect(asked).toMatchObject([{ ...advertise, voter: false, clusterId: 'test' }])
  })

  test('says in its log whether it is to vote, which its cluster may have decided', async () => {
    const said: string[] = []
    const info = (message: string): void => void said.push(message)
    await joinCluster(options(join(root, 'voter')), { ...logger, info }, cluster().request)
    const learner: Joined = { ...joined, conf: { ...joined.conf, joining: [] } }
    await joinCluster(options(join(root, 'learner')), { ...logger, info }, async () => learner)
    const member = 'node 9 (incarnation 1) is a member of cluster test, and'
    expect(said.filter((message) => message.startsWith(member))).toEqual([
      `${member} votes as soon as it has caught up`,
      `${member} does not vote`,
    ])
  })

  test('that was not let in leaves its directory empty, for the next try', async () => {
    const why = new RaftgenError('CHANGE_REFUSED', 'node 9 was removed before')
    expect(await refusal(joinCluster(options(root), logger, () => Promise.reject(why)))).toEqual({ code: why.code, message: why.message })
    expect(await readdir(root)).toEqual([])
    await joinCluster(options(root), logger, cluster().request)
  })

  test.each([
    ['marked', async () => void (await writeFile(join(root, 'identity.json.new'), '{'))],
    [
      'with half a database',
      async () => {
        await mkdir(join(root, 'db'))
        await writeFile(join(root, 'db', 'CURRENT'), '')
        await writeFile(join(root, 'identity.json.new'), '')
      },
    ],
    [
      'whole but for its last step',
      async () => {
        await joinCluster(options(root), logger, cluster().request)
        await rename(join(root, 'identity.json'), join(root, 'identity.json.new'))
      },
    ],
    [
      'whose removal did not end either',
      async () => {
        await mkdir(join(root, 'db'))
        await writeFile(join(root, 'identity.json.abandoned'), '')
      },
    ],
  ])('asks again over a bootstrap that did not end: %s', async (_, leave) => {
    await leave()
    const { request } = cluster()
    // That bootstrap had asked too.
    await request({ ...options(root), ...listen, servers: [], voter: true, timeoutMs: 1 })
    await joinCluster(options(root), logger, request)
    expect((await whatIsIn(root)).identity.incarnation).toBe(2)
  })

  test.each([
    ['a file', 'DATA_DIR_EXISTS', async () => await writeFile(join(root, 'dir'), '')],
    ['something else', 'DATA_DIR_EXISTS', async () => await mkdir(join(root, 'dir', 'photos'), { recursive: true })],
    [
      'an unfinished bootstrap beside something else',
      'DATA_DIR_EXISTS',
      async () => {
        await mkdir(join(root, 'dir', 'photos'), { recursive: true })
        await writeFile(join(root, 'dir', 'identity.json.new'), '')
      },
    ],
    ['a member', 'DATA_DIR_EXISTS', async () => await joinCluster(options(join(root, 'dir')), logger, cluster().request)],
  ])('does not ask when its directory holds %s, and takes nothing from it', async (_, code, make) => {
    await make()
    const { asked, request } = cluster()
    expect(await refusal(joinCluster(options(join(root, 'dir')), logger, request))).toMatchObject({ code })
    expect(asked).toEqual([])
    if (existsSync(join(root, 'dir', 'identity.json'))) await whatIsIn(join(root, 'dir'))
  })
})

describe('Server.run', () => {
  test('without join refuses an empty directory, and says what join is for', async () => {
    const dir = join(root, 'none')
    expect(await refusal(Server.run({ dir, machine: lines(), listen, insecure: true }))).toEqual({
      code: 'DATA_DIR_EMPTY',
      message:
        `${dir} holds no node. If the cluster is new, bootstrap every node once. If this node is new in a running cluster, or has lost its disk, ` +
        'start it with `join`. Never restore an old copy, never bootstrap a member again',
    })
    expect(existsSync(dir)).toBe(false)
  })

  test('asks nobody when the directory holds a member', async () => {
    servers = await Servers.bootstrap(1)
    await (await servers.run(1, { join: ['127.0.0.1:1'], id: 1 })).ready()
  })

  test('with join refuses the directory of another node', async () => {
    servers = await Servers.bootstrap(1)
    expect(await refusal(servers.run(1, { join: ['127.0.0.1:1'], id: 2 }))).toMatchObject({ code: 'DATA_DIR_FOREIGN' })
  })

  const base = { dir: 'none', id: 9, join: ['127.0.0.1:7101'], listen, machine: lines(), insecure: true as const }
  test.each([
    [{ id: undefined }, 'id is missing: a node that joins says which it is to be, one that was never used in the cluster'],
    [{ id: 0 }, 'id is 0, it must be a whole number from 1 to 2^48 - 1'],
    [{ join: '127.0.0.1:7101' }, 'join is "127.0.0.1:7101", it must list the client addresses of some members'],
    [{ join: [] }, 'join has 0 addresses, it must have 1 to 64'],
    [{ join: ['127.0.0.1:7101', '127.0.0.1:0'] }, 'join[1] is "127.0.0.1:0", it must be host:port with a port from 1 to 65535'],
    [{ join: [7101] }, 'join[0] is 7101, it must be host:port'],
    [{ voter: 'no' }, 'voter is "no", it must be true or false'],
    [{ join: undefined, voter: false }, 'voter is given without join: whether a member votes is changed by its cluster'],
    [{ join: undefined, advertise: listen }, 'advertise is given without join: the address of a member is changed by its cluster'],
    [{ advertise: 'here' }, 'advertise is "here", it must give the addresses { peer, client }'],
    [{ advertise: { peer: 'a:1', client: 'a' } }, 'advertise.client is "a", it must be host:port with a port from 1 to 65535'],
    [
      { listen: { peer: '127.0.0.1:0', client: '127.0.0.1:7109' } },
      'listen.peer is "127.0.0.1:0", where nobody reaches a node: one that joins must say where others do, in listen or in advertise',
    ],
    [
      { listen: { peer: '127.0.0.1:7009', client: '0.0.0.0:7109' } },
      'listen.client is "0.0.0.0:7109", where nobody reaches a node: one that joins must say where others do, in listen or in advertise',
    ],
    [
      { advertise: { peer: '[::]:7009', client: 'a:1' } },
      'advertise.peer is "[::]:7009", where nobody reaches a node: one that joins must say where others do, in listen or in advertise',
    ],
    [{ dir: undefined, log: {}, identity: { nodeId: 9 } }, 'join needs dir, the directory that becomes the one of the new member'],
    [
      { dir: undefined, join: undefined, log: {}, identity: { nodeId: 9, diskId: 'sda1' } },
      'identity.diskId is "sda1", it must have 32 hex digits, drawn once for each disk',
    ],
    [{ snapshots: {} }, 'dir and snapshots are both given, but the snapshots of a dir are in it'],
  ])('refuses %j', async (given, message) => {
    // @ts-expect-error: what TypeScript would refuse, and JavaScript would not
    expect(await refusal(Server.run({ ...base, ...given }))).toEqual({ code: 'BAD_OPTIONS', message })
  })
})
