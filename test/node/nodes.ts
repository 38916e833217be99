// A few nodes in one thread, with a clock, a disk and a network that move only when a test says so.
import type { Message } from '../../src/core/index.ts'
import type { StateMachine } from '../../src/machine/state-machine.ts'
import { Node, type NodeEvent, type NodeLimits } from '../../src/node/index.ts'
import { MemoryLog } from '../../src/storage/memory-log.ts'
import type { ClientMessage, Hello, ServerMessage } from '../../src/wire/client-messages.ts'

const text = new TextDecoder()
const bytes = (value: string) => new TextEncoder().encode(value)

/** Appends what it is told; a command `!…` is refused, `throw` as a query throws. Queries answer with everything, or with the time. */
export function lines(): StateMachine & { readonly applied: string[] } {
  const applied: string[] = []
  return {
    name: 'lines',
    version: 1,
    wire: 'utf8',
    applied,
    check: (command) => (text.decode(command).startsWith('!') ? `line ${text.decode(command)} is not allowed` : undefined),
    apply(command, { index, now }) {
      const line = text.decode(command)
      applied.push(line)
      return bytes(line === 'now' ? String(now) : `${line}@${index}`)
    },
    query(query, { now }) {
      if (text.decode(query) === 'throw') throw new Error('no such line')
      if (text.decode(query) === 'large') return new Uint8Array(1_024 * 1_024)
      return bytes(text.decode(query) === 'now' ? String(now) : applied.join(' '))
    },
    snapshot: () => bytes(applied.join('\n')),
    restoreSnapshot: () => {},
  }
}

export class TestNode {
  readonly machine = lines()
  readonly log: MemoryLog
  readonly events: NodeEvent[] = []
  readonly told = new Map<number, ServerMessage[]>()
  failure: Error | undefined
  node: Node
  awake = true
  readonly #start: () => Node
  /** Completions of the disk wait here while it is held. */
  readonly #tasks: (() => void)[] = []
  diskHeld = false
  #connections = 0

  constructor(
    options: { readonly id: number; readonly size: number; readonly limits?: Partial<NodeLimits> },
    net: (messages: readonly Message[]) => void,
    clock: { readonly monotonicMs: () => number; readonly wallMs: () => number },
  ) {
    const { id, size, limits = {} } = options
    const ids = Array.from({ length: size }, (_, i) => i + 1)
    const members = ids.map((member) => ({ id: member, incarnation: 1, peer: `p${member}:1`, client: `c${member}:1` }))
    this.log = new MemoryLog({ members, voters: ids, votersOutgoing: [], learners: [] }, (task) => this.#tasks.push(task))
    this.#start = () =>
      new Node(
        { id, clusterId: 'test', machine: this.machine, seed: id * 7_919, limits },
        {
          log: this.log,
          net: { send: net },
          clock,
          clients: {
            send: (connection, messages) => this.told.get(connection)?.push(...messages),
            goodbye: (connection, message) => this.told.get(connection)?.push(message),
          },
          wake: () => {
            this.awake = true
          },
          fail: (error) => {
            this.failure = error
          },
          digest: (parts) => parts.map((part) => Buffer.from(part).toString('hex')).join('/'),
          report: (event) => this.events.push(event),
        },
      )
    this.node = this.#start()
  }

  /** A new life on the same log, with the state made anew. */
  restart(): void {
    this.machine.applied.length = 0
    this.told.clear()
    this.node = this.#start()
    this.awake = true
  }

  /** True when anything happened. */
  work(): boolean {
    const tasks = this.diskHeld ? [] : this.#tasks.splice(0)
    for (const task of tasks) task()
    if (!this.awake) return tasks.length > 0
    this.awake = false
    this.node.turn()
    return true
  }

  connect(hello: Partial<Hello> = {}): number {
    const connection = ++this.#connections
    this.told.set(connection, [])
    const answer = this.node.clientOpened(connection, {
      kind: 'Hello',
      clusterId: '',
      machine: 'lines',
      version: 1,
      wire: 'utf8',
      ...hello,
    })
    this.told.get(connection)?.push(answer)
    return connection
  }

  say(connection: number, message: ClientMessage): void {
    this.node.clientMessage(connection, message)
  }

  /** What `connection` was told since the last look. */
  take(connection: number): readonly ServerMessage[] {
    return this.told.get(connection)?.splice(0) ?? []
  }
}

export class TestNodes {
  readonly nodes: readonly TestNode[]
  monotonicMs = 1_000
  wallMs = 1_700_000_000_000
  /** Messages from and to these are lost. */
  readonly cutOff = new Set<number>()
  readonly #messages: Message[] = []

  constructor(size: number, limits: Partial<NodeLimits> = {}) {
    const clock = { monotonicMs: () => this.monotonicMs, wallMs: () => this.wallMs }
    const net = (messages: readonly Message[]) => void this.#messages.push(...messages)
    this.nodes = Array.from({ length: size }, (_, i) => new TestNode({ id: i + 1, size, limits }, net, clock))
  }

  node(id: number): TestNode {
    const node = this.nodes[id - 1]
    if (node === undefined) throw new Error(`no node ${id}`)
    return node
  }

  get leader(): TestNode {
    const leaders = this.nodes.filter(({ node }) => node.softState.role === 'leader' && !this.cutOff.has(node.id))
    const leader = leaders.at(-1)
    if (leader === undefined) throw new Error('there is no leader')
    return leader
  }

  /** Until nothing moves any more, without time passing. */
  settle(): void {
    for (let moved = true; moved; ) {
      moved = this.nodes.map((node) => node.work()).some(Boolean)
      for (const message of this.#messages.splice(0)) {
        if (this.cutOff.has(message.from) || this.cutOff.has(message.to)) continue
        this.node(message.to).node.receive(message)
        moved = true
      }
    }
  }

  /** Lets time pass in ticks of 10 ms. */
  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 10) {
      this.monotonicMs += 10
      this.wallMs += 10
      for (const node of this.nodes) node.awake = true
      this.settle()
    }
  }

  untilLeader(): TestNode {
    for (let i = 0; i < 1_000; i++) {
      this.pass(10)
      const leading = this.nodes.filter(({ node }) => node.softState.role === 'leader' && node.caughtUp && !this.cutOff.has(node.id))
      if (leading.length > 0) return this.leader
    }
    throw new Error('no leader within 10 s')
  }
}

/** A session on `node`, opened the way a client does it. */
export function openSession(nodes: TestNodes, node: TestNode): { readonly connection: number; readonly session: number } {
  const connection = node.connect()
  node.say(connection, { kind: 'OpenSession', requestId: 1 })
  nodes.settle()
  for (const message of node.take(connection)) {
    if (message.kind === 'SessionOpened') return { connection, session: message.session }
  }
  throw new Error('no session')
}

/** Nodes with a leader, and a session there. */
export function withSession(size: number, limits: Partial<NodeLimits> = {}) {
  const nodes = new TestNodes(size, limits)
  const leader = nodes.untilLeader()
  return { nodes, leader, ...openSession(nodes, leader) }
}

export const commands = (session: number, seqs: readonly (readonly [number, string])[], ackedBelow = 1): ClientMessage => ({
  kind: 'Commands',
  session,
  ackedBelow,
  items: seqs.map(([seq, line]) => ({ seq, command: bytes(line) })),
})

export const query = (requestId: number, what = '', consistency: 'linearizable' | 'stale' = 'linearizable'): ClientMessage => ({
  kind: 'Queries',
  items: [{ requestId, consistency, query: bytes(what) }],
})

/** `seq:reply` or `seq:CODE`, and `requestId=reply` for queries, in the order told. */
export function summary(messages: readonly ServerMessage[]): readonly string[] {
  return messages.flatMap((message) => {
    if (message.kind === 'Replies') return message.items.map(({ seq, reply, refused }) => `${seq}:${refused?.code ?? text.decode(reply)}`)
    if (message.kind === 'QueryReplies') {
      return message.items.map(({ requestId, reply, refused }) => `${requestId}=${refused?.code ?? text.decode(reply)}`)
    }
    return []
  })
}
