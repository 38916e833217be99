import { broken, type Entry, type Index, InvariantError, type Ms, type Raft } from '../core/index.ts'
import type { Envelope } from '../machine/envelope.ts'
import { RaftgenError } from '../errors.ts'
import type { ApplyOutcome, Replica, Treatment } from '../machine/replica.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log, Skip } from '../ports/log.ts'
import type { Net } from '../ports/net.ts'
import { decodeEnvelope } from '../wire/envelope-codec.ts'
import type { Halting } from './halting.ts'

/** Entries asked of the core or of the log at once. */
const sliceBytes = 1_024 * 1_024
/** The clock is read once for this many entries at most, or this many bytes of them. */
const lookEntriesMax = 64
const lookBytesMax = 64 * 1_024
/** Entries that take longer than this are looked at one by one. Milliseconds. */
const slowEntryMs = 0.1

export interface ApplierPorts {
  readonly raft: Pick<Raft, 'entriesInMemory'>
  readonly log: Pick<Log, 'entries'>
  /** Peers do not wait for what was sent to them until a slice has been applied. */
  readonly net: Pick<Net, 'flush'>
  readonly replica: Replica
  readonly clock: Clock
  readonly sliceMs: number
  /** While it is true nothing is applied. Whoever makes it false asks for a turn. */
  isHeld(): boolean
  wake(): void
  fail(error: Error): void
  readonly halting: Pick<Halting, 'treatmentOf' | 'strayedBy' | 'onHalted' | 'onFatal' | 'onSkipped' | 'applied'>
  /** An entry says that a command was to be skipped, and it was not. */
  wentAstray(skip: Skip): void
  /** Called after each entry with an envelope: `replica.applied` says what became of it. */
  applied(entry: Entry, envelope: Envelope): void
  /** Called after each entry, of whatever kind. */
  passed(entry: Entry): void
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
  /** Nothing is applied until a state has taken the place of this one. */
  #isSuspended = false
  /** Grows with each new state: what was read for an earlier one is of no use, and may not exist any more. */
  #life = 0
  /** Entries until the clock is read again; adapts to how long they take. */
  #lookEvery = 1
  #sinceLook = 0
  #bytesSinceLook = 0
  #lookedAt: Ms = 0

  constructor(ports: ApplierPorts) {
    this.#ports = ports
  }

  aim(target: Index): void {
    if (target < this.#target) broken(`what may be applied falls from ${this.#target} to ${target}`)
    this.#target = target
  }

  /** The entries that would be next are gone, or were never there: a whole state will come in their place. */
  suspend(): void {
    this.#isSuspended = true
    this.#life += 1
    this.#loaded = []
    this.#loading = false
  }

  /** The state has come. */
  resume(): void {
    this.#isSuspended = false
  }

  /** Applies one slice. After `timeUp` there is more to do, and another turn was asked for. */
  run(): 'idle' | 'applied' | 'timeUp' {
    if (this.#isSuspended) return 'idle'
    const { replica, net, clock, sliceMs, halting, wentAstray, isHeld } = this.#ports
    const strayedBy = halting.strayedBy(this.#target)
    if (strayedBy !== undefined) {
      replica.goAstray()
      wentAstray(strayedBy)
      return 'idle'
    }
    const before = replica.lastApplied
    if (isHeld() || before >= this.#target) return 'idle'
    net.flush?.()
    this.#lookedAt = clock.monotonicMs()
    const deadline = this.#lookedAt + sliceMs
    while (replica.lastApplied < this.#target) {
      const entries = this.#next()
      if (entries === undefined) break
      const end = this.#applySome(entries, deadline)
      if (end === 'stopped') break
      if (end === 'timeUp') {
        this.#ports.wake()
        return 'timeUp'
      }
    }
    return replica.lastApplied > before ? 'applied' : 'idle'
  }

  /** `timeUp`: there may be more to apply. `stopped`: there is, and it may not be applied now. */
  #applySome(entries: readonly Entry[], deadline: number): 'all' | 'timeUp' | 'stopped' {
    for (const entry of entries) {
      for (let end = this.#applyOne(entry); end !== 'applied'; end = this.#applyOne(entry)) {
        if (end === 'stopped') return 'stopped'
        if (this.#ports.clock.monotonicMs() >= deadline) return 'timeUp'
      }
      this.#sinceLook += 1
      this.#bytesSinceLook += entry.data.length
      const look = this.#sinceLook >= this.#lookEvery || this.#bytesSinceLook >= lookBytesMax
      if (look && this.#look() >= deadline) return 'timeUp'
    }
    return 'all'
  }

  #look(): Ms {
    const now = this.#ports.clock.monotonicMs()
    const isSlow = (now - this.#lookedAt) / this.#sinceLook > slowEntryMs
    this.#lookEvery = isSlow ? 1 : Math.min(this.#lookEvery * 2, lookEntriesMax)
    this.#lookedAt = now
    this.#sinceLook = 0
    this.#bytesSinceLook = 0
    return now
  }

  /** `stopped`: it is not applied now. `raising`: it is under way; once more. */
  #applyOne(entry: Entry): 'applied' | 'stopped' | 'raising' {
    const { replica, halting } = this.#ports
    if (entry.kind === 'command') {
      const envelope = decodeEnvelope(entry.data)
      const end = this.#applyEnvelope(entry, envelope)
      if (end !== 'applied') return end
      this.#ports.applied(entry, envelope)
    } else replica.pass(entry)
    halting.applied(entry.index)
    this.#ports.passed(entry)
    return 'applied'
  }

  #applyEnvelope(entry: Entry, envelope: Envelope): 'applied' | 'stopped' | 'raising' {
    const { halting, wentAstray } = this.#ports
    const isSkippable = envelope.kind === 'command' || envelope.kind === 'activate'
    const treatment = isSkippable ? halting.treatmentOf(entry.index, this.#target) : 'fail'
    if (treatment === undefined) return 'stopped'
    switch (this.#outcomeOf(entry, envelope, treatment)) {
      case 'applied':
        if (treatment === 'skip' && envelope.kind === 'command') halting.onSkipped(entry)
        return 'applied'
      case 'raising':
        return 'raising'
      case 'halted':
        halting.onHalted(entry)
        return 'stopped'
      case 'astray':
        if (envelope.kind === 'skip') wentAstray({ index: entry.index, skipped: envelope.skipped })
        return 'stopped'
    }
  }

  #outcomeOf(entry: Entry, envelope: Envelope, treatment: Treatment): ApplyOutcome {
    try {
      return this.#ports.replica.apply(entry, envelope, treatment)
    } catch (error) {
      if (error instanceof RaftgenError && error.code === 'HANDLER_FATAL') this.#ports.halting.onFatal(entry, error)
      throw error
    }
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
    const life = this.#life
    this.#ports.log.entries(range, (error, entries) => {
      if (life !== this.#life) return
      this.#loading = false
      if (error !== undefined) return this.#ports.fail(error)
      if (entries[0]?.index !== range.firstIndex) {
        return this.#ports.fail(new InvariantError(`committed entry ${range.firstIndex} is not in the log`))
      }
      this.#loaded = entries
      this.#ports.wake()
    })
  }
}
