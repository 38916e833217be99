// One question to whoever leads the cluster, over a connection of its own, for those who have no session: operators and nodes that join.
import type { Ms } from '../core/types.ts'
import { type ErrorCode, RaftgenError } from '../errors.ts'
import type { AdminRefused, ClientMessage, Hello, ServerMessage, Welcome } from '../wire/client-messages.ts'
import { refusalError } from './change-refused.ts'
import { dialClient } from './dial-client.ts'
import { type LeaderDial, type LeaderReply, visit, type VisitOutcome } from './leader-visit.ts'

/** From the dial to the Welcome. */
const connectTimeoutMs = 1_000
/** How long to stay with a server that knows no leader. */
const leaderWaitMs = 300
const defaultPatienceMs = 5_000
/** Between two rounds over all servers, or before a refused question is asked again: doubles from the one to the other. */
const pauseMinMs = 25
const pauseMaxMs = 400
/** Addresses kept: the given ones and those that servers told. */
const addressesMax = 64

export interface LeaderQuestion<R extends LeaderReply> {
  /** For messages: `the node was not let in`. */
  readonly failure: string
  /** `host:port` of some members. */
  readonly servers: readonly string[]
  readonly hello: Hello
  /** With request id 1: each connection carries one. */
  readonly request: ClientMessage
  /** The answer, when `message` is one. */
  readonly accept: (message: ServerMessage) => R | undefined
  /** Whether it may be asked again when nobody knows what became of it. Otherwise OUTCOME_UNKNOWN. */
  readonly isRepeatable: boolean
  /** Refusals that pass by themselves: asked again until the time is up. NOT_LEADER always is, and RETRY of what is repeatable. */
  readonly passes?: (refused: AdminRefused) => boolean
  /** What can be asked again is not left with one server for longer. Default 5,000. */
  readonly patienceMs?: Ms
  readonly timeoutMs: Ms
  readonly signal?: AbortSignal | undefined
  readonly dial?: LeaderDial | undefined
  /** What is being waited for, each time it becomes something else. */
  readonly onWait?: ((why: string) => void) | undefined
}

/**
 * The answer of the leader. Throws what the leader refused for good; UNAVAILABLE, or a refusal that did not pass, when the time is up;
 * OUTCOME_UNKNOWN; ABORTED; and CLUSTER_MISMATCH, MACHINE_MISMATCH or PROTOCOL_MISMATCH when no given server will have us.
 */
export function askLeader<R extends LeaderReply>(question: LeaderQuestion<R>): Promise<R> {
  return new LeaderSearch(question).run()
}

interface Place {
  readonly address: string
  status: string
  barred: ErrorCode | undefined
}

class LeaderSearch<R extends LeaderReply> {
  readonly #question: LeaderQuestion<R>
  readonly #deadline: Ms
  readonly #places: Place[]
  #cursor = -1
  /** Where to go next, before the rotation goes on. */
  #hinted: Place | undefined
  #clusterId: string
  /** Visits that came to nothing since the last pause. */
  #fruitless = 0
  #pauseMs = pauseMinMs
  /** The last refusal that may pass, while nothing worse came after it. */
  #refused: AdminRefused | undefined
  /** The question was sent at least once. */
  #asked = false
  /** Why a leader that did answer says no for now. */
  #hindrance: string | undefined
  /** As it was told last. */
  #waitsFor = ''

  constructor(question: LeaderQuestion<R>) {
    this.#question = question
    this.#deadline = performance.now() + question.timeoutMs
    this.#places = [...new Set(question.servers)].map(newPlace)
    this.#clusterId = question.hello.clusterId
  }

  async run(): Promise<R> {
    for (;;) {
      const place = this.#next()
      if (place === undefined) throw this.#allBarred()
      const outcome = await this.#visit(place)
      const reply = this.#judge(place, outcome)
      if (reply !== undefined) return reply
      if (this.#isLate) throw this.#late()
      const places = this.#places.filter(({ barred }) => barred === undefined).length
      // When none is left, that is final, and nothing is waited for.
      if (places > 0 && this.#fruitless >= places) await this.#pause()
    }
  }

  #visit(place: Place): Promise<VisitOutcome<R>> {
    const { hello, request, accept, isRepeatable, patienceMs = defaultPatienceMs, dial = dialClient, signal } = this.#question
    const leftMs = Math.max(1, Math.ceil(this.#leftMs()))
    return visit({
      address: place.address,
      hello: { ...hello, clusterId: this.#clusterId },
      request,
      accept,
      isRepeatable,
      connectTimeoutMs: Math.min(connectTimeoutMs, leftMs),
      leaderWaitMs: Math.min(leaderWaitMs, leftMs),
      answerTimeoutMs: isRepeatable ? Math.min(patienceMs, leftMs) : leftMs,
      dial,
      signal,
      onWelcome: (welcome) => this.#onWelcome(place, welcome),
    })
  }

  /** Why this server is not one of ours, or nothing. */
  #onWelcome({ address }: Place, { clusterId, servers }: Welcome): string | undefined {
    if (this.#clusterId !== '' && clusterId !== this.#clusterId) return `belongs to cluster ${clusterId}, not to ${this.#clusterId}`
    this.#clusterId = clusterId
    for (const server of servers) if (server !== address) this.#find(server)
    return undefined
  }

  /** The answer, when it is one to give on. Otherwise the search goes on. */
  #judge(place: Place, outcome: VisitOutcome<R>): R | undefined {
    switch (outcome.kind) {
      case 'answered':
        return this.#onReply(place, outcome.reply)
      case 'elsewhere': {
        const { id, client } = outcome.leader
        place.status = `named node ${id} at ${client} as leader`
        this.#hinted = this.#find(client)
        this.#fruitless += 1
        return undefined
      }
      case 'lost':
        this.#asked = true
        if (!this.#question.isRepeatable) throw this.#unknown(`${place.address} ${outcome.status}`)
        return this.#onUseless(place, outcome.status)
      case 'barred':
        // Is passed over from now on, and so is no reason to wait.
        place.barred = outcome.code
        place.status = outcome.status
        return undefined
      case 'useless':
        return this.#onUseless(place, outcome.status)
      case 'aborted':
        throw this.#aborted(outcome.sent)
    }
  }

  #onReply(place: Place, reply: R): R | undefined {
    const { refused } = reply
    if (refused === undefined) return reply
    const { code, message } = refused
    if (code === 'RETRY' && !this.#question.isRepeatable) throw this.#unknown(`${place.address} said: ${message}`)
    if (code !== 'NOT_LEADER' && code !== 'RETRY' && this.#question.passes?.(refused) !== true) throw refusalError(refused)
    place.status = message
    if (code === 'NOT_LEADER') {
      this.#fruitless += 1
      return undefined
    }
    this.#refused = refused
    this.#hinted = place
    // Nothing but time will change its mind.
    this.#fruitless = this.#places.length
    this.#hindrance = message
    return undefined
  }

  #onUseless(place: Place, status: string): undefined {
    place.status = status
    this.#fruitless += 1
    this.#hindrance = undefined
    return undefined
  }

  #tellWait(): void {
    const why = this.#hindrance ?? `no leader answered: ${this.#tried()}`
    if (why === this.#waitsFor) return
    this.#waitsFor = why
    this.#question.onWait?.(why)
  }

  #next(): Place | undefined {
    const hinted = this.#hinted
    this.#hinted = undefined
    if (hinted !== undefined && hinted.barred === undefined) return hinted
    for (let step = 0; step < this.#places.length; step++) {
      this.#cursor = (this.#cursor + 1) % this.#places.length
      const place = this.#places[this.#cursor]
      if (place !== undefined && place.barred === undefined) return place
    }
    return undefined
  }

  #find(address: string): Place | undefined {
    const known = this.#places.find((place) => place.address === address)
    if (known !== undefined || this.#places.length >= addressesMax) return known
    const place = newPlace(address)
    this.#places.push(place)
    return place
  }

  async #pause(): Promise<void> {
    const { signal } = this.#question
    this.#tellWait()
    const ms = Math.min(this.#pauseMs, Math.max(0, Math.ceil(this.#leftMs())))
    this.#fruitless = 0
    this.#pauseMs = Math.min(pauseMaxMs, this.#pauseMs * 2)
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      signal?.addEventListener('abort', end, { once: true })
    })
    if (signal?.aborted === true) throw this.#aborted(false)
    if (this.#isLate) throw this.#late()
  }

  /** Timers count whole milliseconds: less than one is nothing. */
  get #isLate(): boolean {
    return this.#leftMs() < 1
  }

  #leftMs(): Ms {
    return this.#deadline - performance.now()
  }

  #late(): RaftgenError {
    const { failure, timeoutMs } = this.#question
    const refused = this.#refused
    if (refused !== undefined) {
      return refusalError({ ...refused, message: `${failure} within ${timeoutMs} ms: ${refused.message}` })
    }
    return new RaftgenError('UNAVAILABLE', `${failure} within ${timeoutMs} ms: no leader answered; tried ${this.#tried()}`, {
      outcome: this.#asked ? 'unknown' : 'notApplied',
    })
  }

  #unknown(why: string): RaftgenError {
    return new RaftgenError('OUTCOME_UNKNOWN', `the request was sent, and then ${why}: it took effect once, or not at all`)
  }

  #aborted(sent: boolean): RaftgenError {
    if (sent && !this.#question.isRepeatable) return this.#unknown('its caller gave it up')
    return new RaftgenError('ABORTED', `${this.#question.failure}: the caller gave it up`, {
      outcome: sent || this.#asked ? 'unknown' : 'notApplied',
    })
  }

  #allBarred(): RaftgenError {
    const code = this.#places.find(({ barred }) => barred !== undefined)?.barred ?? 'UNAVAILABLE'
    return new RaftgenError(code, `${this.#question.failure}: ${this.#tried()}`)
  }

  #tried(): string {
    return this.#places.map(({ address, status }) => `${address} (${status})`).join(', ')
  }
}

const newPlace = (address: string): Place => ({ address, status: 'not tried', barred: undefined })
