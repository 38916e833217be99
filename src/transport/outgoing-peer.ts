// The connection that this node dials to one peer, to send to it. What comes back on it are signs of life only.
//
//   waiting --timer--> dialling --PeerWelcome--> ready
//      ^                  |                        |
//      +---- refused, broken, silent: queue cleared, unreachable reported
import type { Member, Message, Ms, NodeId } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import { FrameWriter, frame } from '../wire/frame.ts'
import {
  chooseVersion,
  decodePeerWelcome,
  decodePong,
  encodePreamble,
  type Preamble,
  writePeerHello,
  writePing,
} from '../wire/handshake.ts'
import { bodyKinds } from '../wire/kinds.ts'
import { writeMessage } from '../wire/peer-codec.ts'
import { decodeServerMessage } from '../wire/server-codec.ts'
import { Channel } from './channel.ts'
import { checkWelcome, type PeerIdentity } from './peer-identity.ts'
import { connectTo } from './socket.ts'
import type { PeerTiming } from './timing.ts'

/** Lost messages are reported at most this often: the node answers a report by sending again, and must not spin. */
const reportMs = 10

export interface OutgoingPeerOptions {
  readonly identity: PeerIdentity
  readonly member: Member
  readonly timing: PeerTiming
  readonly queueBytesMax: number
  /** In [0, 1). */
  readonly random: () => number
  readonly events: OutgoingPeerEvents
}
export interface OutgoingPeerEvents {
  /** Never from inside `send` or `flush`. */
  unreachable(peer: NodeId): void
  /** A connection stands; `again`: it is not the first. */
  connected(again: boolean): void
  dropped(): void
  refused(): void
  malformed(): void
  failed(error: RaftgenError): void
}

type State =
  | { readonly kind: 'waiting'; readonly timer: NodeJS.Timeout }
  | { readonly kind: 'dialling'; readonly channel: Channel; readonly timer: NodeJS.Timeout; preamble: Preamble | undefined }
  | { readonly kind: 'ready'; readonly channel: Channel; readonly life: SignsOfLife }
  | { readonly kind: 'closed' }

/** What the peer is known to have read of a connection. */
interface SignsOfLife {
  receivedBytes: number
  /** Since when it lacks bytes without reading more of them. */
  lackingSince: Ms | undefined
}

export class OutgoingPeer {
  readonly #options: OutgoingPeerOptions
  /** Encoded, not yet given to the socket. */
  readonly #frames = new FrameWriter()
  #state: State
  /** Dials that failed since a connection last proved good. */
  #failures = 0
  #connectedBefore = false
  #report: NodeJS.Timeout | undefined

  constructor(options: OutgoingPeerOptions) {
    this.#options = options
    this.#state = this.#dial()
  }

  get member(): Member {
    return this.#options.member
  }

  /** Queued, here and in the socket. */
  get queuedBytes(): number {
    const state = this.#state
    return this.#frames.length + (state.kind === 'dialling' || state.kind === 'ready' ? state.channel.pendingBytes : 0)
  }

  /** Encodes `message` for the next `flush`. Dropped, and reported, when there is no connection to come or its queue is full. */
  send(message: Message): void {
    const { kind } = this.#state
    if (kind === 'waiting' || kind === 'closed' || this.queuedBytes >= this.#options.queueBytesMax) {
      this.#drop()
      return
    }
    writeMessage(this.#frames.begin(), message)
    this.#frames.end()
  }

  /** Everything since the last one leaves in one write; waits for the handshake while there is none. */
  flush(): void {
    if (this.#state.kind === 'ready' && this.#frames.length > 0) this.#state.channel.write(this.#frames.take())
  }

  /** The peer has shown itself: an attempt that waits need not wait longer. */
  hurry(): void {
    if (this.#state.kind !== 'waiting') return
    clearTimeout(this.#state.timer)
    this.#state = this.#dial()
  }

  /** Asks for a sign of life, and cuts the connection when the last ones failed to come. */
  sweep(now: Ms): void {
    const state = this.#state
    if (state.kind !== 'ready') return
    const { channel, life } = state
    if (life.receivedBytes < channel.sentBytes) {
      life.lackingSince ??= now
      if (now - life.lackingSince > this.#options.timing.pongTimeoutMs) {
        channel.destroy(new Error(`it read nothing for ${Math.round(now - life.lackingSince)} ms`))
        return
      }
    }
    writePing(this.#frames.begin())
    this.#frames.end()
    this.flush()
  }

  close(): void {
    const state = this.#state
    this.#state = { kind: 'closed' }
    clearTimeout(this.#report)
    if (state.kind === 'waiting' || state.kind === 'dialling') clearTimeout(state.timer)
    if (state.kind === 'dialling' || state.kind === 'ready') state.channel.destroy()
  }

  #dial(): State {
    const { identity, member, timing } = this.#options
    const channel: Channel = new Channel(connectTo(member.peer), {
      preamble: (preamble) => this.#onPreamble(preamble),
      frame: (body) => this.#onFrame(channel, body),
      malformed: () => this.#options.events.malformed(),
      closed: (error) => this.#onClosed(channel, error),
    })
    const { self, machine, bootNonce } = identity
    const hello = {
      clusterId: self.clusterId,
      from: self.nodeId,
      incarnation: self.incarnation,
      to: member.id,
      machine: machine.name,
      wire: machine.wire,
      bootNonce,
    }
    channel.write(Buffer.concat([encodePreamble({ role: 'peer' }), frame((body) => writePeerHello(body, hello))]))
    const timer = setTimeout(() => setImmediate(() => this.#onLate(channel)), timing.handshakeTimeoutMs).unref()
    return { kind: 'dialling', channel, timer, preamble: undefined }
  }

  /** An immediate after the timer: an answer that waited out a stall of this process has been read by now. */
  #onLate(channel: Channel): void {
    const state = this.#state
    if (state.kind !== 'dialling' || state.channel !== channel) return
    channel.destroy(new Error(`no answer within ${this.#options.timing.handshakeTimeoutMs} ms`))
  }

  #onPreamble(preamble: Preamble): void {
    if (this.#state.kind === 'dialling') this.#state.preamble = preamble
  }

  #onFrame(channel: Channel, body: Buffer): void {
    const state = this.#state
    if (state.kind === 'dialling') this.#onAnswer(channel, body, state.preamble)
    if (state.kind !== 'ready') return
    const pong = channel.decode(body, decodePong)
    if (pong === undefined || pong.receivedBytes <= state.life.receivedBytes) return
    state.life.receivedBytes = pong.receivedBytes
    state.life.lackingSince = pong.receivedBytes < channel.sentBytes ? performance.now() : undefined
    // Only now: two processes that fight for one id accept each other's successor at once, over and over.
    this.#failures = 0
  }

  #onAnswer(channel: Channel, body: Buffer, preamble: Preamble | undefined): void {
    if (body[0] === bodyKinds.Goodbye) {
      this.#onGoodbye(channel, body)
      return
    }
    const { identity, member, events } = this.#options
    const accepted = preamble !== undefined && preamble.role === 'peer' && preamble.version === chooseVersion(preamble)
    const welcome = accepted ? channel.decode(body, decodePeerWelcome) : undefined
    const wrong = welcome === undefined ? 'it speaks no version that is known here' : checkWelcome(welcome, identity, member)
    if (wrong === undefined) {
      this.#onReady(channel)
      return
    }
    events.refused()
    channel.destroy(new Error(wrong))
  }

  #onGoodbye(channel: Channel, body: Buffer): void {
    const goodbye = channel.decode(body, decodeServerMessage)
    if (goodbye?.kind !== 'Goodbye') return
    const { member, events } = this.#options
    events.refused()
    const error = new RaftgenError(goodbye.code, `node ${member.id} at ${member.peer} refuses this node: ${goodbye.message}`)
    channel.destroy(error)
  }

  #onReady(channel: Channel): void {
    if (this.#state.kind === 'dialling') clearTimeout(this.#state.timer)
    this.#state = { kind: 'ready', channel, life: { receivedBytes: 0, lackingSince: undefined } }
    this.#options.events.connected(this.#connectedBefore)
    this.#connectedBefore = true
    this.flush()
  }

  #onClosed(channel: Channel, error: Error | undefined): void {
    const state = this.#state
    if ((state.kind !== 'dialling' && state.kind !== 'ready') || state.channel !== channel) return
    const { member, events } = this.#options
    if (state.kind === 'dialling') clearTimeout(state.timer)
    // Old votes and entries are of no use to a peer that comes back: the node decides anew what to send.
    this.#frames.clear()
    this.#state = { kind: 'waiting', timer: setTimeout(() => this.hurry(), this.#backOffMs()) }
    this.#failures += 1
    events.failed(error instanceof RaftgenError ? error : lost(member, state.kind, error))
    events.unreachable(member.id)
  }

  /** Doubles up to its maximum; anywhere in its upper half, so that nodes do not dial in step. */
  #backOffMs(): Ms {
    const { redialMinMs, redialMaxMs } = this.#options.timing
    const backOffMs = Math.min(redialMaxMs, redialMinMs * 2 ** Math.min(this.#failures, 30))
    return (backOffMs * (1 + this.#options.random())) / 2
  }

  #drop(): void {
    this.#options.events.dropped()
    if (this.#state.kind === 'closed') return
    this.#report ??= setTimeout(() => {
      this.#report = undefined
      this.#options.events.unreachable(this.#options.member.id)
    }, reportMs).unref()
  }
}

function lost(member: Member, state: 'dialling' | 'ready', error: Error | undefined): RaftgenError {
  const what = state === 'dialling' ? 'cannot connect to' : 'lost the connection to'
  return new RaftgenError('UNAVAILABLE', `${what} node ${member.id} at ${member.peer}: ${error?.message ?? 'it was closed'}`)
}
