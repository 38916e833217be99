// The connection that this node dials to one peer, to send to it. What comes back on it are signs of life only.
//
//   waiting --timer--> dialling --PeerWelcome--> ready
//      ^                  |  ^                     |
//      |                  |  +--- lost: at once ---+    A redial that is refused then says that the process at the other end has ended.
//      +---- refused, broken, silent
//
// Wherever a connection ends, its queue is cleared, and the peer reported as unreachable.
import type { Member, Ms, NodeId, PeerMessage } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { DiskClaim } from '../ports/peer-disks.ts'
import { FrameWriter, frame } from '../wire/frame.ts'
import {
  chooseVersion,
  decodePeerWelcome,
  decodePong,
  encodePreamble,
  type PeerRefusal,
  type Preamble,
  writePeerHello,
  writePing,
} from '../wire/handshake.ts'
import { bodyKinds } from '../wire/kinds.ts'
import { writeMessage } from '../wire/peer-codec.ts'
import { decodeServerMessage, goodbyeFrame } from '../wire/server-codec.ts'
import { Channel } from './channel.ts'
import { checkWelcome, helloTo, type PeerIdentity, refusedDisk } from './peer-identity.ts'
import { connectTo, isRefused } from './socket.ts'
import { afterInput, type PeerTiming } from './timing.ts'

/** Lost messages are reported at most this often: the node answers a report by sending again, and must not spin. */
const reportMs = 10
/** A connection that is lost this soon after the last one waits before it is dialled again: two processes fight for one id, or the like. */
const fightMs = 1_000
/**
 * Redials that fail otherwise do not end the search for a dead process this soon after the loss: one that is ending may reset a connection
 * that its listener had still taken.
 */
const checkMs = 250
/**
 * A dial that has lasted this long when the peer shows itself, and is not answered within as long again, is given up for a new one: its first
 * packets were lost. Not at once: the answer may have waited for this process, as the peer's own dial did.
 */
const stuckMs = 250

export interface OutgoingPeerOptions {
  readonly identity: PeerIdentity
  readonly member: Member
  /** Where the peer says that it listens, if it has said so: it may have moved while this node was away. */
  readonly said: string | undefined
  /** Where this node listens. */
  readonly ownAddress: () => string
  readonly timing: PeerTiming
  readonly queueBytesMax: number
  /** In [0, 1). */
  readonly random: () => number
  /** Of who answers as the peer: whether it has another disk than the one that the peer has been seen with. */
  readonly isAnotherDisk: (claim: DiskClaim) => boolean
  /** Calls `then` once it will not be forgotten; perhaps never. */
  readonly remember: (claim: DiskClaim, then: () => void) => void
  readonly events: OutgoingPeerEvents
}
export interface OutgoingPeerEvents {
  /** Never from inside `send` or `flush`. */
  unreachable(peer: NodeId): void
  /** The process of the peer has ended: its connection was lost, and the redial refused. Once for each loss. */
  down(): void
  /** The peer says that this node is no member any more. */
  removed(message: string): void
  /** The peer refuses this node, for the reason given. */
  turnedAway(why: PeerRefusal): void
  /** A connection stands; `again`: it is not the first. */
  connected(again: boolean): void
  dropped(): void
  refused(): void
  malformed(): void
  failed(error: RaftgenError): void
}

type State =
  | { readonly kind: 'waiting'; readonly timer: NodeJS.Timeout }
  | Dialling
  | { readonly kind: 'ready'; readonly channel: Channel; readonly life: SignsOfLife }
  | { readonly kind: 'closed' }

interface Dialling {
  readonly kind: 'dialling'
  readonly channel: Channel
  readonly timer: NodeJS.Timeout
  readonly since: Ms
  /** Runs when the dial may be stuck. */
  doubt: NodeJS.Timeout | undefined
  preamble: Preamble | undefined
  /** The next dial follows at once. */
  isGivenUp: boolean
  /** It has answered, rightly, and its disk is being written down. */
  isWelcome: boolean
  /** Why it is not the peer: it was told so. */
  refusal: RaftgenError | undefined
}

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
  /** Where it was dialled last. */
  #address: string
  /** Where it says that it listens. */
  #said: string | undefined
  /** Dials that failed since a connection last proved good. */
  #failures = 0
  #connectedBefore = false
  /** When a connection that stood was last lost. */
  #lostAt: Ms = Number.NEGATIVE_INFINITY
  /** It is being found out whether the process behind the lost connection has ended. */
  #isChecking = false
  #report: NodeJS.Timeout | undefined

  constructor(options: OutgoingPeerOptions) {
    this.#options = options
    this.#address = options.member.peer
    this.#said = options.said
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
  send(message: PeerMessage): void {
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
    if (this.#state.kind === 'ready' && this.#frames.length > 0) this.#state.channel.writeAll(this.#frames)
  }

  /** The peer has shown itself, and said where it listens. */
  arrived(said: string): void {
    // Only news: a peer that connects over and over must not keep us from where else it may be.
    if (said !== this.#said && this.#state.kind === 'waiting' && !this.#isChecking) this.#address = said
    this.#said = said
    this.#hurry()
  }

  /** An attempt that waits need not wait longer, nor one that is stuck. */
  #hurry(): void {
    const state = this.#state
    if (state.kind === 'waiting') {
      clearTimeout(state.timer)
      this.#state = this.#dial()
    }
    if (state.kind !== 'dialling' || performance.now() - state.since < stuckMs) return
    state.doubt ??= afterInput(stuckMs, () => this.#giveUp(state))
  }

  #giveUp(state: Dialling): void {
    if (this.#state !== state || state.isWelcome) return
    state.isGivenUp = true
    state.channel.destroy(new Error('it connected to this node, and did not answer meanwhile'))
  }

  /** The peer's own connection has closed: if its process has ended, a word to it is answered by a reset, should this one's end be late. */
  doubt(): void {
    if (this.#state.kind === 'ready') this.#ping()
    else this.#hurry()
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
    this.#ping()
  }

  close(): void {
    const state = this.#state
    this.#state = { kind: 'closed' }
    clearTimeout(this.#report)
    if (state.kind === 'waiting') clearTimeout(state.timer)
    if (state.kind === 'dialling') clearTimers(state)
    if (state.kind === 'dialling' || state.kind === 'ready') state.channel.destroy()
  }

  #ping(): void {
    writePing(this.#frames.begin())
    this.#frames.end()
    this.flush()
  }

  #dial(): State {
    const { identity, member, timing, ownAddress } = this.#options
    const channel: Channel = new Channel(connectTo(this.#address), {
      preamble: (preamble) => this.#onPreamble(preamble),
      frame: (body) => this.#onFrame(channel, body),
      malformed: () => this.#options.events.malformed(),
      closed: (error) => this.#onClosed(channel, error),
    })
    const hello = helloTo(member, identity, ownAddress())
    channel.write(Buffer.concat([encodePreamble({ role: 'peer' }), frame((body) => writePeerHello(body, hello))]))
    const timer = afterInput(timing.handshakeTimeoutMs, () => this.#onLate(channel))
    return {
      kind: 'dialling',
      channel,
      timer,
      since: performance.now(),
      doubt: undefined,
      preamble: undefined,
      isGivenUp: false,
      isWelcome: false,
      refusal: undefined,
    }
  }

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
    if (state.kind === 'dialling') this.#onAnswer(channel, body, state)
    if (state.kind !== 'ready') return
    if (body[0] === bodyKinds.Goodbye) {
      this.#onGoodbye(channel, body)
      return
    }
    const pong = channel.decode(body, decodePong)
    if (pong === undefined || pong.receivedBytes <= state.life.receivedBytes) return
    state.life.receivedBytes = pong.receivedBytes
    state.life.lackingSince = pong.receivedBytes < channel.sentBytes ? performance.now() : undefined
    // Only now: two processes that fight for one id accept each other's successor at once, over and over.
    this.#failures = 0
  }

  #onAnswer(channel: Channel, body: Buffer, state: Dialling): void {
    if (body[0] === bodyKinds.Goodbye) {
      this.#onGoodbye(channel, body)
      return
    }
    // A sign of life: the next one says the same and more.
    if (state.isWelcome) return
    const { preamble } = state
    const { identity, member, events } = this.#options
    const accepted = preamble !== undefined && preamble.role === 'peer' && preamble.version === chooseVersion(preamble)
    const welcome = accepted ? channel.decode(body, decodePeerWelcome) : undefined
    const wrong = welcome === undefined ? 'it speaks no version that is known here' : checkWelcome(welcome, identity, member)
    if (wrong !== undefined || welcome === undefined) {
      events.refused()
      channel.destroy(new Error(wrong))
      return
    }
    const { incarnation, diskId } = welcome
    this.#onWelcome(channel, state, { id: member.id, incarnation, diskId })
  }

  #onWelcome(channel: Channel, state: Dialling, claim: DiskClaim): void {
    const { events, isAnotherDisk, remember } = this.#options
    if (!isAnotherDisk(claim)) {
      state.isWelcome = true
      remember(claim, () => {
        if (this.#state === state && channel.isOpen) this.#onReady(channel)
      })
      return
    }
    const refusal = refusedDisk(claim)
    events.refused()
    state.refusal = new RaftgenError(refusal.code, `refused the node at ${this.#address}: ${refusal.message}`)
    // It may not be able to dial this node, and shall know none the less.
    channel.end(goodbyeFrame(refusal))
  }

  #onGoodbye(channel: Channel, body: Buffer): void {
    const goodbye = channel.decode(body, decodeServerMessage)
    if (goodbye?.kind !== 'Goodbye') return
    const { member, events } = this.#options
    events.refused()
    channel.destroy(new RaftgenError(goodbye.code, `node ${member.id} at ${this.#address} refuses this node: ${goodbye.message}`))
    if (goodbye.code === 'NODE_REMOVED') events.removed(goodbye.message)
    else events.turnedAway({ code: goodbye.code, message: goodbye.message })
  }

  #onReady(channel: Channel): void {
    if (this.#state.kind === 'dialling') clearTimers(this.#state)
    this.#state = { kind: 'ready', channel, life: { receivedBytes: 0, lackingSince: undefined } }
    this.#isChecking = false
    this.#options.events.connected(this.#connectedBefore)
    this.#connectedBefore = true
    this.flush()
  }

  #onClosed(channel: Channel, closedWith: Error | undefined): void {
    const state = this.#state
    if ((state.kind !== 'dialling' && state.kind !== 'ready') || state.channel !== channel) return
    const error = (state.kind === 'dialling' ? state.refusal : undefined) ?? closedWith
    const { member, events } = this.#options
    if (state.kind === 'dialling') clearTimers(state)
    // Old votes and entries are of no use to a peer that comes back: the node decides anew what to send.
    this.#frames.clear()
    const isDown = state.kind === 'dialling' && this.#isChecking && isRefused(error)
    const pauseMs = state.kind === 'ready' ? this.#pauseAfterLossMs() : state.isGivenUp ? 0 : this.#pauseAfterFailureMs(isDown)
    const address = this.#address
    if (state.kind === 'dialling') this.#turn()
    this.#failures += 1
    this.#state = pauseMs === 0 ? this.#dial() : { kind: 'waiting', timer: setTimeout(() => this.#hurry(), pauseMs) }
    events.failed(error instanceof RaftgenError ? error : lost({ id: member.id, peer: address }, state.kind, error))
    events.unreachable(member.id)
    if (isDown) events.down()
  }

  /**
   * Where the peer is known to be and where it says that it is take turns: either may be out of date. Not before it is known whether the
   * process behind a lost connection has ended: that is found out where it was.
   */
  #turn(): void {
    if (this.#isChecking) return
    const { peer } = this.#options.member
    this.#address = this.#address === peer ? (this.#said ?? peer) : peer
  }

  #pauseAfterLossMs(): Ms {
    const now = performance.now()
    const isFight = this.#failures > 0 && now - this.#lostAt < fightMs
    this.#lostAt = now
    this.#isChecking = true
    return isFight ? this.#backOffMs() : 0
  }

  #pauseAfterFailureMs(isDown: boolean): Ms {
    if (isDown || performance.now() - this.#lostAt > checkMs) this.#isChecking = false
    return this.#backOffMs()
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

function clearTimers({ timer, doubt }: Dialling): void {
  clearTimeout(timer)
  clearTimeout(doubt)
}

function lost(member: Pick<Member, 'id' | 'peer'>, state: 'dialling' | 'ready', error: Error | undefined): RaftgenError {
  const what = state === 'dialling' ? 'cannot connect to' : 'lost the connection to'
  return new RaftgenError('UNAVAILABLE', `${what} node ${member.id} at ${member.peer}: ${error?.message ?? 'it was closed'}`)
}
