import { afterEach, describe, expect, test } from 'vitest'
import { runCommand } from '../../src/cli/program.ts'
import { noConf } from '../../src/core/conf.ts'
import { ClientListener } from '../../src/transport/client-listener.ts'
import type { AdminOperation, AdminRefused, AdminReply, LeaderHint, NodeStatus, ServerMessage } from '../../src/wire/client-messages.ts'

const members: NonNullable<AdminReply['members']> = {
  leader: 1,
  term: 7,
  commitIndex: 1_200,
  conf: {
    ...noConf,
    members: [1, 2, 3].map((id) => ({ id, incarnation: 1, peer: `10.0.0.${id}:7001`, client: `10.0.0.${id}:7101` })),
    voters: [1, 2],
    learners: [3],
    joining: [3],
    removed: [9],
    leaseMs: 500,
  },
  progress: [
    { id: 1, state: 'leader', isActive: true, isCaughtUp: true, matchIndex: 1_200 },
    { id: 2, state: 'replicate', isActive: false, isCaughtUp: true, matchIndex: 1_100 },
    { id: 3, state: 'snapshot', isActive: true, isCaughtUp: false, matchIndex: 0 },
  ],
  electionTimeoutMs: 150,
}
const conf = { ...noConf, members: members.conf.members.slice(0, 1), voters: [1] }

/** A server on a port of its own that answers as it is told. */
class FakeServer {
  readonly operations: AdminOperation[] = []
  refused: AdminRefused | undefined
  leads = true
  listener: ClientListener | undefined

  get address(): string {
    return this.listener?.address ?? ''
  }

  async listen(): Promise<this> {
    this.listener = await ClientListener.listen({
      address: '127.0.0.1:0',
      handlers: {
        open: (connection) => this.#tell(connection, this.#welcome()),
        message: (connection, message) => {
          if (message.kind === 'StatusRequest')
            this.#tell(connection, { kind: 'StatusReply', requestId: message.requestId, status: this.#status() })
          if (message.kind !== 'AdminRequest') return
          this.operations.push(message.operation)
          const done = this.refused === undefined ? members : undefined
          this.#tell(connection, { kind: 'AdminReply', requestId: message.requestId, refused: this.refused, members: done })
        },
        closed: () => {},
      },
    })
    return this
  }

  #tell(connection: number, message: ServerMessage): void {
    this.listener?.send(connection, [message])
  }

  #welcome(): ServerMessage {
    const leader: LeaderHint | undefined = this.leads ? { id: 1, client: this.address } : undefined
    return { kind: 'Welcome', clusterId: 'dev', nodeId: 1, leader, servers: [], commandBytesMax: 1_000, keepAliveMs: 1_000 }
  }

  #status(): NodeStatus {
    return {
      nodeId: 1,
      clusterId: 'dev',
      role: 'follower',
      term: 7,
      leader: undefined,
      commitIndex: 5,
      lastApplied: 5,
      firstIndex: 1,
      lastIndex: 8,
      snapshotIndex: 0,
      conf: { ...conf, members: [{ id: 1, incarnation: 1, peer: '127.0.0.1:1', client: this.address }] },
      sessions: 0,
      digest: '',
    }
  }
}

const running: FakeServer[] = []
afterEach(() => Promise.all(running.splice(0).map((server) => server.listener?.close())))

async function fakeServer(more: Partial<Pick<FakeServer, 'refused' | 'leads'>> = {}): Promise<FakeServer> {
  const server = await Object.assign(new FakeServer(), more).listen()
  running.push(server)
  return server
}

interface Ended {
  readonly code: number
  readonly out: readonly string[]
  readonly err: string
}

async function cluster(...args: readonly string[]): Promise<Ended> {
  const out: string[] = []
  const err: string[] = []
  const terminal = {
    out: (line: string) => out.push(...line.split('\n')),
    err: (line: string) => err.push(line),
    paint: (_: string, text: string) => text,
  }
  return { code: await runCommand(['cluster', ...args], terminal), out, err: err.join('\n') }
}

describe('raftgen cluster status', () => {
  test('shows who is in the cluster, who leads, and how far each has got', async () => {
    const server = await fakeServer()
    expect(await cluster('status', '--server', server.address)).toEqual({
      code: 0,
      err: '',
      out: [
        'cluster dev: node 1 leads in term 7, 1200 entries are committed',
        'lease reads: 500 ms',
        'removed: 9',
        '',
        'id  role     state      match  lag   active      client         peer',
        '1   leader   -          1200   0     yes         10.0.0.1:7101  10.0.0.1:7001',
        '2   voter    replicate  1100   100   no          10.0.0.2:7101  10.0.0.2:7001',
        '3   joining  snapshot   0      1200  catches up  10.0.0.3:7101  10.0.0.3:7001',
      ],
    })
  })

  test('with --json is one object', async () => {
    const server = await fakeServer()
    const { code, out } = await cluster('status', '--server', server.address, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out.join('\n'))).toMatchObject({
      ok: true,
      cluster: { clusterId: 'dev', leader: 1, leaseReads: { durationMs: 500 }, members: [{ id: 1, isLeader: true }, { id: 2 }, { id: 3 }] },
    })
  })

  test('without a leader shows what each node says of itself, and is not fine', async () => {
    const server = await fakeServer({ leads: false })
    const { code, out, err } = await cluster('status', '--server', server.address, '--timeout', '100')
    expect(code).toBe(1)
    expect(out.map((line) => line.trimEnd().split(/ {2,}/))).toEqual([
      ['address', 'id', 'role', 'term', 'leader', 'last', 'committed', 'problem'],
      [server.address, '1', 'follower', '7', '-', '8', '5'],
    ])
    expect(err).toBe(
      `raftgen: the cluster did not tell its members within 100 ms: no leader answered; tried ${server.address} (knows no leader)`,
    )
  })

  test('asks the next of several servers when the first does not answer', async () => {
    const server = await fakeServer()
    expect((await cluster('status', '--server', `127.0.0.1:1,${server.address}`)).code).toBe(0)
  })
})

const member = '4=10.0.0.4:7001,10.0.0.4:7101'
const step = { member: { id: 4, peer: '10.0.0.4:7001', client: '10.0.0.4:7101', incarnation: 1 } }
const change = (...steps: readonly unknown[]) => ({ kind: 'changeConf', steps, force: false })

describe('what is asked of the cluster, and what is said when it is done', () => {
  const after = 'members: 1 (voter), 2 (voter), 3 (joining)'
  test.each<[readonly string[], unknown, string]>([
    [['add', member], change({ kind: 'addLearner', ...step, joining: true }), `node 4 added, to vote once caught up; ${after}`],
    [['add', member, '--learner'], change({ kind: 'addLearner', ...step, joining: false }), `node 4 added; ${after}`],
    [['promote', '3'], change({ kind: 'promote', id: 3 }), `node 3 promoted; ${after}`],
    [['demote', '1'], change({ kind: 'demote', id: 1 }), `node 1 demoted; ${after}`],
    [['remove', '1', '2'], change({ kind: 'remove', id: 1 }, { kind: 'remove', id: 2 }), `nodes 1, 2 removed; ${after}`],
    [['remove', '2', '--force'], { ...change({ kind: 'remove', id: 2 }), force: true }, `node 2 removed; ${after}`],
    [['transfer'], { kind: 'transfer', to: undefined }, 'node 1 leads'],
    [['transfer', '--to', '2'], { kind: 'transfer', to: 2 }, 'node 1 leads'],
    [['lease', '800'], change({ kind: 'setLease', leaseMs: 800 }), 'leases last 500 ms'],
    [['lease', 'off'], change({ kind: 'setLease', leaseMs: 0 }), 'leases last 500 ms'],
  ])('%j', async (args, operation, sentence) => {
    const server = await fakeServer()
    expect(await cluster(...args, '--server', server.address)).toEqual({ code: 0, out: [], err: sentence })
    expect(server.operations).toEqual([operation])
  })

  test('update keeps the incarnation', async () => {
    const server = await fakeServer()
    expect((await cluster('update', '2=10.0.0.9:7001,10.0.0.9:7101', '--server', server.address)).code).toBe(0)
    const moved = { id: 2, peer: '10.0.0.9:7001', client: '10.0.0.9:7101', incarnation: 1 }
    expect(server.operations[1]).toEqual(change({ kind: 'update', member: moved, joining: false }))
  })

  test('with --json the cluster as it is then goes to stdout', async () => {
    const server = await fakeServer()
    const { out } = await cluster('promote', '3', '--server', server.address, '--json')
    expect(JSON.parse(out.join(''))).toMatchObject({ ok: true, cluster: { leader: 1 } })
  })
})

describe('a refusal is exit code 1', () => {
  const refused = { code: 'CHANGE_REFUSED', reason: 'unknownId', message: 'node 7 is no member' } as const

  test('with the sentence of the cluster', async () => {
    const server = await fakeServer({ refused })
    const { code, out, err } = await cluster('remove', '7', '--server', server.address)
    expect({ code, out }).toEqual({ code: 1, out: [] })
    expect(err).toMatch(/^raftgen: node 7 is no member\n {2}CHANGE_REFUSED\. /)
  })

  test('with --json with its code and reason', async () => {
    const server = await fakeServer({ refused })
    const { code, out } = await cluster('remove', '7', '--server', server.address, '--json')
    expect(code).toBe(1)
    expect(JSON.parse(out.join(''))).toMatchObject({
      ok: false,
      error: { exitCode: 1, code: 'CHANGE_REFUSED', reason: 'unknownId', message: 'node 7 is no member' },
    })
  })
})

test('nobody there is exit code 1', async () => {
  const { code, err } = await cluster('promote', '3', '--server', '127.0.0.1:1', '--timeout', '50')
  expect(code).toBe(1)
  expect(err).toContain('raftgen: no member of the cluster answered within 50 ms')
})

describe('wrong use, exit code 2, and nothing is connected', () => {
  test.each<[readonly string[], string]>([
    [['promote', '3'], "raftgen: required option '--server <host:port>' not specified"],
    [['promote', '--server', 'a:1'], "raftgen: missing required argument 'id'"],
    [['promote', 'three', '--server', 'a:1'], "raftgen: promote: 'three' is not the id of a node\n  Ids are whole numbers from 1."],
    [
      ['add', '4:a', '--server', 'a:1'],
      'raftgen: 4:a is not a member\n  Write <id>=<peer host:port>,<client host:port>, for example 1=10.0.0.1:7001,10.0.0.1:7101.',
    ],
    [
      ['lease', 'long', '--server', 'a:1'],
      "raftgen: lease: 'long' is not a duration\n  Write whole milliseconds from 1 to 3600000, or off.",
    ],
    [
      ['status', '--server', 'a:1', '--timeout', 'soon'],
      "raftgen: --timeout: 'soon' is not a duration\n  Write whole milliseconds from 1 to 3600000.",
    ],
    [['transfer', '2', '--server', 'a:1'], "raftgen: too many arguments for 'transfer'. Expected 0 arguments but got 1."],
    [['status', '--server', 'here'], 'raftgen: "here" is not an address: write host:port, as in 127.0.0.1:4001 or [::1]:4001'],
  ])('%j', async (args, sentence) => {
    const { code, out, err } = await cluster(...args)
    expect({ code, out }).toEqual({ code: 2, out: [] })
    expect(err.slice(0, sentence.length)).toBe(sentence)
  })

  test('a mistyped command is told with what may be meant', async () => {
    const { code, err } = await cluster('statsu', '--server', 'a:1')
    expect(code).toBe(2)
    expect(err).toContain("unknown command 'statsu'")
    expect(err).toContain('(Did you mean status?)')
  })
})

test('the help names every command with an example, and the exit codes', async () => {
  const { code, out } = await cluster('--help')
  expect(code).toBe(0)
  const help = out.join('\n')
  for (const name of ['status', 'add', 'promote', 'demote', 'remove', 'update', 'transfer', 'lease']) {
    expect(help).toContain(`  raftgen cluster ${name} `)
  }
  expect(help).toContain('1  not done: refused')
})
