// When the next version of the schema is put in force: once every member has said that its machine can be of it. Nodes that know one say so to whom they
// take for the leader, as long as it is not in force; what they say is soft knowledge, of the present term only.
import type { Index, Ms, NodeId, Raft, VersionsKnown } from '../core/index.ts'
import type { Envelope } from '../machine/envelope.ts'
import { type KnownVersion, knownVersions } from '../machine/evolution.ts'
import type { Replica } from '../machine/replica.ts'
import type { Net } from '../ports/net.ts'
import type { AdminRefused, LeaderHint, VersionRefusalReason } from '../wire/client-messages.ts'
import type { NodeEvent } from './options.ts'
import { adminRefused, notLeader } from './refusals.ts'
import type { SkipOrder } from './skip-orders.ts'

/** Who was not heard from for so many heartbeats does not know it, for all this node knows. */
const forgottenAfter = 5
/** An activation that has not come through for so many election timeouts is proposed once more: it may have been refused for want of room. */
const againAfter = 5

/** What the gate proposes. */
export interface VersionEnvelope {
  readonly kind: 'activate'
  readonly version: number
}

export interface VersionGateOptions {
  readonly id: NodeId
  readonly raft: Pick<Raft, 'softState' | 'conf'>
  readonly replica: Replica
  readonly net: Net
  readonly heartbeatMs: Ms
  readonly electionTimeoutMs: Ms
  /** Without an operator. */
  readonly isAutomatic: boolean
  /** Whether this node leads, and has applied all that was in the log when it began to: before, it does not know which version is in force. */
  hasCaughtUp(): boolean
  /** Whether this node leads, and may propose. */
  mayPropose(): boolean
  propose(envelope: VersionEnvelope): void
  /** The entry before which apply has stopped on this node. */
  haltedAt(): Index | undefined
  /** As leader: that the entry counts as failed is to be in the log, once a majority has stopped before it. */
  skip(order: SkipOrder): void
  /** Another version is in force. */
  changed(): void
  report(event: NodeEvent): void
}

export interface ActivationOrder {
  /** Default: the newest that this node knows. */
  readonly version: number | undefined
  /** Called once. `undefined`: it is in force. */
  done(refused: AdminRefused | undefined): void
}

export class VersionGate {
  readonly #options: VersionGateOptions
  readonly #heard = new Map<NodeId, { readonly message: VersionsKnown; readonly at: Ms }>()
  #toldAt: Ms = Number.NEGATIVE_INFINITY
  #now: Ms = 0
  #proposed: { readonly version: number; readonly at: Ms } | undefined
  /** By version, what its migration has come to in this life: it would fail again, and so would all above it. */
  readonly #failed = new Map<number, AdminRefused>()
  /** The last of them, by the index of its entry. */
  #failedAt: Index = 0
  #isSkipping = false
  /** Asked before this node knew which version is in force. */
  #early: ActivationOrder[] = []
  #orders: { readonly version: number; readonly order: ActivationOrder }[] = []

  constructor(options: VersionGateOptions) {
    this.#options = options
  }

  receive(message: VersionsKnown): void {
    this.#heard.set(message.from, { message, at: this.#now })
  }

  turn(now: Ms): void {
    this.#now = now
    const { heartbeatMs, replica } = this.#options
    this.#noteFailure()
    if (this.#early.length > 0 && this.#knowsVersion) for (const order of this.#early.splice(0)) this.ask(order)
    // Nearly always there is nothing to come.
    if (replica.version >= replica.machine.version) return
    for (const [from, { at }] of this.#heard) if (now - at > forgottenAfter * heartbeatMs) this.#heard.delete(from)
    const newer = this.#newer()
    if (this.#options.raft.softState.role !== 'leader') return this.#tell(newer)
    this.#maybeSkip()
    this.#maybePropose(newer)
  }

  /** As leader: the next version is on its way through the log. */
  get isProposing(): boolean {
    return this.#proposed !== undefined
  }

  /** For whoever asks which version is in force: what this node knows beyond it, where it leads who does not, and why it has failed here. */
  get waiting(): { readonly version: number; readonly lacking: readonly NodeId[]; readonly failed?: string } | undefined {
    const next = this.#newer().at(-1)
    if (next === undefined) return undefined
    const failed = this.#failureOf(next.version)
    if (failed !== undefined) return { version: next.version, lacking: [], failed: failed.message }
    return { version: next.version, lacking: this.#options.raft.softState.role === 'leader' ? this.#lacking(next) : [] }
  }

  /** Called only while this node leads. */
  ask(order: ActivationOrder): void {
    if (!this.#knowsVersion) return void this.#early.push(order)
    const { replica } = this.#options
    const known = knownVersions(replica.machine)
    const version = order.version ?? known.at(-1)?.version ?? 0
    if (version <= replica.version) return order.done(undefined)
    const one = known.find((each) => each.version === version)
    if (one === undefined) {
      const what = `version ${version} cannot be put in force: this leader knows version ${known.map((each) => each.version).join(', ')}`
      return order.done(refusedFor('versionUnknown', what))
    }
    const failed = this.#failureOf(version)
    if (failed !== undefined) return order.done(failed)
    const lacking = this.#lacking(one)
    if (lacking.length > 0) return order.done(refusedFor('membersLackVersion', this.#sentence(version, lacking)))
    this.#orders.push({ version, order })
    this.#propose(version)
  }

  /** An activation was applied. */
  applied({ version }: Extract<Envelope, { kind: 'activate' }>): void {
    const { replica, report, changed } = this.#options
    if (this.#proposed !== undefined && this.#proposed.version <= version) this.#proposed = undefined
    report({ kind: 'versionActive', version: replica.version })
    this.#settle((order) => order.version <= replica.version, undefined)
    changed()
  }

  unlead(leader: LeaderHint | undefined): void {
    this.#proposed = undefined
    for (const { done } of this.#early.splice(0)) done(adminRefused(notLeader(leader)))
    this.#settle(() => true, adminRefused(notLeader(leader)))
  }

  get #knowsVersion(): boolean {
    return this.#options.hasCaughtUp() && this.#options.replica.hasBegun
  }

  #settle(isIt: (order: { readonly version: number }) => boolean, refused: AdminRefused | undefined): void {
    const settled = this.#orders.filter(isIt)
    this.#orders = this.#orders.filter((one) => !isIt(one))
    for (const { order } of settled) order.done(refused)
  }

  /** What the machine here could be of. */
  #newer(): readonly KnownVersion[] {
    const { machine, version } = this.#options.replica
    return machine.evolution === undefined ? [] : machine.evolution.known.filter((known) => known.version > version)
  }

  #noteFailure(): void {
    const { replica, report } = this.#options
    const { index = 0, version = 0, message = '' } = replica.failedActivation ?? {}
    if (index <= this.#failedAt) return
    this.#failedAt = index
    this.#proposed = undefined
    const refused = refusedFor('migrationFailed', `${message}. ${mendFirst}`)
    this.#failed.set(version, refused)
    report({ kind: 'versionRefused', version, message })
    this.#settle((order) => order.version >= version, refused)
  }

  #failureOf(version: number): AdminRefused | undefined {
    for (const [failed, refused] of this.#failed) if (failed <= version) return refused
    return undefined
  }

  /** That it has failed is said in the log: a later build, whose functions are mended, would find it to succeed at that entry. */
  #maybeSkip(): void {
    const { haltedAt, skip } = this.#options
    const index = this.#failedAt
    if (this.#isSkipping || index === 0 || haltedAt() !== index) return
    this.#isSkipping = true
    // Refused, it is asked for in a later turn: others have not come as far, or know better, and one of them will lead.
    const done = (): void => {
      this.#isSkipping = false
    }
    skip({ index, done })
  }

  /** What has failed here is not known here any more: a leader whose build is mended waits for the others. */
  #tell(newer: readonly KnownVersion[]): void {
    const versions = newer.filter(({ version }) => this.#failureOf(version) === undefined)
    const { id, raft, net, heartbeatMs } = this.#options
    const { leader, term } = raft.softState
    if (leader === undefined || leader === id || this.#now - this.#toldAt < heartbeatMs) return
    this.#toldAt = this.#now
    net.send([{ kind: 'VersionsKnown', from: id, to: leader, term, versions }])
  }

  #maybePropose(newer: readonly KnownVersion[]): void {
    const { isAutomatic, mayPropose } = this.#options
    if (!mayPropose()) return
    const isAskedFor = (version: number): boolean => this.#orders.some((one) => one.version >= version)
    const next = newer.findLast(
      (one) => (isAutomatic || isAskedFor(one.version)) && this.#failureOf(one.version) === undefined && this.#lacking(one).length === 0,
    )
    if (next !== undefined) this.#propose(next.version)
  }

  #propose(version: number): void {
    const { propose, electionTimeoutMs, mayPropose } = this.#options
    if (this.#options.replica.isRaising) return
    const isUnderWay = this.#proposed !== undefined && this.#proposed.version >= version
    if ((isUnderWay && this.#now - (this.#proposed?.at ?? 0) < againAfter * electionTimeoutMs) || !mayPropose()) return
    this.#proposed = { version, at: this.#now }
    propose({ kind: 'activate', version })
  }

  /** Members that have not said, in this term, that they know it. */
  #lacking({ version, wire }: KnownVersion): readonly NodeId[] {
    const { id, raft } = this.#options
    const { term } = raft.softState
    const knows = (member: NodeId): boolean => {
      const message = this.#heard.get(member)?.message
      return message?.term === term && message.versions.some((known) => known.version === version && known.wire === wire)
    }
    return raft.conf.members.map((member) => member.id).filter((member) => member !== id && !knows(member))
  }

  #sentence(version: number, lacking: readonly NodeId[]): string {
    const who = lacking.length === 1 ? `node ${lacking[0]} has` : `nodes ${lacking.join(', ')} have`
    const way = 'Start what is stopped, or older, with a build that knows it; or remove it from the cluster'
    return `version ${version} cannot be put in force: ${who} not said to know it. ${way}`
  }
}

const mendFirst = 'Mend its function, or what it does not fit, and start every node again: then it can be put in force'

const refusedFor = (reason: VersionRefusalReason, message: string): AdminRefused => ({ code: 'CHANGE_REFUSED', message, reason })
