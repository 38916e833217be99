// One life of a server process, from its start to its crash: the real node on simulated ports. All that it remembers ends with it.
import type { Message, NodeId } from '../core/types.ts'
import type { ClientPort, NodeEvent } from '../node/index.ts'
import { Node } from '../node/index.ts'
import type { Log } from '../ports/log.ts'
import { BlockLog } from '../storage/block-log.ts'
import { decodeClientMessage } from '../wire/client-codec.ts'
import type { ServerMessage } from '../wire/client-messages.ts'
import { FrameReader, FrameWriter } from '../wire/frame.ts'
import { decodeMessage, writeMessage } from '../wire/peer-codec.ts'
import { goodbyeFrame, writeServerMessage } from '../wire/server-codec.ts'
import type { Connection } from './connection.ts'
import { digestOf } from './digest.ts'
import type { DiskUser } from './disk.ts'
import type { SimServer } from './sim-server.ts'
import { WatchedLog } from './watched-log.ts'
import type { World } from './world.ts'

/** Where in a turn a process may be made to die: when it hands a batch to its disk, or when it sends. */
export type Trap = 'atWrite' | 'atSend'

export class Life implements DiskUser {
  readonly server: SimServer
  readonly #world: World
  readonly #connections = new Map<number, Connection>()
  readonly #frames = new FrameWriter(1_024)
  #node: Node | undefined
  #isAlive = true
  #isWoken = false
  #trap: Trap | undefined

  constructor(world: World, server: SimServer) {
    this.#world = world
    this.server = server
  }

  get alive(): boolean {
    return this.#isAlive
  }

  /** `undefined` while the log is being read. */
  get node(): Node | undefined {
    return this.#node
  }

  get connections(): readonly Connection[] {
    return [...this.#connections.values()]
  }

  /** Reads the log, then takes part. */
  start(): void {
    const { disk, id } = this.server
    BlockLog.open(disk.mount(this), { name: `disk of node ${id}` }, (error, log) => {
      if (error !== undefined) return this.#fail(error)
      if (log !== undefined) this.#begin(log)
    })
  }

  die(): void {
    this.#isAlive = false
    this.#node = undefined
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

  batchBegins(): void {
    this.#spring('atWrite')
  }

  batchStored(): void {
    this.#world.safety.onStored(this.server.id)
  }

  turn(): void {
    this.#isWoken = false
    const node = this.#node
    if (node === undefined || !this.#isAlive) return
    node.turn()
    // It may have died of that.
    if (this.#isAlive) this.#world.safety.onTurn(this.server.id, node.status({ digest: false }))
  }

  /** A packet from a peer, which may be damaged: then the connection breaks there, and what was before it counts. */
  receiveFromPeer(bytes: Uint8Array, { isCorrupt }: { readonly isCorrupt: boolean }): void {
    const node = this.#node
    if (node === undefined) return
    this.#read(bytes, { isCorrupt }, (body) => node.receive(decodeMessage(body)))
  }

  unreachable(peer: NodeId): void {
    this.#node?.unreachable(peer)
  }

  accept(connection: Connection, hello: Uint8Array): void {
    this.deliver(() => {
      const node = this.#node
      if (node === undefined) return connection.closeByServer({ silently: false })
      this.#connections.set(connection.id, connection)
      this.#read(hello, { isCorrupt: false }, (body) => {
        const message = decodeClientMessage(body)
        if (message.kind !== 'Hello') return
        const answer = node.clientOpened(connection.id, message)
        this.#send(connection, [answer])
      })
    })
  }

  receiveFromClient(connection: Connection, bytes: Uint8Array): void {
    this.deliver(() => {
      const node = this.#node
      if (node === undefined || !this.#connections.has(connection.id)) return
      this.#read(bytes, { isCorrupt: false }, (body) => node.clientMessage(connection.id, decodeClientMessage(body)))
    })
  }

  onClosed(connection: Connection): void {
    this.deliver(() => {
      if (this.#connections.delete(connection.id)) this.#node?.clientClosed(connection.id)
    })
  }

  #begin(log: Log & Pick<BlockLog, 'identity'>): void {
    const { id, clock, seed } = this.server
    const { applied, clusterId, machine, sabotage, safety, verdict, note } = this.#world
    verdict.check(
      log.identity.nodeId === id && log.identity.clusterId === clusterId,
      'a disk knows whose it is',
      () => `node ${id} finds ${JSON.stringify(log.identity)}`,
    )
    safety.onRecovered(id, log.summary)
    note(log.summary.lastIndex, {
      who: this.server.name,
      what: 'has read its log',
      about: `up to ${log.summary.lastIndex}, term ${log.summary.hardState.term}`,
    })
    const watchedLog = new WatchedLog(log, (persist) => {
      note(persist.seq, { who: this.server.name, what: 'writes', about: persist })
      safety.onWrite(id, persist)
    })
    const sabotaged = sabotage.machine?.(machine()) ?? machine()
    const options = { id, clusterId, machine: applied.watch(id, sabotaged), seed, ...this.#world.node }
    this.#node = new Node(options, {
      log: sabotage.log?.(watchedLog) ?? watchedLog,
      clock,
      net: { send: (messages) => this.#sendToPeers(messages) },
      clients: this.#clientPort(),
      wake: () => this.#wake(),
      fail: (error) => this.#fail(error),
      digest: digestOf,
      report: (event) => this.#onEvent(event),
    })
    this.#tick()
    this.#wake()
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

  /** What leaves in one call for one peer is one packet. */
  #sendToPeers(messages: readonly Message[]): void {
    const packets = new Map<NodeId, FrameWriter>()
    for (const message of messages) {
      this.#spring('atSend')
      if (!this.#isAlive) return
      this.#world.safety.onSend(this.server.id, message)
      const sent = this.#world.sabotage.message === undefined ? message : this.#world.sabotage.message(message)
      if (sent === undefined) continue
      const frames = packets.get(message.to) ?? new FrameWriter(256)
      packets.set(message.to, frames)
      writeMessage(frames.begin(), sent)
      frames.end()
      this.#world.note(message.term * 64 + message.kind.length, { who: this.server.name, what: 'sends', about: message })
    }
    for (const [to, frames] of packets) this.#world.network.send(this.server.id, to, frames.take())
  }

  #send(connection: Connection, messages: readonly ServerMessage[]): void {
    for (const message of messages) writeServerMessage(this.#frames, message)
    connection.fromServer(this.#frames.take())
  }

  #read(bytes: Uint8Array, { isCorrupt }: { readonly isCorrupt: boolean }, use: (body: Buffer) => void): void {
    const reader = new FrameReader()
    const bodies: Buffer[] = []
    try {
      reader.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
      for (let body = reader.next(); body !== undefined; body = reader.next()) bodies.push(body)
    } catch (error) {
      // A stream that has lost its place: what came before is sound.
      if (!isCorrupt) this.#world.verdict.violate('what is sent can be read', String(error))
    }
    for (const body of bodies) use(body)
  }

  #spring(trap: Trap): void {
    if (this.#trap !== trap) return
    this.#trap = undefined
    this.#world.coverage.count('crashInTurn')
    this.server.crash({ silently: false, trap })
  }

  #onEvent(event: NodeEvent): void {
    const { safety, note } = this.#world
    if (event.kind !== 'role') return
    safety.onRole(this.server.id, event.softState)
    note(event.softState.term, { who: this.server.name, what: `is ${event.softState.role} of term`, about: event.softState.term })
  }

  /** A node stops itself where its disk fails, and for no other reason here. */
  #fail(error: Error): void {
    if (!this.#isAlive) return
    const expected = this.server.disk.hasFailed
    if (!expected) this.#world.verdict.violate('a node stops only when its disk fails', error.stack ?? error.message)
    this.server.stop(error.message)
  }
}
