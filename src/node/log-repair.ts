// Gives a damaged log back what it held, from whoever has it, while there is no leader to do so: where a majority is damaged, each in another place,
// nobody could lead before. What a log held it can prove: `anchors` say how its own chain went on behind a hole.
//
//   look   read on from the end of the log, here (what lies apart) or from the others, entry after entry, up to the next anchor: only the
//          chain is computed, nothing is kept
//   fetch  the chain has led to the anchor, so those are the very entries: they are read again, checked piece by piece, and appended
//
// An entry that nobody has ends the look. It is begun anew, for others may come up, and the operator is told what is missing.
import type { Entry, EntriesChunk, Index, Ms, NodeId, Raft } from '../core/index.ts'
import type { Anchor, Log } from '../ports/log.ts'
import type { Net } from '../ports/net.ts'
import type { NodeEvent } from './options.ts'

/** Read of what lies apart, at once. Bytes. */
const pieceBytes = 1_024 * 1_024
/** Who has not answered within so many heartbeats is not there. */
const answerHeartbeats = 5
/** Between two reports of the same; it doubles up to the second. Milliseconds. */
const reportMs = 5_000
const reportMsMax = 600_000

export interface LogRepairPorts {
  readonly id: NodeId
  readonly heartbeatMs: Ms
  readonly electionTimeoutMs: Ms
  readonly raft: Raft
  readonly log: Log
  readonly net: Net
  wake(): void
  report(event: NodeEvent): void
}

/** Where the chain is after an entry. */
type Position = Anchor
interface Piece extends Position {
  readonly firstIndex: Index
  /** `undefined`: it lies apart on this disk. */
  readonly source: NodeId | undefined
}

/** A question that is out, for the entry after `at`. */
interface Asking {
  readonly at: Position
  /** `undefined`: this disk is being read. */
  readonly peer: NodeId | undefined
  readonly until: Ms
}

export class LogRepair {
  readonly #ports: LogRepairPorts
  /** The chain as far as it was looked at, from the end of the log on. */
  #at: Position | undefined
  #pieces: Piece[] = []
  /** The chain has led to the anchor: `#pieces` are fetched, the first one next. */
  #isProven = false
  #asking: Asking | undefined
  /** Those that do not have the entry after `#at`, and those that did not answer. */
  readonly #lacking = new Set<NodeId>()
  readonly #silent = new Set<NodeId>()
  /** Who is asked first; changes when what came of it was not what the log held. This disk is in every other turn only: what lies apart may be stale. */
  #turnOf = 0
  /** Anchors that were reached with another chain in this turn: they may be stale, too, and one behind them may not be. */
  #refuted: Anchor[] = []
  #notBefore: Ms = 0
  #now: Ms = 0
  #reportAt: Ms | undefined
  #reportPauseMs = reportMs

  constructor(ports: LogRepairPorts) {
    this.#ports = ports
  }

  receive({ from, firstIndex, entries }: EntriesChunk): void {
    const asking = this.#asking
    if (asking?.peer !== from || asking.at.index + 1 !== firstIndex) return
    this.#onEntries(entries, asking)
  }

  /** At the end of a turn. */
  turn(now: Ms): void {
    this.#now = now
    if (!this.#isNeeded) {
      if (this.#at !== undefined || this.#asking !== undefined) this.#reset()
      return
    }
    // What was given back last is still being written.
    if (this.#ports.log.end?.index !== this.#ports.raft.lastIndex) return
    if (this.#asking !== undefined && now >= this.#asking.until) this.#onSilence(this.#asking)
    if (this.#asking !== undefined || now < this.#notBefore) return
    if (this.#isProven) this.#fetch()
    else this.#look()
  }

  /** What a leader gives is as good, and more. */
  get #isNeeded(): boolean {
    const { raft, log } = this.#ports
    return raft.fence?.floor !== undefined && raft.softState.leader === undefined && log.end !== undefined
  }

  #reset(): void {
    this.#at = undefined
    this.#pieces = []
    this.#isProven = false
    this.#asking = undefined
    this.#lacking.clear()
    this.#silent.clear()
  }

  /** The next that the log held, and how its chain was there. */
  get #anchor(): Anchor | undefined {
    const { end, anchors = [] } = this.#ports.log
    return anchors.find((anchor) => anchor.index > (end?.index ?? 0) && !this.#refuted.includes(anchor))
  }

  // --- Look

  #look(): void {
    const { end } = this.#ports.log
    const anchor = this.#anchor
    if (end === undefined || (anchor === undefined && this.#refuted.length === 0)) return
    if (anchor === undefined) return this.#tryOthers()
    this.#at ??= end
    if (this.#at.index < anchor.index) this.#ask(this.#at, { lastIndex: anchor.index, source: this.#nextSource() })
    else this.#judge(anchor)
  }

  #judge(anchor: Anchor): void {
    if (this.#at?.chain === anchor.chain && this.#at.index === anchor.index) {
      this.#isProven = true
      this.#ports.wake()
      return
    }
    this.#refuted.push(anchor)
    this.#beginAnew(this.#ports.heartbeatMs)
  }

  /** Somebody's log is another one by now: in another order of asking there may be one that is not. */
  #tryOthers(): void {
    this.#turnOf += 1
    this.#refuted = []
    this.#beginAnew(this.#ports.heartbeatMs)
  }

  /** This disk first, then those that may have it; `nobody` when all were asked. */
  #nextSource(): NodeId | 'here' | 'nobody' {
    if (this.#turnOf % 2 === 0 && !this.#lacking.has(this.#ports.id)) return 'here'
    const others = this.#others
    for (let i = 0; i < others.length; i++) {
      const peer = others[(this.#turnOf + i) % others.length]
      if (peer !== undefined && !this.#lacking.has(peer) && !this.#silent.has(peer)) return peer
    }
    return 'nobody'
  }

  get #others(): readonly NodeId[] {
    const { id, raft } = this.#ports
    return raft.conf.members.map((member) => member.id).filter((other) => other !== id)
  }

  // --- Fetch

  #fetch(): void {
    const [piece] = this.#pieces
    const { end } = this.#ports.log
    if (piece === undefined || end === undefined) return this.#reset()
    if (piece.index <= end.index) {
      this.#pieces.shift()
      return this.#fetch()
    }
    this.#ask(end, { lastIndex: piece.index, source: piece.source ?? 'here' })
  }

  #append(entries: readonly Entry[], { at }: Asking): void {
    const { log, raft, report } = this.#ports
    const [piece] = this.#pieces
    const isWhole = piece !== undefined && entries.length === piece.index - at.index && log.chainAfter?.(at.chain, entries) === piece.chain
    // A leader that was there meanwhile may have put something else where the log ended.
    const isEnd = log.end?.index === at.index && log.end.chain === at.chain && raft.softState.leader === undefined
    // It gave another answer before: it has another log since.
    if (piece === undefined || !isWhole || !isEnd) return this.#beginAnew(this.#ports.heartbeatMs)
    raft.step({ kind: 'repaired', entries })
    report({ kind: 'logRepaired', firstIndex: at.index + 1, lastIndex: piece.index, from: piece.source })
    this.#reportAt = undefined
    this.#reportPauseMs = reportMs
  }

  // --- Questions and answers

  #ask(at: Position, { lastIndex, source }: { readonly lastIndex: Index; readonly source: NodeId | 'here' | 'nobody' }): void {
    const { id, net, raft, heartbeatMs } = this.#ports
    const until = this.#now + answerHeartbeats * heartbeatMs
    const firstIndex = at.index + 1
    if (source === 'nobody') return this.#giveUp(lastIndex)
    if (source === 'here') {
      // Until it has been read, however long that takes.
      this.#asking = { at, peer: undefined, until: Number.POSITIVE_INFINITY }
      return this.#readHere({ firstIndex, lastIndex }, this.#asking)
    }
    this.#asking = { at, peer: source, until }
    net.send([{ kind: 'EntriesRequest', from: id, to: source, term: raft.softState.term, firstIndex, lastIndex }])
  }

  #readHere(range: { readonly firstIndex: Index; readonly lastIndex: Index }, asking: Asking): void {
    const { log, wake } = this.#ports
    if (log.salvaged === undefined) return this.#onEntries([], asking)
    log.salvaged({ ...range, bytesMax: pieceBytes }, (_, entries) => {
      // What lies apart and cannot be read is not there. Meanwhile a leader may have come.
      if (this.#asking === asking) this.#onEntries(entries, asking)
      wake()
    })
  }

  #onEntries(entries: readonly Entry[], asking: Asking): void {
    this.#asking = undefined
    this.#ports.wake()
    if (this.#isProven) return this.#append(entries, asking)
    const last = entries.at(-1)
    const limit = this.#anchor?.index ?? 0
    if (last === undefined || entries[0]?.index !== asking.at.index + 1 || last.index > limit) {
      this.#lacking.add(asking.peer ?? this.#ports.id)
      return
    }
    const chain = this.#ports.log.chainAfter?.(asking.at.chain, entries) ?? 0
    this.#at = { index: last.index, chain }
    this.#pieces.push({ ...this.#at, firstIndex: asking.at.index + 1, source: asking.peer })
    this.#lacking.clear()
    this.#silent.clear()
  }

  #onSilence({ peer }: Asking): void {
    this.#asking = undefined
    if (peer !== undefined) this.#silent.add(peer)
    if (this.#isProven) this.#beginAnew(this.#ports.heartbeatMs)
  }

  /** Nobody has the entry after `#at`. */
  #giveUp(anchorIndex: Index): void {
    if (this.#turnOf % 2 === 1) return this.#tryOthers()
    if (this.#refuted.length > 0) this.#tryOthers()
    const firstIndex = (this.#at?.index ?? 0) + 1
    const lacking = this.#others.filter((peer) => this.#lacking.has(peer))
    const silent = this.#others.filter((peer) => this.#silent.has(peer))
    this.#beginAnew(this.#ports.electionTimeoutMs)
    this.#reportAt ??= this.#now
    if (this.#now < this.#reportAt) return
    this.#reportAt = this.#now + this.#reportPauseMs
    this.#reportPauseMs = Math.min(2 * this.#reportPauseMs, reportMsMax)
    const floor = this.#ports.raft.fence?.floor
    if (floor !== undefined) this.#ports.report({ kind: 'entriesMissing', firstIndex, lastIndex: anchorIndex, floor, lacking, silent })
  }

  #beginAnew(pauseMs: Ms): void {
    this.#reset()
    this.#notBefore = this.#now + pauseMs
  }
}
