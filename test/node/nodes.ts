// A few nodes in one thread, with a clock, a disk and a network that move only when a test says so.
import { type ConfState, confOfVoters, type CoreLimits, noConf, type PeerMessage } from '../../src/core/index.ts'
import type { HandlerFailure, StateMachine } from '../../src/machine/state-machine.ts'
import { RaftgenError } from '../../src/errors.ts'
import { type Halt, Node, type NodeEvent, type NodeLimits, type NodeOptions } from '../../src/node/index.ts'
import type { Recovered } from '../../src/node/options.ts'
import { recover } from '../../src/node/recover.ts'
import { MemoryLog } from '../../src/storage/memory-log.ts'
import type { ClientMessage, Consistency, Hello, ServerMessage } from '../../src/wire/client-messages.ts'
import { MemorySnapshots } from './memory-snapshots.ts'

const text = new TextDecoder()
const bytes = (value: string) => new TextEncoder().encode(value)

export interface Lines extends StateMachine {
  readonly applied: string[]
  /** These are no good for its handler, which throws. */
  readonly bad: Set<string>
  /** Of these its process dies. */
  readonly fatal: Set<string>
  /** Called with each line that is appended. */
  onLine: (line: string) => void
}

/** Appends what it is told; a command `!…` is refused, `throw` as a query throws. Queries answer with everything, or with the time. */
export function lines(): Lines {
  const applied: string[] = []
  const bad = new Set<string>()
  const fatal = new Set<string>()
  const failedReply = bytes('failed')
  const machine: Lines = {
    onLine: () => {},
    bad,
    fatal,
    failedReply,
    name: 'lines',
    version: 1,
    wire: 'utf8',
    applied,
    check: (command) => (text.decode(command).startsWith('!') ? `line ${text.decode(command)} is not allowed` : undefined),
    apply(command, context) {
      const { index, now } = context
      const report = (failure: HandlerFailure) => context.report(failure)
      const line = text.decode(command)
      const failure = { command: 'append', message: `${line} is no line`, stack: undefined }
      if (fatal.has(line)) {
        report(failure)
        throw new RaftgenError('HANDLER_FATAL', `the handler of append at index ${index} ran out of stack`)
      }
      if (bad.has(line)) {
        report(failure)
        return failedReply
      }
      machine.onLine(line)
      applied.push(line)
      return bytes(line === 'now' ? String(now) : `${line}@${index}`)
    },
    query(query, { now }) {
      if (text.decode(query) === 'throw') throw new Error('no such line')
      if (text.decode(query) === 'large') return new Uint8Array(1_024 * 1_024)
      return bytes(text.decode(query) === 'now' ? String(now) : applied.join(' '))
    },
    snapshot: () => bytes(applied.join('\n')),
    restoreSnapshot(snapshot) {
      const restored = text.decode(snapshot)
      applied.splice(0, applied.length, ...(restored === '' ? [] : restored.split('\n')))
    },
  }
  return machine
}

type Clock = { readonly monotonicMs: () => number; readonly wallMs: () => number }

export interface TestNodeOptions {
  readonly id: number
  readonly conf: ConfState
  readonly incarnation?: number
  readonly limits?: Partial<NodeLimits>
  readonly coreLimits?: Partial<CoreLimits>
  readonly onHandlerError?: NodeOptions['onHandlerError']
}

export class TestNode {
  readonly machine = lines()
  log: MemoryLog
  snapshots: MemorySnapshots
  readonly events: NodeEvent[] = []
  readonly told = new Map<number, ServerMessage[]>()
  failure: Error | undefined
  /** On its disk: what its last life died of. */
  halted: Halt | undefined
  retryHalted = false
  onHandlerError: NodeOptions['onHandlerError']
  node: Node
  awake = true
  /** The newest configuration that the node told of. */
  conf: ConfState | undefined
  readonly #options: TestNodeOptions
  readonly #net: (messages: readonly PeerMessage[]) => void
  readonly #clock: Clock
  /** Completions of the disk wait here while it is held. */
  #tasks: (() => void)[] = []
  diskHeld = false
  #connections = 0
  #lives = 0
  #incarnation: number

  constructor(options: TestNodeOptions, net: (messages: readonly PeerMessage[]) => void, clock: Clock) {
    this.#options = options
    this.onHandlerError = options.onHandlerError
    this.#incarnation = options.incarnation ?? 1
    this.#net = net
    this.#clock = clock
    const { log, snapshots } = this.#emptyDisk(options.conf)
    this.log = log
    this.snapshots = snapshots
    this.node = this.#start()
  }

  /** A new life on the same disk, with the state made anew. */
  restart(): void {
    this.#tasks.splice(0)
    this.snapshots.crash()
    this.machine.applied.length = 0
    this.told.clear()
    this.failure = undefined
    this.node = this.#start()
    this.awake = true
  }

  /** A new life on an empty disk, of a node that knows the others and nothing else. */
  restartEmpty(incarnation = this.#incarnation): void {
    const { members } = this.node.conf
    const { log, snapshots } = this.#emptyDisk({ ...noConf, members })
    this.log = log
    this.snapshots = snapshots
    this.#incarnation = incarnation
    this.restart()
  }

  #emptyDisk(conf: ConfState): { readonly log: MemoryLog; readonly snapshots: MemorySnapshots } {
    const defer = (task: () => void) => void this.#tasks.push(task)
    return { log: new MemoryLog(conf, defer), snapshots: new MemorySnapshots(defer) }
  }

  #recovered(): Recovered {
    const { machine, log, snapshots } = this
    let outcome: { readonly error: Error | undefined; readonly recovered: Recovered | undefined } | undefined
    recover(
      {
        id: this.#options.id,
        machine,
        log: log.summary,
        snapshots,
        unusable: (index, error) => this.events.push({ kind: 'snapshotFailed', index, error }),
      },
      (error, recovered) => {
        outcome = { error, recovered }
      },
    )
    while (outcome === undefined && this.#tasks.length > 0) for (const task of this.#tasks.splice(0)) task()
    if (outcome?.recovered === undefined) throw outcome?.error ?? new Error('the node does not recover')
    return outcome.recovered
  }

  #start(): Node {
    const { id, limits = {}, coreLimits = {} } = this.#options
    const { onHandlerError = 'fail', halted, retryHalted } = this
    const policy = { onHandlerError, halted, retryHalted }
    this.#lives += 1
    // Only of this life: what an earlier one still has to say, nobody hears.
    const life = this.#lives
    const isCurrent = () => life === this.#lives
    const seed = id * 7_919 + life
    return new Node(
      {
        id,
        clusterId: 'test',
        incarnation: this.#incarnation,
        recovered: this.#recovered(),
        seed,
        nonce: seed,
        ...policy,
        limits,
        coreLimits,
      },
      {
        log: this.log,
        snapshots: this.snapshots,
        net: { send: this.#net },
        clock: this.#clock,
        clients: {
          send: (connection, messages) => this.told.get(connection)?.push(...messages),
          goodbye: (connection, message) => this.told.get(connection)?.push(message),
        },
        wake: () => {
          this.awake = true
        },
        fail: (error) => {
          if (isCurrent()) this.failure = error
        },
        digest: (parts) => parts.map((part) => Buffer.from(part).toString('hex')).join('/'),
        confChanged: (conf) => {
          this.conf = conf
        },
        report: (event) => {
          if (event.kind === 'handlerFatal') this.halted = event.halt
          if (event.kind === 'applyGoesOn') this.halted = undefined
          this.events.push(event)
        },
      },
    )
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

export const memberOf = (id: number, incarnation = 1) => ({ id, incarnation, peer: `p${id}:1`, client: `c${id}:1` })

export class TestNodes {
  readonly nodes: TestNode[]
  readonly #start: (options: TestNodeOptions) => TestNode
  monotonicMs = 1_000
  wallMs = 1_700_000_000_000
  /** Messages from and to these are lost. */
  readonly cutOff = new Set<number>()
  /** Whether messages between these two are lost. */
  isCut: (from: number, to: number) => boolean = () => false
  /** These have no turns; what they are sent waits for them. */
  readonly paused = new Set<number>()
  /** Whether this message is lost. */
  isLost: (message: PeerMessage) => boolean = () => false
  /** How long this message is on its way, milliseconds; longer than another means that it is overtaken. */
  delayMs: (message: PeerMessage) => number = () => 0
  readonly #messages: PeerMessage[] = []
  #travelling: { readonly at: number; readonly message: PeerMessage }[] = []

  constructor(
    size: number,
    limits: Partial<NodeLimits> = {},
    coreLimits: Partial<CoreLimits> = {},
    policy: Pick<TestNodeOptions, 'onHandlerError'> = {},
  ) {
    const clock = { monotonicMs: () => this.monotonicMs, wallMs: () => this.wallMs }
    const net = (messages: readonly PeerMessage[]) => void this.#messages.push(...messages)
    const conf = confOfVoters(Array.from({ length: size }, (_, i) => memberOf(i + 1)))
    this.#start = (options) => new TestNode(options, net, clock)
    this.nodes = conf.members.map(({ id }) => this.#start({ id, conf, limits, coreLimits, ...policy }))
  }

  /** A machine with an empty disk that was let in as a member. */
  add(options: Pick<TestNodeOptions, 'id' | 'conf' | 'incarnation'>): TestNode {
    const { members } = options.conf
    const node = this.#start({ ...options, conf: { ...noConf, members } })
    this.nodes.push(node)
    return node
  }

  node(id: number): TestNode {
    const node = this.nodes.find((one) => one.node.id === id)
    if (node === undefined) throw new Error(`no node ${id}`)
    return node
  }

  get leader(): TestNode {
    const leaders = this.nodes.filter(({ node }) => node.softState.role === 'leader' && !this.#isAway(node.id))
    const leader = leaders.at(-1)
    if (leader === undefined) throw new Error('there is no leader')
    return leader
  }

  /** Until nothing moves any more, without time passing. */
  settle(): void {
    let rounds = 0
    for (let moved = true; moved; ) {
      rounds += 1
      if (rounds > 100_000) throw new Error('the nodes do not come to rest')
      moved = this.nodes.map((node) => !this.paused.has(node.node.id) && node.work()).some(Boolean)
      for (const message of this.#messages.splice(0)) {
        if (this.cutOff.has(message.from) || this.cutOff.has(message.to) || this.isCut(message.from, message.to)) continue
        // A member that nobody has started yet hears nothing.
        if (this.isLost(message) || !this.nodes.some(({ node }) => node.id === message.to)) continue
        const delayMs = this.delayMs(message)
        if (delayMs > 0) {
          this.#travelling.push({ at: this.monotonicMs + delayMs, message })
          continue
        }
        // A process that has ended hears nothing, and does nothing.
        if (this.node(message.to).failure === undefined) this.node(message.to).node.receive(message)
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
      this.#arrive()
      this.settle()
    }
  }

  untilLeader(): TestNode {
    for (let i = 0; i < 1_000; i++) {
      this.pass(10)
      const leading = this.nodes.filter(({ node }) => node.softState.role === 'leader' && node.caughtUp && !this.#isAway(node.id))
      if (leading.length > 0) return this.leader
    }
    throw new Error('no leader within 10 s')
  }

  #arrive(): void {
    const arrived = this.#travelling.filter(({ at }) => at <= this.monotonicMs)
    this.#travelling = this.#travelling.filter(({ at }) => at > this.monotonicMs)
    for (const { message } of arrived) this.node(message.to).node.receive(message)
  }

  #isAway(id: number): boolean {
    return this.cutOff.has(id) || this.paused.has(id)
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
export function withSession(size: number, limits: Partial<NodeLimits> = {}, coreLimits: Partial<CoreLimits> = {}) {
  const nodes = new TestNodes(size, limits, coreLimits)
  const leader = nodes.untilLeader()
  return { nodes, leader, ...openSession(nodes, leader) }
}

export const commands = (session: number, seqs: readonly (readonly [number, string])[], ackedBelow = 1): ClientMessage => ({
  kind: 'Commands',
  session,
  ackedBelow,
  items: seqs.map(([seq, line]) => ({ seq, command: bytes(line) })),
})

export const query = (requestId: number, what = '', consistency: Consistency = 'linearizable', atLeast = 0): ClientMessage => ({
  kind: 'Queries',
  items: [{ requestId, consistency, atLeast, query: bytes(what) }],
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
