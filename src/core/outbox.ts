import type { Accepted, Fetch, ReadGrant, Ready, Refusal } from './api.ts'
import type { AppendEntriesReply, Index, LogBase, Message, Witness } from './types.ts'

type Given = Pick<Ready, 'persist' | 'applyThrough' | 'restore' | 'softState'>

/** What has been decided since the last `ready`. Lists that are empty are given out as one shared array. */
export class Outbox {
  readonly #sends = new Batch<Message>()
  readonly #promises = new Batch<Message>()
  readonly #reads = new Batch<ReadGrant>()
  readonly #fetches = new Batch<Fetch>()
  readonly #accepted = new Batch<Accepted>()
  readonly #refused = new Batch<Refusal>()
  #snapshotWanted: Index | undefined
  #compact: LogBase | undefined
  #witness: readonly Witness[] | undefined

  /** May leave at once. */
  send(message: Message): void {
    this.#sends.items.push(message)
  }

  /**
   * Leaves once everything up to now is durable (§3.8). Acknowledgements that wait for the same write are one: the later covers the
   * earlier, since both were proven against the same leader's log.
   */
  promise(message: Message): void {
    const { items } = this.#promises
    const last = items[items.length - 1]
    if (
      isAcknowledgement(message) &&
      last !== undefined &&
      isAcknowledgement(last) &&
      last.to === message.to &&
      last.term === message.term
    ) {
      if (message.matchIndex > last.matchIndex) items[items.length - 1] = message
      return
    }
    items.push(message)
  }

  /** A promise of an older term: by the time it is durable, a later leader may have overwritten what it speaks of. */
  dropPromises(): void {
    this.#promises.items = []
  }

  grant(grant: ReadGrant): void {
    this.#reads.items.push(grant)
  }

  fetch(fetch: Fetch): void {
    this.#fetches.items.push(fetch)
  }

  accept(accepted: Accepted): void {
    this.#accepted.items.push(accepted)
  }

  refuse(refusal: Refusal): void {
    this.#refused.items.push(refusal)
  }

  wantSnapshot(minIndex: Index): void {
    this.#snapshotWanted = Math.max(minIndex, this.#snapshotWanted ?? 0)
  }

  /** The newest base covers those before it. */
  compact(base: LogBase): void {
    this.#compact = base
  }

  /** What is known of others, all of it. */
  note(witness: readonly Witness[]): void {
    this.#witness = witness
  }

  /** Whether `take` would give anything. */
  has({ promises }: { readonly promises: boolean }): boolean {
    return (
      (promises && this.#promises.items.length > 0) ||
      this.#sends.items.length > 0 ||
      this.#reads.items.length > 0 ||
      this.#fetches.items.length > 0 ||
      this.#accepted.items.length > 0 ||
      this.#refused.items.length > 0 ||
      this.#snapshotWanted !== undefined ||
      this.#compact !== undefined ||
      this.#witness !== undefined
    )
  }

  /** All of it, and what is `given`. Promises only while no write is in flight. */
  take({ persist, applyThrough, restore, softState }: Given, { promises }: { readonly promises: boolean }): Ready {
    const ready = {
      persist,
      applyThrough,
      restore,
      softState,
      send: this.#sends.take(),
      sendAfterPersist: promises ? this.#promises.take() : none,
      reads: this.#reads.take(),
      fetches: this.#fetches.take(),
      accepted: this.#accepted.take(),
      refused: this.#refused.take(),
      snapshotWanted: this.#snapshotWanted,
      compact: this.#compact,
      witness: this.#witness,
    }
    this.#snapshotWanted = undefined
    this.#compact = undefined
    this.#witness = undefined
    return ready
  }
}

const none: readonly never[] = []

class Batch<T> {
  items: T[] = []

  take(): readonly T[] {
    if (this.items.length === 0) return none
    const taken = this.items
    this.items = []
    return taken
  }
}

function isAcknowledgement(message: Message): message is Extract<AppendEntriesReply, { readonly ok: true }> {
  return message.kind === 'AppendEntriesReply' && message.ok
}
