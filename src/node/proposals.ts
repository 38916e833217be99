// Commands on their way through the log, and who waits for each. Nothing here knows what a command means.
import { type Accepted, broken, type Entry, type EntryId, type Index } from '../core/index.ts'
import type { Envelope } from '../machine/envelope.ts'
import { encodeEnvelope, stampCommand } from '../wire/envelope-codec.ts'
import type { ConnectionId } from './options.ts'
import type { Tickets } from './tickets.ts'

/** An envelope whose time is stamped when it is proposed. */
export type Unstamped = Exclude<Envelope, { kind: 'command' }> extends infer E ? (E extends Envelope ? Omit<E, 'now'> : never) : never

/** Something to be proposed, and who is to be told of it. */
export type Pending =
  | {
      readonly kind: 'command'
      readonly connection: ConnectionId
      readonly session: number
      readonly seq: number
      readonly ackedBelow: number
      /** Its envelope, without its stamp. */
      readonly data: Uint8Array
      /** In that. */
      readonly command: Uint8Array
    }
  | { readonly kind: 'openSession'; readonly connection: ConnectionId; readonly requestId: number; readonly envelope: Unstamped }
  | { readonly kind: 'internal'; readonly envelope: Unstamped }

interface Batch {
  readonly first: EntryId
  readonly items: readonly Pending[]
}

const bytesOf = (pending: Pending): number => (pending.kind === 'command' ? pending.command.length : 0)

export class Proposals {
  readonly #tickets: Tickets
  /** Not handed to the core yet. */
  #waiting: Pending[] = []
  /** Handed to the core in this turn, by ticket. */
  readonly #proposed = new Map<number, readonly Pending[]>()
  /** In the log, in its order. Those before `#head` are answered. */
  #batches: Batch[] = []
  #head = 0
  #count = 0
  #bytes = 0
  #answered = 0

  constructor(tickets: Tickets) {
    this.#tickets = tickets
  }

  /** Commands waiting, proposed, or in the log, and not answered. */
  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** How many were applied and answered so far. */
  get answered(): number {
    return this.#answered
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0
  }

  add(pending: Pending): void {
    this.#waiting.push(pending)
    this.#count += 1
    this.#bytes += bytesOf(pending)
  }

  /** Before everything that waits already. */
  addFirst(pending: Pending): void {
    this.#waiting.unshift(pending)
    this.#count += 1
  }

  /** Takes back all of what waits but what `stays`. */
  withdraw(stays: (pending: Pending) => boolean): readonly Pending[] {
    const withdrawn = this.#waiting.filter((pending) => !stays(pending))
    if (withdrawn.length === 0) return withdrawn
    this.#waiting = this.#waiting.filter(stays)
    this.#forget(withdrawn)
    return withdrawn
  }

  /** Everything that waits, as one input for the core, stamped with `now`; only what `goes`, where that is given. */
  propose({
    now,
    version,
    goes,
  }: {
    readonly now: number
    readonly version: number
    readonly goes?: ((pending: Pending) => boolean) | undefined
  }): { readonly ticket: number; readonly commands: readonly Uint8Array[] } {
    const items = goes === undefined ? this.#waiting : this.#waiting.filter(goes)
    this.#waiting = goes === undefined ? [] : this.#waiting.filter((pending) => !goes(pending))
    const ticket = this.#tickets.next()
    this.#proposed.set(ticket, items)
    const commands: Uint8Array[] = []
    const stamp = { now, version }
    for (const item of items) {
      if (item.kind !== 'command') commands.push(encodeEnvelope({ ...item.envelope, now }))
      else {
        stampCommand(item.data, stamp)
        commands.push(item.data)
      }
    }
    return { ticket, commands }
  }

  accept({ ticket, first, count }: Accepted): void {
    const items = this.#proposed.get(ticket)
    if (items === undefined) return // abandoned before the core could say so
    this.#batches.push({ first, items: count === items.length ? items : items.slice(0, count) })
  }

  /** What was not appended and never will be. Called after `accept` for the same ticket. */
  refuse(ticket: number, from: number): readonly Pending[] {
    const items = this.#proposed.get(ticket)?.slice(from) ?? []
    this.#forget(items)
    return items
  }

  /** Not appended, and not refused either: it waits again, before all that came later. */
  putBack(ticket: number, from: number): void {
    const items = this.#proposed.get(ticket) ?? []
    this.#proposed.set(ticket, items.slice(0, from))
    this.#waiting = [...items.slice(from), ...this.#waiting]
  }

  /** After the answers to the tickets of a turn were taken in. */
  settleTickets(): void {
    if (this.#proposed.size > 0) this.#proposed.clear()
  }

  /** Who waits for `entry`, which was applied; `undefined` when nobody here does. */
  settle(entry: Entry): Pending | undefined {
    const batch = this.#batches[this.#head]
    if (batch === undefined || entry.index < batch.first.index) return undefined
    if (entry.term !== batch.first.term) broken(`entry ${entry.index} has term ${entry.term}, it was proposed in term ${batch.first.term}`)
    const offset = entry.index - batch.first.index
    const pending = batch.items[offset]
    if (pending === undefined) broken(`entry ${entry.index} was passed over`)
    if (offset === batch.items.length - 1) this.#nextBatch()
    this.#count -= 1
    this.#answered += 1
    this.#bytes -= bytesOf(pending)
    return pending
  }

  /** Leadership is gone: all that wait, those not in the log first. Their fate, where they are in the log, is open. */
  abandon(lastApplied: Index): { readonly unproposed: readonly Pending[]; readonly inLog: readonly Pending[] } {
    const unproposed = this.#waiting
    const inLog: Pending[] = []
    for (const { first, items } of this.#batches.slice(this.#head)) {
      for (let i = Math.max(0, lastApplied + 1 - first.index); i < items.length; i++) {
        const item = items[i]
        if (item !== undefined) inLog.push(item)
      }
    }
    // Handed over in this very turn: they may have been appended before leadership was lost.
    for (const items of this.#proposed.values()) for (const item of items) inLog.push(item)
    this.#proposed.clear()
    this.#waiting = []
    this.#batches = []
    this.#head = 0
    this.#count = 0
    this.#bytes = 0
    return { unproposed, inLog }
  }

  #forget(items: readonly Pending[]): void {
    this.#count -= items.length
    for (const item of items) this.#bytes -= bytesOf(item)
  }

  #nextBatch(): void {
    this.#head += 1
    if (this.#head < 1_024 && this.#head < this.#batches.length) return
    this.#batches = this.#batches.slice(this.#head)
    this.#head = 0
  }
}
