// One life of a server process, from its start to its crash: the real node on simulated ports. All that it remembers ends with it.
import { noConf } from '../core/conf.ts'
import type { ConfState, LogBase, NodeId, PeerMessage } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { ClientPort, Recovered } from '../node/index.ts'
import { Node, recover } from '../node/index.ts'
import type { Snapshots } from '../ports/snapshots.ts'
import { BlockLog } from '../storage/block-log.ts'
import { openSnapshots } from '../storage/snapshot-store.ts'
import { decodeClientMessage } from '../wire/client-codec.ts'
import type { JoinReply, ServerMessage } from '../wire/client-messages.ts'
import { FrameWriter } from '../wire/frame.ts'
import { decodeMessage } from '../wire/peer-codec.ts'
import { goodbyeFrame, writeServerMessage } from '../wire/server-codec.ts'
import type { Connection } from './connection.ts'
import { digestOf } from './digest.ts'
import type { DiskUser } from './disk.ts'
import { Join } from './join.ts'
import { noteEvent } from './life-events.ts'
import type { Goodbye, Packet } from './network.ts'
import { framesOf, isCounted, Peers } from './peers.ts'
import { refinedBy } from './reference/refined-raft.ts'
import type { SimServer } from './sim-server.ts'
import { WatchedLog } from './watched-log.ts'
import { WatchedSnapshots } from './watched-snapshots.ts'
import type { World } from './world.ts'

/** Where a process may be made to die: as it hands a batch, one that removes something or a configuration, or a slot to its disk, begins with a file, or sends. */
export type Trap = 'atWrite' | 'atRemoval' | 'atConf' | 'atSlot' | 'atFile' | 'atSend'

/** A supervisor starts a process again after this long. Milliseconds. */
const restartMs = 50
/** How often a server sees to it that its connections stand. */
const greetTicks = 50

export class Life implements DiskUser {
  readonly server: SimServer
  readonly #world: World
  readonly #connections = new Map<number, Connection>()
  readonly #frames = new FrameWriter(1_024)
  #node: Node | undefined
  #peers: Peers | undefined
  #join: Join | undefined
  /** What its first write begins with. */
  #letIn: { readonly incarnation: number; readonly conf: ConfState } | undefined
  #isAlive = true
  #isWoken = false
  #ticks = 0
  #trap: Trap | undefined

  constructor(world: World, server: SimServer) {
    this.#world = world
    this.server = server
  }

  get alive(): boolean {
    return this.#isAlive
  }

  /** `undefined` while the log is being read, and while it waits to be let in. */
  get node(): Node | undefined {
    return this.#node
  }

  /** What it knows of the cluster. */
  get peers(): Peers | undefined {
    return this.#peers
  }

  get connections(): readonly Connection[] {
    return [...this.#connections.values()]
  }

  /** Reads its disk, or asks to be let in where there is nothing on it; then takes part. */
  start(): void {
    if (this.server.isBlank) this.#join = new Join(this.#world, this.server, (reply) => this.deliver(() => this.#bootstrap(reply)))
    else this.#open()
  }

  die(): void {
    this.#isAlive = false
    this.#node = undefined
    this.#join?.stop()
  }

  /** Dies the next time it does what `trap` says. */
  arm(trap: Trap): void {
    this.#trap = trap
  }

  disarm(): void {
    this.#trap = undefined
  }

  deliver(task: () => void): void {
    if (this.#isAlive) this.server.run(this, task)
  }

  batchBegins({ removes }: { readonly removes: boolean }): void {
    this.#spring('atWrite')
    if (removes) this.#spring('atRemoval')
  }

  batchStored(): void {
    if (this.#letIn !== undefined) {
      this.server.bootstrapped(this.#letIn)
      this.#letIn = undefined
    } else this.#world.safety.onStored(this.server.id)
  }

  slotBegins(): void {
    this.#spring('atSlot')
  }

  fileBegins(): void {
    this.#spring('atFile')
  }

  turn(): void {
    this.#isWoken = false
    const node = this.#node
    if (node === undefined || !this.#isAlive) return
    node.turn()
    // It may have died of that.
    if (!this.#isAlive) return
    const { safety } = this.#world
    const { id, isDamaged } = this.server
    safety.onTurn(id, node.desk.standing)
    if (!node.isWhole) return
    safety.onWhole(id)
    if (isDamaged && safety.disks.isWhole(id)) this.server.onWhole(this)
  }

  /** A packet from a peer, which may be damaged: then the connection breaks there, and what was before it counts. */
  receiveFromPeer(packet: Packet): void {
    const node = this.#node
    const judgement = this.#peers?.judge(packet)
    if (node === undefined || judgement === undefined) return
    if (judgement === 'notTheOne') return this.server.disown()
    if (judgement !== 'member' && judgement !== 'guest') return this.#turnAway(packet, judgement)
    if (judgement === 'guest') this.#world.coverage.count('guest')
    for (const body of framesOf(packet, this.#world)) {
      const message = decodeMessage(body)
      this.#world.safety.proven.onReceived(this.server.id, message)
      if (judgement === 'member' || !isCounted(message)) node.receive(message)
      if (message.kind === 'SnapshotChunk' && message.data.length > 0) this.server.onInstall()
      if (message.kind === 'ReadIndexReply') this.#world.coverage.count('followerRead')
      if (message.kind === 'DigestReport') this.#world.coverage.count('digestReport')
    }
  }

  unreachable(peer: NodeId): void {
    this.#node?.unreachable(peer)
  }

  peerDown(peer: NodeId, incarnation: number): void {
    this.#node?.peerDown(peer, incarnation)
  }

  /** A member says that this one is none any more. */
  onRemoved(message: string): void {
    this.server.retire(message)
  }

  accept(connection: Connection, hello: Uint8Array): void {
    this.deliver(() => {
      const node = this.#node
      if (node === undefined) return connection.closeByServer({ silently: false })
      this.#connections.set(connection.id, connection)
      for (const body of framesOf({ bytes: hello, isCorrupt: false }, this.#world)) {
        const message = decodeClientMessage(body)
        if (message.kind !== 'Hello') return
        const answer = node.clientOpened(connection.id, message)
        this.#send(connection, [answer])
      }
    })
  }

  receiveFromClient(connection: Connection, bytes: Uint8Array): void {
    this.deliver(() => {
      const node = this.#node
      // An operator that has given up has called back what it asked for: nothing of it may come later, when it does not expect it any more.
      const isCalledBack = connection.isOrder && !connection.isOpenForClient
      if (node === undefined || !this.#connections.has(connection.id) || isCalledBack) return
      for (const body of framesOf({ bytes, isCorrupt: false }, this.#world)) {
        const message = decodeClientMessage(body)
        connection.owed.asked(message)
        node.clientMessage(connection.id, message)
      }
    })
  }

  onClosed(connection: Connection): void {
    this.deliver(() => {
      if (this.#connections.delete(connection.id)) this.#node?.clientClosed(connection.id)
    })
  }

  /** As the real server does it: what it knows of the cluster for now is whom to ask for a snapshot. */
  #bootstrap({ incarnation, conf }: JoinReply): void {
    if (conf === undefined) return
    const { members, removed, leaseMs } = conf
    const { id, disk, highWater } = this.server
    const { clusterId } = this.#world
    const identity = { clusterId, nodeId: id, incarnation }
    const base = { ...noConf, members, removed, leaseMs }
    this.#letIn = { incarnation, conf: base }
    const slots = highWater.mount(this)
    BlockLog.bootstrap(disk.mount(this), { identity, conf: base, slots }, (error) => {
      if (error === undefined) this.#open()
      else this.#fail(error)
    })
  }

  #open(): void {
    const { disk, highWater, witness, id, incarnation } = this.server
    const options = {
      name: `disk of node ${id}`,
      identity: { clusterId: this.#world.clusterId, nodeId: id, incarnation },
      slots: highWater.mount(this),
      witnessSlots: witness.mount(this),
      snapshotBase: (done: (base: LogBase | undefined) => void) => this.#withSnapshots(({ list: [newest] }) => done(newest)),
    }
    BlockLog.open(disk.mount(this), options, (error, log) => {
      if (log === undefined) return this.#fail(error ?? new Error('no log'))
      this.#withSnapshots((store) => this.#recover(log, store))
    })
  }

  #withSnapshots(then: (store: Snapshots) => void): void {
    const { files, id } = this.server
    openSnapshots(files.mount(this), { name: `snapshots of node ${id}` }, (failure, store) => {
      if (store === undefined) this.#fail(failure ?? new Error('no snapshots'))
      else then(store)
    })
  }

  #recover(log: BlockLog, store: Snapshots): void {
    const { machine, sabotage, applied } = this.#world
    const { id } = this.server
    const watched = applied.watch(id, sabotage.machine?.(machine(id), id) ?? machine(id))
    const snapshots = new WatchedSnapshots(store, (meta) => this.#world.onSnapshot(this.server.id, meta))
    const unusable = (index: number, error: Error): void => this.#note(index, `cannot use its snapshot of ${index}:`, error.message)
    recover({ id, machine: watched, log: log.summary, snapshots, unusable }, (error, recovered) => {
      if (recovered === undefined) return this.#fail(error ?? new Error('nothing recovered'))
      this.#begin(log, sabotage.snapshots?.(snapshots) ?? snapshots, recovered)
    })
  }

  #begin(log: BlockLog, snapshots: Snapshots, recovered: Recovered): void {
    const { id, clock, seed } = this.server
    const { applied, clusterId, sabotage, safety, verdict } = this.#world
    const { incarnation } = log.identity
    const { summary } = log
    verdict.check(
      log.identity.nodeId === id && log.identity.clusterId === clusterId && incarnation === this.server.incarnation,
      'a disk knows whose it is',
      () => `node ${id}, incarnation ${this.server.incarnation}, finds ${JSON.stringify(log.identity)}`,
    )
    const { lastApplied } = recovered.replica
    this.#checkFence(log)
    safety.onRecovered(id, { summary, lastApplied, ...this.server.damageFor(this), snapshots: snapshots.list })
    if (lastApplied > 0) applied.onRestored(id, lastApplied)
    this.#note(summary.lastIndex, 'has read its log', `${summary.base.id.index} to ${summary.lastIndex}, term ${summary.hardState.term}`)
    const conf = summary.confs.at(-1)?.conf ?? summary.base.conf
    const peers = new Peers(this.#world, this.server, { incarnation, conf })
    this.#peers = peers
    const watchedLog = new WatchedLog(log, {
      writes: (persist) => {
        this.#note(persist.seq, 'writes', persist)
        safety.onWrite(id, persist)
      },
      written: () => safety.onWritten(id),
      compacts: (base) => safety.onCompact(id, base),
      compacted: (base) => safety.onCompacted(id, base),
      // After it was handed over: it may be on the disk or not.
      handedOver: (persist) => {
        if (persist.reset !== undefined) this.server.onInstall()
        if (persist.entries.some(({ conf }) => conf !== undefined)) this.#spring('atConf')
      },
    })
    const { halted } = this.server
    const options = { id, clusterId, incarnation, recovered, seed, nonce: seed, halted, ...this.#world.node }
    this.#node = new Node(options, {
      log: sabotage.log?.(watchedLog) ?? watchedLog,
      snapshots,
      clock,
      net: { send: (messages) => peers.send(messages, (message) => this.#maySend(message)) },
      clients: this.#clientPort(),
      wake: () => this.#wake(),
      fail: (error) => this.#fail(error),
      digest: digestOf,
      confChanged: (newest, committed) => peers.confChanged(newest, committed),
      report: (event) => noteEvent(event, this.server, this.#world),
      ...(this.#world.reference ? { core: refinedBy(verdict, this.server.name) } : {}),
    })
    peers.confChanged(this.#node.conf, this.#node.committedConf)
    this.#tick()
    this.#wake()
  }

  #checkFence({ summary, findings }: BlockLog): void {
    const { coverage, verdict } = this.#world
    const { fence } = summary
    const { name, isDamaged } = this.server
    verdict.check(
      isDamaged || fence === undefined,
      'a log that nothing has happened to is not fenced',
      () => `${name} is fenced at ${JSON.stringify(fence)}: ${findings.map(({ what }) => what).join('; ')}`,
    )
    if (fence !== undefined) coverage.count(fence.floor === undefined ? 'floorUnknown' : 'fenced')
    if (findings.length > 0) this.#note(findings.length, 'finds its log damaged:', findings.map(({ what }) => what).join('; '))
  }

  #clientPort(): ClientPort {
    return {
      send: (id, messages) => {
        const connection = this.#connections.get(id)
        if (connection !== undefined && this.#isAlive) this.#send(connection, messages)
      },
      goodbye: (id, message) => {
        const connection = this.#connections.get(id)
        if (connection === undefined || !this.#isAlive) return
        connection.fromServer(goodbyeFrame(message))
        connection.closeByServer({ silently: false })
        this.#connections.delete(id)
      },
    }
  }

  #tick(): void {
    const { scheduler, chance, tickMs } = this.#world
    scheduler.after(tickMs * chance.between(0.9, 1.3), () => {
      if (!this.#isAlive) return
      this.server.runTurn(this)
      this.#ticks += 1
      if (this.#ticks % greetTicks === 0) this.deliver(() => this.#peers?.greet())
      this.#tick()
    })
  }

  #wake(): void {
    if (this.#isWoken || !this.#isAlive) return
    this.#isWoken = true
    const { scheduler, chance } = this.#world
    scheduler.after(chance.between(0, 1), () => {
      if (this.#isAlive) this.server.runTurn(this)
    })
  }

  #maySend(message: PeerMessage): boolean {
    this.#spring('atSend')
    if (this.#isAlive && message.kind === 'SnapshotRequest') this.server.onFetch(message.to)
    if (this.#isAlive && message.kind === 'TimeoutNow') this.server.onHandOver()
    return this.#isAlive
  }

  #send(connection: Connection, messages: readonly ServerMessage[]): void {
    connection.owed.told(messages)
    for (const message of messages) writeServerMessage(this.#frames, message)
    connection.fromServer(this.#frames.take())
  }

  #turnAway(packet: Packet, judgement: 'refused' | Goodbye): void {
    const { coverage, network } = this.#world
    if (judgement === 'anotherDisk') return network.goodbye(packet, judgement)
    if (judgement === 'removed') {
      coverage.count('toldRemoved')
      network.goodbye(packet, judgement)
    }
  }

  #spring(trap: Trap): void {
    if (this.#trap !== trap) return
    this.#trap = undefined
    this.#world.coverage.count('crashInTurn')
    this.server.crash({ silently: false, trap })
  }

  #note(mark: number, what: string, about: unknown): void {
    this.#world.note(mark, { who: this.server.name, what, about })
  }

  /** A node stops itself where its disk fails, it was removed, or its handler exhausts the process, and for no other reason here. */
  #fail(error: Error): void {
    if (!this.#isAlive) return
    if (error instanceof RaftgenError && error.code === 'NODE_REMOVED') return this.server.retire(error.message)
    const { disk, highWater, witness, files, isDamaged } = this.server
    const isFoundDamaged = isDamaged && error instanceof RaftgenError && error.code === 'STORAGE_DAMAGED'
    // A snapshot that cannot be written stops nobody, but a directory that cannot be read at the start.
    const hasFailed = disk.hasFailed || highWater.hasFailed || witness.hasFailed || (this.#node === undefined && files.hasFailed)
    const isFatal = error instanceof RaftgenError && error.code === 'HANDLER_FATAL'
    const expected = hasFailed || isFoundDamaged || isFatal
    if (!expected) this.#world.verdict.violate('a node stops only when its disk fails', error.stack ?? error.message)
    this.server.stop(error.message)
    // Somebody sees to it that it is started again, and repaired.
    if (isFoundDamaged || isFatal) this.#world.scheduler.after(restartMs, () => this.server.start())
  }
}
