// Whole states: taken, kept, given to others, fetched from them, and put in the place of this node's own. Nothing here decides what is
// committed: the core is told what is durable, and says what to do with it.
import { type ConfState, type Entry, type Index, type NodeId, type Raft, type SnapshotMessage, unreachable } from '../core/index.ts'
import { RaftgenError } from '../errors.ts'
import type { Replica } from '../machine/replica.ts'
import type { Clock } from '../ports/clock.ts'
import type { Net } from '../ports/net.ts'
import type { Snapshots } from '../ports/snapshots.ts'
import type { NodeEvent, NodeLimits } from './options.ts'
import { problemOf } from './recover.ts'
import { SnapshotFetcher } from './snapshot-fetcher.ts'
import { type Checked, type Prepared, SnapshotIntake } from './snapshot-intake.ts'
import { SnapshotShelf } from './snapshot-shelf.ts'
import { SnapshotSource } from './snapshot-source.ts'
import { Snapshotter } from './snapshotter.ts'

export interface StateTransferPorts {
  readonly id: NodeId
  readonly incarnation: number
  readonly raft: Raft
  readonly replica: Replica
  readonly snapshots: Snapshots
  readonly net: Net
  readonly clock: Clock
  readonly limits: NodeLimits
  readonly seed: number
  /** Apply has halted: a snapshot of that state is taken only for whoever asks for it. */
  isHalted(): boolean
  /** Nothing that can wait is to be written. */
  isFull(): boolean
  /** This node knows what it has promised. A snapshot brings a later term with it, and who asks with a later term is not told what came before. */
  isSettled(): boolean
  /** Its state is not known to differ from what others have: else nobody else is to have it. */
  isSound(): boolean
  wake(): void
  fail(error: Error): void
  report(event: NodeEvent): void
  /** Nothing may be applied from now on: the entries that would be next are gone, or were never there. */
  suspend(): void
  /** `replica` holds the state of a snapshot now, and goes on from there. */
  restored(): void
}

export interface StateTransferStart {
  readonly hasState: boolean
  /** In force at the last entry that the replica has applied. */
  readonly conf: ConfState
}

/** States from `firstIndex` on, the last of them the one before entry `endIndex`. */
export interface Astray {
  readonly firstIndex: Index
  readonly endIndex: Index
}

export class StateTransfer {
  readonly #ports: StateTransferPorts
  readonly #shelf: SnapshotShelf
  readonly #snapshotter: Snapshotter
  readonly #source: SnapshotSource
  readonly #fetcher: SnapshotFetcher
  readonly #intake: SnapshotIntake
  #hasState: boolean
  /** Of states that went another way than the cluster: until a state has come in their place. */
  #astray: Astray | undefined
  /** Snapshots that earlier lives left behind are looked at once. */
  #isTidy = false
  /** Snapshots of this index or later hold a state that is wrong. */
  #wrongFrom: Index | undefined

  constructor(ports: StateTransferPorts, { hasState, conf }: StateTransferStart) {
    const { id, incarnation, seed, snapshots, clock, limits, replica } = ports
    const wake = () => ports.wake()
    const report = (event: NodeEvent) => ports.report(event)
    this.#ports = ports
    this.#hasState = hasState
    this.#intake = new SnapshotIntake({ snapshots, replica, wake })
    this.#shelf = new SnapshotShelf({ snapshots, replica, clock, isInUse: (index) => this.#intake.holds(index), report })
    this.#snapshotter = new Snapshotter({ id, snapshots, replica, clock, limits, wake, report }, conf)
    const isSound = () => ports.isSound()
    this.#source = new SnapshotSource({
      id,
      snapshots,
      shelf: this.#shelf,
      isSound,
      wanted: (index) => this.#onRequested(index),
      wake,
      report,
    })
    const bytesPerSecond = limits.snapshotBytesPerSecond
    this.#fetcher = new SnapshotFetcher({ id, incarnation, seed, snapshots, clock, bytesPerSecond, wake, report })
  }

  /** Index of the newest snapshot; 0 when there is none. */
  get snapshotIndex(): Index {
    return this.#shelf.newest(0)?.id.index ?? 0
  }

  /**
   * Apply is held while a snapshot is encoded: it is read from the live state, a slice a turn. Entries commit, heartbeats and queries go on;
   * what waits is all that an applied entry would answer.
   */
  get holdsApply(): boolean {
    return this.#snapshotter.isEncoding
  }

  /** `entry` was applied. */
  passed(entry: Entry): void {
    this.#snapshotter.passed(entry)
  }

  /** Between two entries: a snapshot of this very state is taken, and kept as long as this process lives. */
  takeThis(): void {
    this.#shelf.keep(this.#ports.replica.lastApplied)
    this.#snapshotter.takeThis()
  }

  /**
   * The state is wrong, since some entry from `index` on: no later life is to begin with it. The snapshots that hold it are set aside, to be looked at; those before are
   * good. None is taken of it any more but as evidence.
   */
  distrust(index: Index): void {
    this.#wrongFrom = index
    this.#snapshotter.putOff()
    this.#condemnWrong()
  }

  receive(message: SnapshotMessage): void {
    if (message.kind === 'SnapshotRequest') this.#source.receive(message)
    else this.#fetcher.receive(message)
  }

  unreachable(peer: NodeId): void {
    this.#fetcher.unreachable(peer)
  }

  /** `Ready.snapshotWanted`. */
  want(minIndex: Index): void {
    this.#fetcher.want(minIndex)
  }

  /**
   * Gives up the state and all snapshots of it, and fetches one of at least `endIndex`. A crash before that is done leaves a state, or a snapshot,
   * that comes to entry `endIndex` again, and finds the same.
   */
  abandon(astray: Astray): void {
    const { raft, suspend, report } = this.#ports
    report({ kind: 'stateAstray', index: astray.firstIndex, skipIndex: astray.endIndex })
    this.#astray = astray
    this.#hasState = false
    suspend()
    this.#snapshotter.abandon()
    this.#shelf.disown(astray)
    this.#intake.dropBelow(astray.endIndex)
    this.#fetcher.want(astray.endIndex)
    raft.step({ kind: 'stateLost' })
  }

  /** `Ready.restore`: the log begins after it, or goes on from it; only a new life can go back to another snapshot. */
  restore(index: Index): void {
    const { fail, suspend } = this.#ports
    if (!this.#intake.claim(index)) return fail(unusable(index, new Error('it is not held any more')))
    suspend()
    this.#snapshotter.cancel()
  }

  /** Steps what the store has finished since the last turn. */
  stepCompletions(): void {
    const due = this.#intake.takeDue()
    if (due !== undefined) this.#install(due)
    const received = this.#fetcher.takeReceived()
    if (received !== undefined) {
      this.#shelf.doubt(received.snapshot)
      this.#intake.begin(received)
    }
    if (this.#intake.isRead) this.#check()
    if (!this.#snapshotter.takeFinished()) return
    this.#condemnWrong()
    if (this.#astray !== undefined) this.#shelf.disown(this.#astray)
    this.#tidy()
  }

  /** At the end of a turn, between two entries: takes, keeps, asks and answers. */
  turn(): void {
    if (!this.#isTidy) {
      this.#isTidy = true
      this.#tidy()
    }
    if (this.#ports.isFull()) this.#snapshotter.putOff()
    else this.#fetch()
    this.#snapshotter.advance()
    this.#intake.passed(this.#ports.replica.lastApplied)
    // One that is about to be the state makes one of the state that is there useless.
    if (this.#hasState && !this.#intake.isActive) {
      if (!this.#fetcher.isActive && !this.#ports.isFull()) {
        const isSound = this.#ports.isSound()
        this.#snapshotter.maybeTake({ forOthers: isSound, isRhythmic: isSound && !this.#ports.isHalted() })
      }
      this.#shelf.pruneLater()
    }
    this.#answer()
  }

  #fetch(): void {
    if ((this.#hasState && !this.#fetcher.isActive) || !this.#ports.isSettled()) return
    const { raft, net, id } = this.#ports
    const { conf, leader, term, firstIndex, commitIndex } = raft.status
    // The log goes on from its base: an older state would be of no use.
    if (!this.#hasState) this.#fetcher.want(Math.max(1, firstIndex - 1))
    // What was missing has come by way of the log.
    else if (commitIndex >= (this.#fetcher.minIndex ?? Number.POSITIVE_INFINITY)) this.#fetcher.cancel()
    if (this.#snapshotter.isWriting || this.#intake.isActive) return
    const request = this.#fetcher.next({ conf, leader })
    if (request !== undefined) net.send([{ ...request, from: id, term }])
  }

  #answer(): void {
    const answers = this.#source.takeAnswers()
    if (answers.length === 0) return
    const { raft, net, id } = this.#ports
    const { term } = raft.softState
    net.send(answers.map((answer) => ({ kind: 'SnapshotChunk', from: id, term, ...answer })))
  }

  /** Somebody asks for a snapshot that is not here. */
  #onRequested(minIndex: Index): void {
    if (this.#hasState && this.#ports.replica.lastApplied >= minIndex) this.#snapshotter.request()
  }

  /** A snapshot was fetched and read. The core is told of it only if there is a state in it: its log may give way to it at once. */
  #check(): void {
    // To try it on would be to change what is being read.
    this.#snapshotter.cancel()
    const checked = this.#intake.check({ hasState: this.#hasState })
    switch (checked?.kind) {
      case undefined:
        return
      case 'good':
        return this.#hand(checked)
      case 'useless':
        this.#failed(checked, unusable(checked.received.snapshot.id.index, checked.error))
        this.#shelf.condemn(checked.received.snapshot, checked.error)
        return this.#fetcher.refuse()
      case 'unread':
        this.#failed(checked, checked.error)
        return this.#fetcher.retry()
      default:
        return unreachable(checked)
    }
  }

  #failed({ received }: Checked, error: Error): void {
    this.#ports.report({ kind: 'snapshotFailed', index: received.snapshot.id.index, error })
  }

  #hand({ received }: Extract<Checked, { kind: 'good' }>): void {
    const { raft } = this.#ports
    const { snapshot, term } = received
    const { id, conf } = snapshot
    if (id.index < (this.#astray?.endIndex ?? 0)) {
      // It was asked for before the state went astray: it is of no later entry than that one, or went astray as well.
      this.#intake.drop()
      return this.#fetcher.retry()
    }
    this.#shelf.trust(snapshot)
    raft.step({ kind: 'snapshotReceived', base: { id, conf }, term })
    this.#maybeSuspend()
    const { commitIndex, firstIndex } = raft.status
    if (id.index <= commitIndex && (this.#hasState || id.index >= firstIndex - 1)) return this.#fetcher.accept()
    // It leads by now, and needs none.
    this.#intake.drop()
    this.#fetcher.retry()
  }

  #install({ snapshot, state }: Prepared): void {
    const { raft, replica, fail, report, restored } = this.#ports
    const { index } = snapshot.id
    const problem = problemOf(() => state.install(), { replica, snapshot })
    if (problem !== undefined) return fail(unusable(index, problem))
    this.#hasState = true
    this.#astray = undefined
    this.#wrongFrom = undefined
    this.#snapshotter.restored(index, snapshot.conf)
    restored()
    raft.step({ kind: 'applied', index })
    // A newer one may have come while this one waited.
    this.#maybeSuspend()
    report({ kind: 'snapshotInstalled', index })
    this.#tidy()
  }

  /** Where the core has put a snapshot in the place of its log, the entries that would be next are gone: its state will be read. */
  #maybeSuspend(): void {
    const { raft, replica, suspend } = this.#ports
    if (raft.status.firstIndex > replica.lastApplied + 1) suspend()
  }

  #condemnWrong(): void {
    const from = this.#wrongFrom
    if (from === undefined) return
    const why = new RaftgenError('STATE_DIVERGED', `it holds a state that is not that of a majority, since entry ${from} or a later one`)
    // The newest last: of those that are set aside it is the one that stays.
    const wrong = this.#ports.snapshots.list.filter(({ id }) => id.index >= from).toReversed()
    for (const snapshot of wrong) this.#shelf.condemn(snapshot, why)
  }

  /** Removes snapshots that are superseded, and says how much of the log nobody here needs any more. */
  #tidy(): void {
    if (!this.#hasState) return
    const { raft, replica, limits } = this.#ports
    this.#shelf.prune()
    const index = Math.min(this.#shelf.coveredIndex, replica.lastApplied - limits.logTailEntries)
    if (index >= raft.status.firstIndex) raft.step({ kind: 'compact', index })
  }
}

export function noOtherState({ firstIndex, endIndex }: Astray): RaftgenError {
  const what = `the command at index ${firstIndex} was applied here, and entry ${endIndex} says that it was to be skipped`
  return new RaftgenError('STATE_DIVERGED', `${what}. Without snapshots this node cannot get another state`)
}

function unusable(index: Index, cause: Error): Error {
  if (cause instanceof RaftgenError && cause.code !== 'STORAGE_DAMAGED') return cause
  return new RaftgenError('STORAGE_DAMAGED', `the snapshot of entry ${index} was fetched, but cannot be used: ${cause.message}`, { cause })
}
