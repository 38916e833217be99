import type { Accepted, Index, Input, LogBase, Message, Persist, Raft, Ready, ReadGrant, Refusal, SoftState } from '../core/index.ts'
import type { Log } from '../ports/log.ts'
import type { Net } from '../ports/net.ts'

export interface DriverPorts {
  readonly log: Log
  readonly net: Net
  /** It is about to be handed to the log. */
  writes(persist: Persist): void
  /** A completion waits in the inbox: ask for a turn. */
  wake(): void
  fail(error: Error): void
  accepted(accepted: readonly Accepted[]): void
  refused(refused: readonly Refusal[]): void
  granted(reads: readonly ReadGrant[]): void
  applyThrough(index: number): void
  snapshotWanted(minIndex: Index): void
  restore(index: Index): void
  /** The log on the disk begins here from now on. */
  compacted(firstIndex: Index): void
  changed(softState: SoftState): void
}

/** A write of the log; without entries its `lastIndex` is 0. */
export interface Write {
  readonly seq: number
  readonly lastIndex: Index
}

/**
 * Performs what the core asks for, and decides nothing. No promises: a completion is one more input, so the same driver runs under Node's
 * event loop and under the simulator's. One write is in flight at a time; what is appended meanwhile collects for the next (group commit).
 */
export class Driver {
  readonly #raft: Raft
  readonly #ports: DriverPorts
  #completions: Input[] = []
  #writing: Write | undefined
  #compacting = false
  /** Where the log is to begin once the compaction under way is done: the newest that was asked for. */
  #compactNext: LogBase | undefined
  /** Of the write that was finished since the last turn. */
  #promises: readonly Message[] = []

  constructor(raft: Raft, ports: DriverPorts) {
    this.#raft = raft
    this.#ports = ports
  }

  /** The one that is under way. */
  get write(): Write | undefined {
    return this.#writing
  }

  /** Steps what the disk has finished since the last turn. */
  stepCompletions(): void {
    if (this.#promises.length > 0) this.#ports.net.send(this.#promises)
    this.#promises = []
    this.#goOnCompacting()
    if (this.#completions.length === 0) return
    const completions = this.#completions
    this.#completions = []
    for (const completion of completions) this.#raft.step(completion)
  }

  /** Performs what has accumulated; false when there was nothing. */
  perform(): boolean {
    const ready = this.#raft.ready({ write: this.#writing === undefined })
    if (ready === undefined) return false
    const { net } = this.#ports
    if (ready.softState !== undefined) this.#ports.changed(ready.softState)
    // The write starts first: it runs beside everything else.
    if (ready.persist !== undefined) this.#write(ready.persist, ready)
    if (ready.send.length > 0) net.send(ready.send)
    if (ready.persist === undefined && ready.sendAfterPersist.length > 0) net.send(ready.sendAfterPersist)
    for (const fetch of ready.fetches) this.#fetch(fetch)
    if (ready.accepted.length > 0) this.#ports.accepted(ready.accepted)
    if (ready.refused.length > 0) this.#ports.refused(ready.refused)
    if (ready.reads.length > 0) this.#ports.granted(ready.reads)
    this.#ports.applyThrough(ready.applyThrough)
    this.#performRare(ready)
    return true
  }

  #performRare({ compact, restore, snapshotWanted, witness }: Ready): void {
    if (witness !== undefined) this.#ports.log.note?.(witness)
    if (compact !== undefined) this.#compact(compact)
    if (restore !== undefined) this.#ports.restore(restore)
    if (snapshotWanted !== undefined) this.#ports.snapshotWanted(snapshotWanted)
  }

  /** One at a time, however slow the disk is: each waits among the writes, and a later one does the work of those before it. */
  #compact(base: LogBase): void {
    if (this.#compacting) {
      this.#compactNext = base
      return
    }
    this.#compacting = true
    this.#ports.log.compact(base, (error) => {
      if (error !== undefined) return this.#ports.fail(error)
      this.#compacting = false
      this.#ports.compacted(base.id.index + 1)
      if (this.#compactNext !== undefined) this.#ports.wake()
    })
  }

  #goOnCompacting(): void {
    const base = this.#compactNext
    if (base === undefined || this.#compacting) return
    this.#compactNext = undefined
    this.#compact(base)
  }

  #write(persist: NonNullable<Ready['persist']>, { sendAfterPersist }: Ready): void {
    this.#ports.writes(persist)
    this.#writing = { seq: persist.seq, lastIndex: persist.entries.at(-1)?.index ?? 0 }
    this.#ports.log.appendEntries(persist, (error) => {
      // What reached the disk is unknown now: stop, never retry.
      if (error !== undefined) return this.#ports.fail(error)
      this.#writing = undefined
      this.#completions.push({ kind: 'persisted', seq: persist.seq })
      this.#promises = sendAfterPersist
      this.#ports.wake()
    })
  }

  #fetch({ peer, firstIndex, lastIndex, bytesMax }: Ready['fetches'][number]): void {
    this.#ports.log.entries({ firstIndex, lastIndex, bytesMax }, (error, entries) => {
      if (error !== undefined) return this.#ports.fail(error)
      this.#completions.push({ kind: 'fetched', peer, firstIndex, entries })
      this.#ports.wake()
    })
  }
}
