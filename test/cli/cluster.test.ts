import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { runCommand } from '../../src/cli/program.ts'
import { noConf } from '../../src/core/conf.ts'
import { leaseMsMax } from '../../src/core/limits.ts'
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
  /** What is refused; by default everything. */
  refuses: (operation: AdminOperation) => boolean = () => true
  /** Takes operations, and closes the connection instead of an answer. */
  breaks = false
  nodeId = 1
  leads = true
  /** What stands in its way, by its own account. */
  fence: NodeStatus['fence'] = undefined
  disk: NodeStatus['disk'] = { leftBytes: undefined, isFull: false, hungMs: undefined }
  halted: NodeStatus['halted'] = undefined
  schema: NodeStatus['schema'] = { version: 0, next: undefined, lacking: [] }
  members = members
  /** Everyone who votes, by this server's own account. */
  voters: NonNullable<AdminReply['members']>['conf']['members'] = []
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
          if (this.breaks) return this.listener?.goodbye(connection, 'OVERLOADED', 'enough')
          const refused = this.refuses(message.operation) ? this.refused : undefined
          const done = refused === undefined ? this.members : undefined
          this.#tell(connection, { kind: 'AdminReply', requestId: message.requestId, refused, members: done })
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
    return { kind: 'Welcome', clusterId: 'dev', nodeId: 1, leader, servers: [], commandBytesMax: 1_000, keepAliveMs: 1_000, version: 0 }
  }

  #status(): NodeStatus {
    return {
      nodeId: this.nodeId,
      clusterId: 'dev',
      role: this.leads ? 'leader' : 'follower',
      term: 7,
      leader: undefined,
      commitIndex: 5,
      lastApplied: 5,
      firstIndex: 1,
      lastIndex: 8,
      snapshotIndex: 0,
      conf: {
        ...conf,
        members: [{ id: 1, incarnation: 1, peer: '127.0.0.1:1', client: this.address }, ...this.voters],
        voters: [1, ...this.voters.map(({ id }) => id)],
      },
      sessions: 0,
      digest: '',
      fence: this.fence,
      divergence: undefined,
      disk: this.disk,
      halted: this.halted,
      schema: this.schema,
    }
  }
}

const running: FakeServer[] = []
afterEach(() => Promise.all(running.splice(0).map((server) => server.listener?.close())))

async function fakeServer(more: Partial<FakeServer> = {}): Promise<FakeServer> {
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

  test('shows what stands in the way of a node, by its own account', async () => {
    const server = await fakeServer({
      fence: { floor: { term: 3, index: 60 } },
      disk: { leftBytes: 43_201_331, isFull: true, hungMs: 2_345 },
    })
    const { code, out } = await cluster('status', '--server', server.address)
    expect(code).toBe(0)
    expect(out.slice(-4)).toEqual([
      '',
      'node 1: lacks entries 9 to 60, the last of term 3: follows, and does not vote for less',
      'node 1: its disk is nearly full, 41.2 MiB are left: it takes no commands, and leads only where nobody else can',
      'node 1: its disk has not finished a write for 2.3 s: it acknowledges nothing, and does not campaign',
    ])
    const json: unknown = JSON.parse((await cluster('status', '--server', server.address, '--json')).out.join('\n'))
    const status = { fence: { floor: { term: 3, index: 60 } }, disk: { leftBytes: 43_201_331, isFull: true, hungMs: 2_345 } }
    expect(json).toMatchObject({ nodes: [{ address: server.address, status }, {}, {}, {}] })
  })

  test.each([
    [false, 'start the nodes again'],
    [true, 'start the nodes again with `retryHalted: true`'],
  ])('shows where it has stopped applying, and the ways out (fatal: %s)', async (isFatal, again) => {
    const server = await fakeServer({ halted: { index: 1_201, command: 'transfer', message: 'amount is not a number', isFatal } })
    const { out } = await cluster('status', '--server', server.address)
    expect(out.at(-1)).toBe(
      'node 1: applies nothing from entry 1201 on: the handler of transfer failed there: amount is not a number. ' +
        `Mend it and ${again}, or skip the command: raftgen cluster skip 1201`,
    )
  })

  test.each([
    [[3], 'once node 3 runs a build that knows it; or is removed'],
    [[3, 4], 'once nodes 3, 4 run builds that know it; or are removed'],
  ])('shows for whom the next version of the schema waits, as the page on clusters says: %j', async (lacking, end) => {
    const server = await fakeServer({ schema: { version: 1, next: 2, lacking } })
    const { out } = await cluster('status', '--server', server.address)
    expect(out.at(-1)).toBe(`node 1: version 1 of the schema is in force, version 2 could be, ${end}`)
  })

  test('shows why the next version of the schema has failed', async () => {
    const failed = 'version 2 cannot be put in force: the migration to version 2 fails: no way'
    const server = await fakeServer({ schema: { version: 1, next: 2, lacking: [], failed } })
    const { out } = await cluster('status', '--server', server.address)
    expect(out.at(-1)).toBe(`node 1: version 1 of the schema is in force, and ${failed}`)
  })

  test('shows that a version waits for an operator, and how he puts it in force', async () => {
    const server = await fakeServer({ schema: { version: 1, next: 2, lacking: [] } })
    const { out } = await cluster('status', '--server', server.address)
    expect(out.at(-1)).toBe('node 1: version 1 of the schema is in force, version 2 could be: raftgen cluster activate')
    expect((await cluster('activate', '2', '--server', server.address)).err).toBe('version 2 of the schema is in force')
    expect((await cluster('activate', '--server', server.address)).err).toBe('the newest version of the schema is in force')
    expect(server.operations.filter(({ kind }) => kind === 'activate')).toEqual([
      { kind: 'activate', version: 2 },
      { kind: 'activate', version: undefined },
    ])
    expect(await cluster('activate', 'two', '--server', server.address)).toMatchObject({
      code: 2,
      err: "raftgen: activate: 'two' is not a version of the schema\n  Versions are whole numbers from 1; leave it out for the newest.",
    })
  })

  test('shows of a halted node, and of an order to skip, what stands in the page on clusters', async () => {
    const page = readFileSync(new URL('../../docs/cluster.md', import.meta.url), 'utf8')
    const message = "Cannot read properties of undefined (reading 'owner')"
    const server = await fakeServer({ halted: { index: 1_201, command: 'acquire', message, isFatal: false } })
    const { out } = await cluster('status', '--server', server.address)
    const { err } = await cluster('skip', '1201', '--server', server.address)
    for (const line of [out.at(-1), err]) expect(page).toContain(`\n\`\`\`\n${line}\n\`\`\`\n`)
  })

  test.each<readonly [string, NonNullable<NodeStatus['fence']>]>([
    ['lacks entry 9 of term 3: follows, and does not vote for less', { floor: { term: 3, index: 9 } }],
    ['lacks entry 7 of term 5: follows, and does not vote for less', { floor: { term: 5, index: 7 } }],
    [
      'cannot tell what its log held after entry 8: takes part in nothing until all other members, whole themselves, have told it what they hold',
      { floor: undefined },
    ],
  ])('without a leader too: %s', async (note, fence) => {
    const server = await fakeServer({ leads: false, fence })
    const { out, err } = await cluster('status', '--server', server.address, '--timeout', '100')
    expect(out.at(-1)).toBe(`node 1: ${note}`)
    expect(err).toContain(
      'Node 1 may have lost entries of the log that no other has, and nobody is elected without them: put back a copy that has them, or accept the loss with `raftgen log repair --accept-loss`.',
    )
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
      `raftgen: the cluster did not tell its members within 100 ms: no leader answered; tried ${server.address} (knows no leader)\n` +
        '  The only voter is reachable, and does not lead yet: try again in a moment.',
    )
  })

  test('shows incarnations once a member has come back without its disk', async () => {
    const [first, ...others] = members.conf.members
    const back = { ...members, conf: { ...members.conf, members: [{ ...first, incarnation: 2 }, ...others] } }
    // @ts-expect-error: `first` is there
    const server = await fakeServer({ members: back })
    const { out } = await cluster('status', '--server', server.address)
    expect(out.slice(4).map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
      ['id', 'incarnation', 'role'],
      ['1', '2', 'leader'],
      ['2', '1', 'voter'],
      ['3', '1', 'joining'],
    ])
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
    [['skip', '1201'], { kind: 'skip', index: 1_201 }, 'the command at index 1201 is skipped on every node'],
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
    expect(err).toBe('raftgen: node 7 is no member\n  CHANGE_REFUSED. `raftgen cluster status` shows the members.')
  })

  test('with --json with its code and reason', async () => {
    const server = await fakeServer({ refused })
    const { code, out } = await cluster('remove', '7', '--server', server.address, '--json')
    expect(code).toBe(1)
    expect(JSON.parse(out.join(''))).toMatchObject({
      ok: false,
      error: { exitCode: 1, code: 'CHANGE_REFUSED', reason: 'unknownId', retryable: false, message: 'node 7 is no member' },
    })
  })

  test.each([
    ['confPending', true, 'Try again when the change that is under way has ended.'],
    ['removedId', false, 'Choose an id that was never used.'],
    [
      'quorumNotHalted',
      true,
      'Try again when `raftgen cluster status` shows that more nodes have halted there; or start those that have again, with a handler that works.',
    ],
    ['duplicateId', false, 'Choose an id, and addresses, that no member has. `raftgen cluster status` shows the members.'],
    [undefined, true, 'Do what the message says.'],
  ] as const)('with advice that fits its reason: %s', async (reason, retryable, hint) => {
    const server = await fakeServer({ refused: { code: 'CHANGE_REFUSED', reason, message: 'no' } })
    const { out } = await cluster('add', member, '--server', server.address, '--timeout', '500', '--json')
    expect(JSON.parse(out.join(''))).toMatchObject({ error: { retryable, hint: `CHANGE_REFUSED. ${hint}` } })
  })

  test('for want of a majority says whom to start, of those that would vote', async () => {
    const server = await fakeServer({
      refused: { code: 'CHANGE_REFUSED', reason: 'quorumUnreachable', message: 'of the new voters 1, 2 only 1 hold the log' },
      refuses: ({ kind }) => kind !== 'members',
    })
    const { code, err } = await cluster('remove', '3', '--server', server.address)
    expect(code).toBe(1)
    expect(err).toBe('raftgen: of the new voters 1, 2 only 1 hold the log\n  CHANGE_REFUSED. Start node 2 at 10.0.0.2:7101 first.')
    const { err: promoting } = await cluster('promote', '3', '--server', server.address)
    expect(promoting).toContain('Start node 2 at 10.0.0.2:7101 first.')
    const { err: without } = await cluster('demote', '2', '--server', server.address)
    expect(without).toContain('CHANGE_REFUSED. Start the others first; `raftgen cluster status` shows which are not active.')
  })
})

test('a transfer to who leads already has nothing to do, and is fine', async () => {
  const refused = { code: 'CHANGE_REFUSED', reason: 'transferToSelf', message: 'node 1 leads already' } as const
  const server = await fakeServer({ refused, refuses: ({ kind }) => kind === 'transfer' })
  expect(await cluster('transfer', '--to', '1', '--server', server.address)).toEqual({ code: 0, out: [], err: 'node 1 leads already' })
})

test('an operation whose outcome nobody knows is told with the command that shows it', async () => {
  const server = await fakeServer({ breaks: true })
  const { code, err } = await cluster('promote', '3', '--server', server.address)
  expect(code).toBe(1)
  expect(err).toContain('\n  OUTCOME_UNKNOWN. Run `raftgen cluster status` to see whether it took effect.')
})

describe('without a leader the advice says which voters are missing', () => {
  const gone = [2, 3].map((id) => ({ id, incarnation: 1, peer: `127.0.0.1:${id}`, client: `127.0.0.1:${id}` }))

  test('too many of them', async () => {
    const server = await fakeServer({ leads: false, voters: gone })
    const { code, err } = await cluster('promote', '3', '--server', server.address, '--timeout', '100')
    expect(code).toBe(1)
    expect(err).toContain('\n  UNAVAILABLE. 2 of 3 voters are not reachable: start node 2 at 127.0.0.1:2, node 3 at 127.0.0.1:3.')
    const { out } = await cluster('status', '--server', server.address, '--timeout', '100', '--json')
    expect(JSON.parse(out.join(''))).toMatchObject({ error: { hint: expect.stringMatching(/^2 of 3 voters are not reachable/) } })
  })

  test('few enough to go on without', async () => {
    const server = await fakeServer({ leads: false, voters: gone.slice(0, 1) })
    const third = await fakeServer({ leads: false })
    third.nodeId = 3
    server.voters = [...gone.slice(0, 1), { id: 3, incarnation: 1, peer: '127.0.0.1:3', client: third.address }]
    const { err } = await cluster('promote', '3', '--server', server.address, '--timeout', '100')
    expect(err).toContain(
      'UNAVAILABLE. 1 of 3 voters is not reachable: start node 2 at 127.0.0.1:2. ' +
        'The others are a majority, and elect a leader within seconds: try again.',
    )
  })

  test('none, and yet nobody leads', async () => {
    const [one, two] = [await fakeServer({ leads: false }), await fakeServer({ leads: false, nodeId: 2 })]
    one.voters = [{ id: 2, incarnation: 1, peer: '127.0.0.1:2', client: two.address }]
    const { err } = await cluster('status', '--server', one.address, '--timeout', '100')
    expect(err).toContain(
      'All 2 voters are reachable from here: try again in a moment. If that does not help, they do not reach each other.',
    )
  })

  test('or that nobody answers at all', async () => {
    const { code, err } = await cluster('promote', '3', '--server', '127.0.0.1:1', '--timeout', '50')
    expect(code).toBe(1)
    expect(err).toContain('raftgen: no member of the cluster answered within 50 ms')
    expect(err).toContain('\n  UNAVAILABLE. No node answers at 127.0.0.1:1: correct --server, or start the nodes.')
  })
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
      ['add', '5', '--server', 'a:1'],
      'raftgen: 5 names no addresses: write 5=<peer>,<client>\n  Write <id>=<peer host:port>,<client host:port>, for example',
    ],
    [
      ['lease', 'long', '--server', 'a:1'],
      "raftgen: lease: 'long' is not a duration of 1 to 60000 milliseconds\n  Write whole milliseconds, or off.",
    ],
    [
      ['lease', '60001', '--server', 'a:1'],
      "raftgen: lease: '60001' is not a duration of 1 to 60000 milliseconds\n  Write whole milliseconds, or off.",
    ],
    [
      ['status', '--server', 'a:1', '--timeout', 'soon'],
      "raftgen: --timeout: 'soon' is not a duration of 1 to 3600000 milliseconds\n  Write whole milliseconds.",
    ],
    [
      ['skip', '0', '--server', 'a:1'],
      "raftgen: skip: '0' is not the index of an entry\n  Indexes are whole numbers from 1; `raftgen cluster status` shows which.",
    ],
    [
      ['skip', '281474976710656', '--server', 'a:1'],
      "raftgen: skip: '281474976710656' is not the index of an entry\n  Indexes are whole numbers from 1; `raftgen cluster status` shows which.",
    ],
    [['skip', '--server', 'a:1'], "raftgen: missing required argument 'index'"],
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
    expect(err).toContain('\n  Did you mean status?')
  })
})

test('the help of lease names the longest lease that the cluster takes', async () => {
  expect((await cluster('lease', '--help')).out.join('\n')).toContain(`whole milliseconds from 1 to ${leaseMsMax}, or off`)
})

test('the help names every command with an example, and the exit codes', async () => {
  const { code, out } = await cluster('--help')
  expect(code).toBe(0)
  const help = out.join('\n')
  for (const name of ['status', 'add', 'promote', 'demote', 'remove', 'update', 'transfer', 'lease', 'skip']) {
    expect(help).toContain(`  raftgen cluster ${name} `)
  }
  expect(help).toContain('1  not done: refused')
})
