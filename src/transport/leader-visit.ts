import type { Ms } from '../core/types.ts'
import { type ErrorCode, RaftgenError } from '../errors.ts'
import type { AdminRefused, ClientMessage, Hello, LeaderHint, ServerMessage, Welcome } from '../wire/client-messages.ts'
import type { ClientLink } from './dial-client.ts'

/** How a server is reached: `dialClient`, or what a test puts in its place. */
export type LeaderDial = (options: {
  readonly address: string
  readonly hello: Hello
  readonly connectTimeoutMs: Ms
  readonly events: { message(message: ServerMessage): void; closed(error: Error | undefined): void }
}) => Pick<ClientLink, 'send' | 'close'>

/** What a question comes back with: an answer, or why there is none. */
export interface LeaderReply {
  readonly refused: AdminRefused | undefined
}

export type VisitOutcome<R> =
  | { readonly kind: 'answered'; readonly reply: R }
  | { readonly kind: 'elsewhere'; readonly leader: LeaderHint }
  | { readonly kind: 'useless'; readonly status: string }
  /** It will never have us. */
  | { readonly kind: 'barred'; readonly code: ErrorCode; readonly status: string }
  /** The question was sent, and nobody knows what became of it. */
  | { readonly kind: 'lost'; readonly status: string }
  | { readonly kind: 'aborted'; readonly sent: boolean }

export interface VisitOptions<R extends LeaderReply> {
  readonly address: string
  readonly hello: Hello
  readonly request: ClientMessage
  /** The answer, when `message` is one. */
  readonly accept: (message: ServerMessage) => R | undefined
  /** Whether the request may be sent again, so that it is given up when the server turns out not to lead. */
  readonly isRepeatable: boolean
  readonly connectTimeoutMs: Ms
  readonly leaderWaitMs: Ms
  readonly answerTimeoutMs: Ms
  readonly dial: LeaderDial
  readonly signal: AbortSignal | undefined
  onWelcome(welcome: Welcome): string | undefined
}

const barring: ReadonlySet<ErrorCode> = new Set(['CLUSTER_MISMATCH', 'MACHINE_MISMATCH', 'PROTOCOL_MISMATCH'])

/** One connection to one server: asks it if it leads, waits a little if it knows no leader. Never rejects. */
export function visit<R extends LeaderReply>(options: VisitOptions<R>): Promise<VisitOutcome<R>> {
  return new Promise((resolve) => new Visit(options, resolve).begin())
}

class Visit<R extends LeaderReply> {
  readonly #options: VisitOptions<R>
  readonly #resolve: (outcome: VisitOutcome<R>) => void
  readonly #onAbort = (): void => this.#end({ kind: 'aborted', sent: this.#sent })
  #link: ReturnType<LeaderDial> | undefined
  #timer: NodeJS.Timeout | undefined
  #nodeId: number | undefined
  #sent = false
  #ended = false

  constructor(options: VisitOptions<R>, resolve: (outcome: VisitOutcome<R>) => void) {
    this.#options = options
    this.#resolve = resolve
  }

  begin(): void {
    const { address, hello, connectTimeoutMs, dial, signal } = this.#options
    if (signal?.aborted === true) return this.#onAbort()
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    try {
      this.#link = dial({
        address,
        hello,
        connectTimeoutMs,
        events: { message: (message) => this.#onMessage(message), closed: (error) => this.#onClosed(error) },
      })
    } catch (error) {
      this.#end({ kind: 'useless', status: error instanceof Error ? error.message : String(error) })
    }
  }

  #onMessage(message: ServerMessage): void {
    if (this.#ended) return
    switch (message.kind) {
      case 'Welcome':
        return this.#onWelcome(message)
      case 'LeaderChanged':
        return this.#onLeader(message.leader)
      case 'Goodbye':
        return this.#onGoodbye(message.code, `said goodbye with ${message.code}: ${message.message}`)
      default:
        this.#onReply(message)
    }
  }

  #onWelcome(welcome: Welcome): void {
    const foreign = this.#options.onWelcome(welcome)
    if (foreign !== undefined) return this.#end({ kind: 'barred', code: 'CLUSTER_MISMATCH', status: foreign })
    this.#nodeId = welcome.nodeId
    this.#onLeader(welcome.leader)
  }

  #onLeader(leader: LeaderHint | undefined): void {
    const { request, isRepeatable, leaderWaitMs, answerTimeoutMs } = this.#options
    if (leader?.id === this.#nodeId && leader !== undefined) {
      if (this.#sent) return
      this.#sent = true
      this.#link?.send([request])
      return this.#endAfter(answerTimeoutMs, { kind: 'lost', status: `did not answer within ${answerTimeoutMs} ms` })
    }
    // Whoever did what cannot be done twice is still the one to say so.
    if (this.#sent && !isRepeatable) return
    if (leader !== undefined) return this.#end({ kind: 'elsewhere', leader })
    this.#endAfter(leaderWaitMs, { kind: 'useless', status: 'knows no leader' })
  }

  #onReply(message: ServerMessage): void {
    const reply = this.#options.accept(message)
    if (reply !== undefined) this.#end({ kind: 'answered', reply })
  }

  #onGoodbye(code: ErrorCode, status: string): void {
    if (this.#sent) return this.#end({ kind: 'lost', status })
    this.#end(barring.has(code) ? { kind: 'barred', code, status } : { kind: 'useless', status })
  }

  #onClosed(error: Error | undefined): void {
    const cause = error instanceof RaftgenError && error.cause instanceof Error ? error.cause : error
    this.#onGoodbye(error instanceof RaftgenError ? error.code : 'UNAVAILABLE', cause?.message ?? 'closed the connection')
  }

  /** An immediate after the timer: an answer that waited out a stall of this process has been read by then. */
  #endAfter(ms: Ms, outcome: VisitOutcome<R>): void {
    clearTimeout(this.#timer)
    const timer = setTimeout(() => {
      setImmediate(() => {
        if (this.#timer === timer) this.#end(outcome)
      })
    }, ms)
    this.#timer = timer
  }

  #end(outcome: VisitOutcome<R>): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#timer)
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#link?.close()
    this.#resolve(outcome)
  }
}
