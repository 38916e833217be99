// The door for commands and sessions: takes them in while this node leads, refuses them while it does not, and answers each once.
// Invariant: whatever was taken in is answered or, when its connection is gone, forgotten. Nothing is executed here.
import type { Accepted, Entry, Index, Raft, Refusal } from '../core/index.ts'
import { failureText } from '../machine/failure-text.ts'
import type { Replica } from '../machine/replica.ts'
import { sessionsMax } from '../machine/sessions.ts'
import type { Clock } from '../ports/clock.ts'
import { type CommandHeader, commandOverheadBytes, writeCommand } from '../wire/envelope-codec.ts'
import { Slab } from '../machine/slab.ts'
import type { Commands, KeepAlive, LeaderHint, OpenSession, Refused, ReplyItem } from '../wire/client-messages.ts'
import { type Admitted, admitted, lower } from './calls.ts'
import { CommandRoom } from './command-room.ts'
import type { Connection, Connections } from './connections.ts'
import type { Halting } from './halting.ts'
import type { LogTime } from './log-time.ts'
import type { NodeLimits } from './options.ts'
import { type Pending, Proposals } from './proposals.ts'
import { fateOpen, hintOf, notLeader, overloaded, stateUnsure } from './refusals.ts'
import { SessionKeeper } from './session-keeper.ts'
import type { Tickets } from './tickets.ts'
import type { VersionEnvelope } from './version-gate.ts'
import { isVital, isVitalInDoubt } from './vital.ts'

/**
 * `starting`: the no-op of this term is not applied yet. Until then nobody knows the stamps of earlier leaders, nor which sessions
 * there are; what arrives waits. `renewing`: the first stamped entry is under way, queries wait for it.
 */
export type Phase = 'notLeading' | 'starting' | 'renewing' | 'leading'

export interface CommandDoorOptions {
  readonly raft: Raft
  readonly replica: Replica
  readonly clock: Clock
  readonly limits: NodeLimits
  readonly connections: Connections
  readonly time: LogTime
  readonly tickets: Tickets
  /** Why nothing of clients can be kept at present, for want of room on disks. */
  whyFull(): Refused | undefined
  /** Where apply halts, and what is to be skipped. */
  readonly halting: Pick<Halting, 'refusal' | 'isToBeSkipped'>
  whyUnsure(): Unsure | undefined
  /** The next version is on its way through the log. */
  isActivating(): boolean
}

/** Why the state of this node cannot be relied on at present: that may pass in a moment (`wait`), or clients are told. */
export type Unsure = 'wait' | Refused

type AdmittedCommand =
  | Extract<Admitted, { kind: 'refused' }>
  | { readonly kind: 'admitted'; readonly data: Uint8Array; readonly call: Uint8Array }

export class CommandDoor {
  readonly #raft: Raft
  readonly #replica: Replica
  readonly #clock: Clock
  readonly #limits: NodeLimits
  readonly #connections: Connections
  readonly #time: LogTime
  readonly #proposals: Proposals
  readonly #room: CommandRoom
  readonly #keeper: SessionKeeper
  readonly #whyFull: () => Refused | undefined
  readonly #halting: Pick<Halting, 'refusal' | 'isToBeSkipped'>
  readonly #whyUnsure: () => Unsure | undefined
  readonly #isActivating: () => boolean
  readonly #slab = new Slab()
  /** There was no room when this node last looked, or apply had halted: nothing was proposed, so no time has passed in the log. */
  #isFull = false
  /** The core had no room for what this node proposed of its own accord. */
  #isHeldUp = false
  #phase: Phase = 'notLeading'
  #noopIndex: Index = 0

  constructor({ raft, replica, clock, limits, connections, time, tickets, halting, whyFull, whyUnsure, isActivating }: CommandDoorOptions) {
    this.#raft = raft
    this.#replica = replica
    this.#clock = clock
    this.#limits = limits
    this.#connections = connections
    this.#time = time
    this.#proposals = new Proposals(tickets)
    this.#room = new CommandRoom(limits, this.#proposals)
    this.#keeper = new SessionKeeper(limits.sessionTtlMs)
    this.#whyFull = () => whyFull()
    this.#halting = halting
    this.#whyUnsure = () => whyUnsure()
    this.#isActivating = () => isActivating()
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Commands taken in and not answered yet. */
  get pending(): number {
    return this.#proposals.count
  }

  /** Something is still to be handed to the core, which would take it. */
  get hasWaiting(): boolean {
    if (this.#phase === 'notLeading') return false
    if (this.#phase === 'starting') return this.#replica.lastApplied >= this.#noopIndex
    return this.#proposals.hasWaiting && !this.#isHeldUp && this.#raft.transferee === undefined
  }

  receive(connection: Connection, { session, ackedBelow, items }: Commands): void {
    if (this.#phase === 'notLeading') {
      const why = this.#elsewhere()
      for (const { seq } of items) this.#refuseCommand(connection, { session, seq }, why)
      return
    }
    const refusedFrom = connection.refusedFrom(session)
    let admitted = 0
    for (const { seq, command } of items) {
      if (refusedFrom !== undefined && seq > refusedFrom && ackedBelow <= refusedFrom && connection.refusedFrom(session) !== undefined) {
        connection.refuse(session, seq, overloaded('pendingCommandsMax'))
        continue
      }
      if (refusedFrom !== undefined) connection.admitAgain(session)
      const admission = this.#admit({ session, seq, ackedBelow }, command)
      if (admission.kind === 'admitted') {
        const { data, call } = admission
        this.#proposals.add({ kind: 'command', connection: connection.id, session, seq, ackedBelow, data, command: call })
        admitted += 1
        continue
      }
      const { why } = admission
      if (why.code !== 'OVERLOADED') {
        connection.refuse(session, seq, why)
        continue
      }
      this.#refuseCommand(connection, { session, seq }, why)
      // What follows in this frame must not overtake it.
      this.#refuseRest(connection, { session, items, after: seq, why })
      break
    }
    // Refused or not, its client lives.
    if (admitted > 0) this.#keeper.forget(session)
    else this.#keeper.touch(session, ackedBelow)
  }

  openSession(connection: Connection, { requestId }: OpenSession): void {
    const refuse = (refused: Refused) => connection.say({ kind: 'SessionOpened', requestId, session: 0, refused })
    if (this.#phase === 'notLeading') return refuse(this.#elsewhere())
    if (this.#replica.sessions.size >= sessionsMax || this.#room.isFull) return refuse(overloaded('sessionsMax'))
    const envelope = { kind: 'openSession', ttlMs: this.#limits.sessionTtlMs } as const
    this.#proposals.add({ kind: 'openSession', connection: connection.id, requestId, envelope })
  }

  closeSession(session: number): void {
    // It ends by itself, where there is no room for that or nothing is applied.
    const isPutOff = this.#room.isFull || this.#halting.refusal !== undefined
    if (this.#phase === 'notLeading' || isPutOff) return
    this.#proposals.add({ kind: 'internal', envelope: { kind: 'closeSession', session } })
  }

  keepAlive(connection: Connection, { session, ackedBelow }: KeepAlive): void {
    // Only a leader that has applied everything before its own term knows that a session is gone.
    const knows = this.#phase === 'renewing' || this.#phase === 'leading'
    const alive = session === 0 || !knows || this.#replica.sessions.has(session)
    connection.say({ kind: 'KeepAliveReply', session, alive })
    if (session !== 0 && alive && this.#phase !== 'notLeading') this.#keeper.touch(session, ackedBelow)
  }

  /** This node leads from now on: its no-op is the last entry of its log. */
  lead(): void {
    this.#phase = 'starting'
    this.#isFull = false
    this.#noopIndex = this.#raft.status.lastIndex
    this.#keeper.lead(this.#clock.monotonicMs())
    this.#room.lead()
  }

  /** It does not lead any more. What is in the log may still be applied: only its clients can find out, by asking the next leader. */
  unlead(leader: LeaderHint | undefined): void {
    this.#phase = 'notLeading'
    const { unproposed, inLog } = this.#proposals.abandon(this.#replica.lastApplied)
    const elsewhere = notLeader(leader)
    for (const pending of unproposed) this.#refuse(pending, elsewhere)
    for (const pending of inLog) this.#refuse(pending, fateOpen)
  }

  /** Hands everything that arrived to the core. While leadership is being handed over it waits: for the next leader, or for this one. */
  propose(): void {
    if (this.#phase === 'notLeading') return
    this.#room.turn(this.#clock.monotonicMs())
    if (this.#phase === 'starting') this.#maybeStart()
    const halted = this.#phase === 'starting' ? this.#halting.refusal : undefined
    if (halted !== undefined) this.#refuseWaiting(halted, isVital)
    if (this.#phase === 'starting' || this.#raft.transferee !== undefined) return
    const unsure = this.#whyUnsure()
    const waits = unsure === 'wait'
    this.#isHeldUp = waits
    if (unsure !== undefined && unsure !== 'wait') this.#refuseWaiting(unsure, isVitalInDoubt)
    else if (!waits) this.#lookForRoom()
    if (!this.#proposals.hasWaiting) return
    const { version } = this.#replica
    const { ticket, commands } = this.#proposals.propose({ now: this.#time.stamp(), version, goes: waits ? isVitalInDoubt : undefined })
    if (commands.length > 0) this.#raft.step({ kind: 'propose', ticket, commands })
  }

  /** All replicas are to compare themselves. */
  check({ isEvidence }: { readonly isEvidence: boolean }): void {
    this.#proposals.addFirst({ kind: 'internal', envelope: { kind: 'check', isEvidence } })
  }

  /** Of the version gate. */
  addFirst(envelope: VersionEnvelope): void {
    this.#proposals.addFirst({ kind: 'internal', envelope })
  }

  /** Before all else that waits: queries need it. */
  raiseCeiling(ceiling: number): void {
    this.#proposals.addFirst({ kind: 'internal', envelope: { kind: 'clock', ceiling } })
  }

  accepted(one: Accepted): void {
    this.#proposals.accept(one)
  }

  refused({ id, from, reason, leader }: Refusal): void {
    // The hand-over began in this very turn. Not refused: writes wait while it lasts (§3.10).
    if (reason === 'transferring') return this.#proposals.putBack(id, from)
    const why = reason === 'notLeader' ? notLeader(hintOf(this.#raft.conf, leader)) : overloaded(reason)
    for (const pending of this.#proposals.refuse(id, from)) this.#refuse(pending, why)
  }

  settleTickets(): void {
    this.#proposals.settleTickets()
  }

  /** `entry` was applied; `replica.applied` says what became of it. */
  applied(entry: Entry): void {
    const pending = this.#proposals.settle(entry)
    if (pending === undefined) return
    // What this state answers may be wrong: the client asks again, and is told by a state that is known to be right.
    if (pending.kind !== 'internal' && this.#whyUnsure() !== undefined) return this.#refuse(pending, stateUnsure)
    const { index, reply, refused, failure } = this.#replica.applied
    switch (pending.kind) {
      case 'command':
        return this.#reply(pending, {
          seq: pending.seq,
          index,
          reply,
          refused,
          failure: failure === undefined ? undefined : failureText(failure),
        })
      case 'openSession':
        this.#connections
          .toTell(pending.connection)
          ?.say({ kind: 'SessionOpened', requestId: pending.requestId, session: entry.index, refused })
        return
      case 'internal':
        if (pending.envelope.kind === 'clock') this.#time.raised()
        if (pending.envelope.kind === 'renewSessions') this.#phase = 'leading'
        return
      default:
    }
  }

  /** In the version that its client was made for. */
  #reply({ connection, session, command }: Extract<Pending, { kind: 'command' }>, item: ReplyItem): void {
    const told = this.#connections.toTell(connection)
    if (told === undefined) return
    const { reply, refused } = item
    const { version } = told
    const lowered = refused === undefined ? lower(this.#replica.machine, { kind: 'command', call: command, reply, version }) : undefined
    told.reply(session, lowered === undefined ? item : { ...item, ...lowered })
  }

  #refuseRest(
    connection: Connection,
    {
      session,
      items,
      after,
      why,
    }: { readonly session: number; readonly items: Commands['items']; readonly after: number; readonly why: Refused },
  ): void {
    for (const { seq } of items) if (seq > after) connection.refuse(session, seq, why)
  }

  /** Room first, then size, then the schema: never trust a client. */
  #admit(header: CommandHeader, command: Uint8Array): AdmittedCommand {
    const { commandBytesMax } = this.#limits
    const refuse = (why: Refused): AdmittedCommand => ({ kind: 'refused', why })
    const noRoom = this.#room.whyNot(command.length)
    if (noRoom !== undefined) return refuse(noRoom)
    if (command.length > commandBytesMax) {
      return refuse({ code: 'TOO_LARGE', message: `the command has ${command.length} bytes, at most ${commandBytesMax} are allowed` })
    }
    // What was checked is what is proposed: one copy of what lies in the frame.
    const { data, command: own } = this.#envelope(header, command)
    const isCertain = this.#phase === 'leading' && !this.#isActivating() && this.#replica.failedActivation === undefined
    const admission = admitted(this.#replica, 'command', own, { isCertain })
    if (admission.kind === 'refused') return admission
    if (admission.call === own) return { kind: 'admitted', data, call: own }
    const raised = this.#envelope(header, admission.call)
    return { kind: 'admitted', data: raised.data, call: raised.command }
  }

  #envelope(header: CommandHeader, command: Uint8Array): { readonly data: Uint8Array; readonly command: Uint8Array } {
    const data = this.#slab.take(commandOverheadBytes + command.length)
    writeCommand(data, header, command)
    return { data, command: data.subarray(commandOverheadBytes) }
  }

  /** Once the no-op of this term is applied, so is everything that was stamped before: time goes on from there. */
  #maybeStart(): void {
    if (this.#replica.lastApplied < this.#noopIndex) return
    this.#phase = 'renewing'
    this.#time.lead()
    this.#proposals.addFirst({ kind: 'internal', envelope: { kind: 'renewSessions' } })
    // The world begins: with the newest version, whose commands this node takes in already.
    const { machine, begunAt } = this.#replica
    if (machine.evolution !== undefined && begunAt === 0) this.addFirst({ kind: 'activate', version: machine.version })
  }

  /** Without room, what waits is refused: it could not be kept by a majority. So it is where it would not be applied. */
  #lookForRoom(): void {
    const why = this.#halting.refusal ?? this.#whyFull()
    const wasFull = this.#isFull
    this.#isFull = why !== undefined
    if (why !== undefined) return this.#refuseWaiting(why, isVital)
    this.#keepSessionsAlive()
    // Before everything else: the next stamp makes up for all the time that has passed, in which nobody could show a sign of life.
    if (wasFull) this.#proposals.addFirst({ kind: 'internal', envelope: { kind: 'renewSessions' } })
  }

  #refuseWaiting(why: Refused, stays: (pending: Pending) => boolean): void {
    const mayAnswer = this.#whyUnsure() === undefined
    for (const pending of this.#proposals.withdraw(stays)) if (!(mayAnswer && this.#isAnswered(pending))) this.#refuse(pending, why)
  }

  /** A repetition of what was applied already need not go through the log to be answered. */
  #isAnswered(pending: Pending): boolean {
    if (pending.kind !== 'command') return false
    const { session, seq } = pending
    const recorded = this.#replica.sessions.recorded(session, seq)
    if (recorded?.reply === undefined) return false
    const { index, reply } = recorded
    // Not what may have to be given up.
    if (this.#halting.isToBeSkipped(index) && !this.#replica.skipped.includes(index)) return false
    this.#reply(pending, { seq, index, reply, refused: undefined })
    return true
  }

  #keepSessionsAlive(): void {
    const sessions = this.#keeper.due(this.#clock.monotonicMs())
    if (sessions === undefined || this.#replica.sessions.size === 0) return
    this.#proposals.addFirst({ kind: 'internal', envelope: { kind: 'keepAlive', sessions } })
  }

  #refuse(pending: Pending, why: Refused): void {
    switch (pending.kind) {
      case 'command': {
        const connection = this.#connections.toTell(pending.connection)
        if (connection !== undefined) this.#refuseCommand(connection, pending, why)
        return
      }
      case 'openSession':
        this.#connections.toTell(pending.connection)?.say({ kind: 'SessionOpened', requestId: pending.requestId, session: 0, refused: why })
        return
      case 'internal':
        return this.#refuseInternal(pending)
      default:
    }
  }

  /** What this node proposes of its own accord and must come to pass is tried again in the next turn, which nobody asks for because of it. */
  #refuseInternal(pending: Extract<Pending, { kind: 'internal' }>): void {
    const { envelope } = pending
    this.#isHeldUp = true
    if (envelope.kind === 'clock') this.#time.notRaised()
    if (this.#phase === 'notLeading') return
    if (envelope.kind === 'keepAlive') this.#keeper.restore(envelope.sessions, this.#clock.monotonicMs())
    // Without room a session that was to be closed ends when its time is up.
    const isDue =
      envelope.kind === 'renewSessions' ||
      (envelope.kind === 'activate' && this.#replica.begunAt === 0) ||
      (envelope.kind === 'closeSession' && this.#raft.hasRoom)
    if (isDue) this.#proposals.addFirst(pending)
  }

  /** Refuses for a reason that may pass: from here on in order, or not at all. */
  #refuseCommand(connection: Connection, { session, seq }: { readonly session: number; readonly seq: number }, why: Refused): void {
    connection.refuseFrom(session, seq)
    connection.refuse(session, seq, why)
  }

  #elsewhere(): Refused {
    return notLeader(hintOf(this.#raft.conf, this.#raft.softState.leader))
  }
}
