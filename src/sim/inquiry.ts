// One question to one server over a connection of its own, as the tools of an operator and a server that wants to join ask it.
import type { Ms } from '../core/types.ts'
import { writeClientMessage } from '../wire/client-codec.ts'
import type { AdminReply, AdminRequest, JoinReply, JoinRequest, LeaderHint } from '../wire/client-messages.ts'
import { FrameReader, FrameWriter } from '../wire/frame.ts'
import { decodeServerMessage } from '../wire/server-codec.ts'
import { Connection, type Dialler } from './connection.ts'
import type { Place } from './network.ts'
import type { SimServer } from './sim-server.ts'
import type { World } from './world.ts'

export type Answer = AdminReply | JoinReply
export interface InquiryOptions {
  readonly id: number
  readonly place: Place
  /** For the story. */
  readonly who: string
  readonly server: SimServer
  readonly request: AdminRequest | JoinRequest
  readonly timeoutMs: Ms
  /** Called once, unless `cancel` comes first. No answer: nobody knows what became of it. `leader`: whom to ask instead, if that was said. */
  done(answer: Answer | undefined, leader: LeaderHint | undefined): void
}

export class Inquiry implements Dialler {
  readonly isOrder = true
  readonly place: Place
  readonly #world: World
  readonly #options: InquiryOptions
  readonly #connection: Connection
  #leader: LeaderHint | undefined
  #isOpen = true

  constructor(world: World, options: InquiryOptions) {
    this.#world = world
    this.#options = options
    this.place = options.place
    this.#connection = new Connection(world, { id: options.id, attempt: 1, client: this, server: options.server })
    this.#note('dials', options.server.name)
    const frames = new FrameWriter(256)
    writeClientMessage(frames, { kind: 'Hello', clusterId: world.clusterId, machine: '', version: 0, wire: '' })
    this.#connection.open(frames.take())
    world.scheduler.after(options.timeoutMs, () => this.#end(undefined))
  }

  /** Nothing of it arrives any more. */
  cancel(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#connection.closeByClient()
  }

  receive(_: Connection, bytes: Uint8Array): void {
    const reader = new FrameReader()
    reader.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    for (let body = reader.next(); body !== undefined && this.#isOpen; body = reader.next()) this.#onMessage(body)
  }

  onDisconnected(): void {
    this.#end(undefined)
  }

  #onMessage(body: Buffer): void {
    const message = decodeServerMessage(body)
    this.#note('is told', message)
    switch (message.kind) {
      case 'Welcome': {
        this.#leader = message.leader
        const frames = new FrameWriter(256)
        writeClientMessage(frames, this.#options.request)
        this.#note('asks', this.#options.request)
        this.#connection.fromClient(frames.take())
        return
      }
      case 'LeaderChanged':
        this.#leader = message.leader
        return
      case 'AdminReply':
      case 'JoinReply':
        return this.#end(message)
      case 'Goodbye':
        return this.#end(undefined)
      default:
    }
  }

  #end(answer: Answer | undefined): void {
    if (!this.#isOpen) return
    this.cancel()
    this.#options.done(answer, this.#leader)
  }

  #note(what: string, about: unknown): void {
    this.#world.note(this.#options.id, { who: this.#options.who, what, about })
  }
}
