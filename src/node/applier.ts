import { assert, type Entry, type Index, type Raft } from '../core/index.ts'
import type { Envelope } from '../machine/envelope.ts'
import type { Replica } from '../machine/replica.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import { decodeEnvelope } from '../wire/envelope-codec.ts'

/** Entries asked of the core or of the log at once. */
const sliceBytes = 1_024 * 1_024
/** The clock is read once for this many entries. */
const entriesPerLook = 64

export interface ApplierPorts {
  readonly raft: Raft
  readonly log: Log
  readonly replica: Replica
  readonly clock: Clock
  readonly sliceMs: number
  wake(): void
  fail(error: Error): void
  /** Called after each entry with an envelope: `replica.applied` says what became of it. */
  applied(entry: Entry, envelope: Envelope): void
}

/**
 * Brings the replica up to what is committed: in order, each entry once, in slices that leave the event loop free. Entries come from the
 * core's memory while they are there, else from the log.
 */
export class Applier {
  readonly #ports: ApplierPorts
  /** Invariant: never falls. */
  #target: Index = 0
  /** Read from the log, not applied yet. */
  #loaded: readonly Entry[] = []
  #loading = false

  constructor(ports: ApplierPorts) {
    this.#ports = ports
  }

  aim(target: Index): void {
    assert(target >= this.#target, `what may be applied falls from ${this.#target} to ${target}`)
    this.#target = target
  }

  /** Applies one slice. After `timeUp` there is more to do, and another turn was asked for. */
  run(): 'idle' | 'applied' | 'timeUp' {
    const { replica, clock, sliceMs } = this.#ports
    const before = replica.lastApplied
    const deadline = clock.monotonicMs() + sliceMs
    while (replica.lastApplied < this.#target) {
      const entries = this.#next()
      if (entries === undefined) break
      if (!this.#applySome(entries, deadline)) {
        this.#ports.wake()
        return 'timeUp'
      }
    }
    return replica.lastApplied > before ? 'applied' : 'idle'
  }

  /** False when time was up before all of `entries` were applied. */
  #applySome(entries: readonly Entry[], deadline: number): boolean {
    const { clock } = this.#ports
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]
      if (entry !== undefined) this.#applyOne(entry)
      if (i % entriesPerLook === entriesPerLook - 1 && clock.monotonicMs() >= deadline) return i === entries.length - 1
    }
    return true
  }

  #applyOne(entry: Entry): void {
    const { replica } = this.#ports
    if (entry.kind !== 'command') return replica.skip(entry)
    const envelope = decodeEnvelope(entry.data)
    replica.apply(entry, envelope)
    this.#ports.applied(entry, envelope)
  }

  #next(): readonly Entry[] | undefined {
    const { raft, replica } = this.#ports
    const firstIndex = replica.lastApplied + 1
    const range = { firstIndex, lastIndex: this.#target, bytesMax: sliceBytes }
    const inMemory = raft.entriesInMemory(range)
    if (inMemory !== undefined) return inMemory
    const offset = firstIndex - (this.#loaded[0]?.index ?? Number.POSITIVE_INFINITY)
    if (offset >= 0 && offset < this.#loaded.length) return this.#loaded.slice(offset)
    this.#load(range)
    return undefined
  }

  #load(range: { readonly firstIndex: Index; readonly lastIndex: Index; readonly bytesMax: number }): void {
    if (this.#loading) return
    this.#loading = true
    this.#ports.log.entries(range, (error, entries) => {
      this.#loading = false
      if (error !== undefined) return this.#ports.fail(error)
      assert(entries[0]?.index === range.firstIndex, `committed entry ${range.firstIndex} is not in the log`)
      this.#loaded = entries
      this.#ports.wake()
    })
  }
}
