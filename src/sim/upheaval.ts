// What operators do to a cluster: servers come, go, move, lose their disks; votes are given and taken; leadership is handed over; leases are
// switched on and off; snapshots are damaged. Within a budget: what would lose committed entries or the quorum for good is not done, for then
// nothing could be demanded of the cluster any more.
import type { ConfState, ConfStep, Member, NodeId } from '../core/types.ts'
import { idOf } from '../storage/snapshot-format.ts'
import type { Chance } from './chance.ts'
import type { Cluster } from './cluster.ts'
import type { FaultClass } from './faults.ts'
import { Operator, type OrderTerms } from './operator.ts'
import { isQuorum } from './oracle/confs.ts'
import { isSameConf } from './oracle/log-shadow.ts'
import type { SimServer } from './sim-server.ts'

/** Machines of a run, those that are gone included. */
const serversMax = 12
/** Members of a cluster at random: more are only slower. */
const membersMax = 5
/** How often an operator looks after a server whose disk was put back. Milliseconds. */
const watchMs = 2
/** How long an operator insists, at most. Milliseconds. */
const persistMaxMs = 2_000

/** What an operator does at random. */
export type Deed = Extract<
  FaultClass,
  | 'addServer'
  | 'removeServer'
  | 'demote'
  | 'promote'
  | 'replaceDisk'
  | 'addressChange'
  | 'leaseToggle'
  | 'transfer'
  | 'snapshotDamage'
  | 'stateLoss'
  | 'logDamage'
  | 'slotDamage'
  | 'rollback'
>

export class Upheaval {
  readonly operator: Operator
  readonly #cluster: Cluster
  readonly #chance: Chance
  #moves = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#chance = cluster.world.chance.fork()
    this.operator = new Operator(cluster)
  }

  /** False when it cannot be done now. What has to be carried out by the cluster counts when it has been. */
  do(deed: Deed): boolean {
    switch (deed) {
      case 'addServer':
        return this.#addOne()
      case 'removeServer':
        return this.#removeOne()
      case 'demote':
        return this.#shift('demote')
      case 'promote':
        return this.#shift('promote')
      case 'replaceDisk':
        return this.#replaceOne()
      case 'addressChange':
        return this.#moveOne()
      case 'leaseToggle':
        return this.#toggleLease()
      case 'transfer':
        return this.#transfer()
      case 'snapshotDamage':
        return this.#damageOne()
      case 'stateLoss':
        return this.#loseOneState()
      case 'logDamage':
      case 'slotDamage':
        return this.#damageLog(deed)
      case 'rollback':
        return this.#rollBack()
      default:
        return false
    }
  }

  /** Another machine, which asks to be let in. */
  add({ voter }: { readonly voter: boolean }): SimServer {
    const server = this.#cluster.add({ voter })
    server.start()
    return server
  }

  /** The disk of a machine is gone; it comes back with an empty one. */
  replaceDisk(server: SimServer): void {
    server.wipe()
    server.start()
  }

  /** Both addresses work until the new ones are known to be in force. */
  move(server: SimServer, terms: OrderTerms): boolean {
    const member = this.#conf.members.find(({ id }) => id === server.id)
    if (member === undefined) return false
    this.#moves += 1
    const moved: Member = { ...member, peer: `node${server.id}.${this.#moves}:2`, client: `node${server.id}.${this.#moves}:1` }
    const { directory } = this.#cluster.world
    directory.add(moved.peer, server)
    directory.add(moved.client, server)
    const isDone = ({ members }: ConfState): boolean => members.some(({ id, peer }) => id === server.id && peer === moved.peer)
    const settled: OrderTerms['settled'] = (outcome) => {
      if (outcome.kind === 'done') {
        directory.remove(server.peerAddress)
        directory.remove(server.clientAddress)
        server.peerAddress = moved.peer
        server.clientAddress = moved.client
      }
      terms.settled?.(outcome)
    }
    const joining = this.#conf.joining.includes(server.id)
    this.operator.change([{ kind: 'update', member: moved, joining }], { ...terms, isDone, settled })
    return true
  }

  /** Names of snapshots on the disk of `server` that are as they were written, newest first. */
  intactSnapshots({ files }: SimServer): readonly string[] {
    const indexOf = (name: string): number => idOf(name)?.index ?? 0
    return files.list.filter((name) => idOf(name) !== undefined && !files.damaged.has(name)).toSorted((a, b) => indexOf(b) - indexOf(a))
  }

  /**
   * Whether the cluster gets over it when `victim` loses what it has: with the others whose disks and states are whole there is a quorum in
   * every configuration that may be or come into force. Nothing is asked of an operator who has something else on his hands.
   */
  canLose(victim: SimServer): boolean {
    if (this.operator.isBusy) return false
    const { safety } = this.#cluster.world
    const isIntact = (id: NodeId, incarnation: number): boolean => {
      if (id === victim.id) return false
      const server = this.#cluster.server(id)
      return server.incarnation === incarnation && !server.hasLostState && !server.isDamaged
    }
    return this.#cluster.active.every((server) => {
      const conf = server.life?.peers?.conf ?? safety.disks.durableConf(server.id)
      if (conf === undefined || conf.voters.length === 0) return true
      const whenJoined = { ...conf, voters: [...conf.voters, ...conf.joining.filter((id) => !conf.voters.includes(id))] }
      return safety.confs.has(conf) && isQuorum(conf, isIntact) && isQuorum(whenJoined, isIntact)
    })
  }

  get #conf(): ConfState {
    return this.#cluster.world.safety.confs.newest
  }

  /** Every member has the disk that it is known by, and its state. */
  get #isWhole(): boolean {
    return this.#conf.members.every(({ id, incarnation }) => {
      const server = this.#cluster.server(id)
      return server.incarnation === incarnation && !server.hasLostState && !server.isDamaged
    })
  }

  #addOne(): boolean {
    if (this.#cluster.servers.length >= serversMax || this.#conf.members.length >= membersMax) return false
    // Those that wait to be let in are enough for now.
    if (this.#cluster.active.some(({ isBlank }) => isBlank)) return false
    this.add({ voter: this.#chance.happens(0.7) })
    this.#count('addServer')
    return true
  }

  #removeOne(): boolean {
    const { members, voters } = this.#conf
    if (!this.#isWhole || members.length <= 1) return false
    const { id } = this.#chance.pick(members)
    if (voters.length === 1 && voters.includes(id)) return false
    const isLeader = this.#cluster.leader() === id
    this.#change(
      'removeServer',
      [{ kind: 'remove', id }],
      (conf) => conf.removed.includes(id),
      () => {
        if (isLeader) this.#cluster.world.coverage.count('leaderRemoved')
      },
    )
    return true
  }

  #shift(kind: 'demote' | 'promote'): boolean {
    const { voters, learners, joining } = this.#conf
    if (!this.#isWhole || (kind === 'demote' && voters.length <= 1)) return false
    const candidates = kind === 'demote' ? voters : learners.filter((id) => !joining.includes(id))
    if (candidates.length === 0) return false
    const id = this.#chance.pick(candidates)
    this.#change(kind, [{ kind, id }], (conf) => conf.voters.includes(id) === (kind === 'promote') && conf.votersOutgoing.length === 0)
    return true
  }

  #replaceOne(): boolean {
    const server = this.#chance.pick(this.#cluster.active)
    if (server.isBlank || !this.#isWhole || !this.canLose(server)) return false
    this.#count('replaceDisk')
    server.wipe()
    if (this.#chance.happens(0.5)) this.#keepFromKnowing(server)
    return true
  }

  /** Somebody hears nothing of what becomes of `replaced`, and goes on taking it for what it was. */
  #keepFromKnowing(replaced: SimServer): void {
    const { network, scheduler } = this.#cluster.world
    const others = this.#cluster.active.filter(({ id }) => id !== replaced.id)
    if (others.length < 4) return
    const one = this.#chance.pick(others)
    const mends = others.flatMap(({ id }) => (id === one.id ? [] : [network.cut(one.id, id), network.cut(id, one.id)]))
    scheduler.after(this.#chance.between(500, 3_000), () => {
      for (const mend of mends) mend()
    })
  }

  #moveOne(): boolean {
    if (!this.#isWhole) return false
    const server = this.#chance.pick(this.#cluster.active)
    if (server.isBlank) return false
    return this.move(server, {
      ...this.#terms,
      settled: ({ kind }) => {
        if (kind === 'done') this.#count('addressChange')
      },
    })
  }

  #toggleLease(): boolean {
    const { electionTimeoutMs = 300 } = this.#cluster.world.node.timing ?? {}
    const leaseMs = this.#conf.leaseMs > 0 ? 0 : Math.round(electionTimeoutMs * this.#chance.between(0.5, 2))
    this.#change('leaseToggle', [{ kind: 'setLease', leaseMs }], (conf) => conf.leaseMs === leaseMs)
    return true
  }

  #transfer(): boolean {
    const to = this.#chance.happens(0.5) ? undefined : this.#chance.pick(this.#conf.members).id
    this.operator.transfer(to, {
      persistMs: 0,
      settled: ({ kind }) => {
        if (kind === 'done') this.#count('transfer')
      },
    })
    return true
  }

  /**
   * The newest one, where an older one is left from which the log goes on; it shows when it is read, at the next start at the latest. Not one that
   * has just been fetched and is still to be read: the log is about to give way to it. And one at a time: while the first does not show, it counts
   * as the one to fall back to.
   */
  #damageOne(): boolean {
    const server = this.#chance.pick(this.#cluster.active)
    const { lastApplied = 0, firstIndex = 0 } = server.life?.node?.status({ digest: false }) ?? {}
    const [newest, older] = this.intactSnapshots(server)
    if (newest === undefined || older === undefined || server.hasLostState || this.#hasHiddenDamage(server)) return false
    if ((idOf(older)?.index ?? 0) < firstIndex - 1) return false
    if ((idOf(newest)?.index ?? 0) > lastApplied || !server.files.damage(newest)) return false
    this.#count('snapshotDamage')
    if (this.#chance.happens(0.5)) server.crash({ silently: false })
    return true
  }

  #hasHiddenDamage({ files }: SimServer): boolean {
    return files.list.some((name) => idOf(name) !== undefined && files.damaged.has(name))
  }

  /** All of them: what the log does not hold any more is to be had from the others only. */
  #loseOneState(): boolean {
    const server = this.#chance.pick(this.#cluster.active)
    const intact = this.intactSnapshots(server)
    if (intact.length === 0 || !this.#isWhole || !this.canLose(server)) return false
    for (const name of intact) server.files.damage(name)
    server.hasLostState = true
    this.#count('stateLoss')
    server.crash({ silently: false })
    return true
  }

  /** What it holds is not what it was; it shows when it is read. Whoever is not damaged can go on without it. */
  #damageLog(deed: 'logDamage' | 'slotDamage'): boolean {
    const server = this.#chance.pick(this.#cluster.active)
    // One that has just begun may have nothing on it yet.
    if (server.isBlank || server.disk.isEmpty || !this.#isWhole || !this.canLose(server)) return false
    if (deed === 'logDamage') server.onDamaged(server.disk.damage())
    else {
      const positions = this.#chance.pick([[0], [1], [0, 1]] as const)
      for (const position of positions) server.highWater.damage(position)
      server.onDamaged(`of ${positions.length} of its slots`)
    }
    this.#count(deed)
    if (this.#chance.happens(0.6)) server.crash({ silently: false })
    return true
  }

  /**
   * Somebody keeps a copy of a disk and, later, puts it back. Only where the leader remembers all that this server has promised, and is there to
   * say so: what nobody remembers who can be reached is forgotten for good.
   */
  #rollBack(): boolean {
    const server = this.#chance.pick(this.#cluster.active)
    if (server.isBlank || !this.#isWhole || !this.canLose(server)) return false
    if (server.copy === undefined) {
      server.takeCopy()
      return true
    }
    const leader = this.#cluster.leader()
    const witness = leader === undefined || leader === server.id ? undefined : this.#cluster.server(leader)
    if (witness === undefined || !this.#isRemembered(server, witness)) return false
    server.restoreCopy()
    this.#count('rollback')
    this.#watchOver(server, witness)
    return true
  }

  #isRemembered(server: SimServer, { id: leader, life }: SimServer): boolean {
    const [node, its] = [life?.node, server.life?.node]
    if (node === undefined || its === undefined || !node.isWhole || !this.#isReachable(server.id, leader)) return false
    const { role, term, lastIndex, commitIndex } = node.status({ digest: false })
    const follower = its.status({ digest: false })
    const { shadow } = server.copy ?? {}
    // It has told the leader of everything, and has voted for nobody since.
    const isKnown = role === 'leader' && follower.term === term && follower.leader === leader && follower.commitIndex === lastIndex
    return isKnown && commitIndex === lastIndex && shadow !== undefined && isSameConf(shadow.conf, node.conf)
  }

  #isReachable(a: NodeId, b: NodeId): boolean {
    const { network } = this.#cluster.world
    return !network.isCut(a, b) && !network.isCut(b, a)
  }

  /** Where the only one who remembers is lost before it was asked, an operator sees to it: the disk is replaced. */
  #watchOver(server: SimServer, witness: SimServer): void {
    const { scheduler } = this.#cluster.world
    const { life } = server
    const remembers = witness.life
    const look = (): void => {
      if (server.life !== life || life?.node?.isSettled === true) return
      const isLost = witness.life !== remembers || witness.isStalled || server.isStalled || !this.#isReachable(server.id, witness.id)
      if (isLost) return this.replaceDisk(server)
      scheduler.after(watchMs, look)
    }
    look()
  }

  #change(deed: Deed, steps: readonly ConfStep[], isDone: (conf: ConfState) => boolean, done = () => {}): void {
    this.operator.change(steps, {
      ...this.#terms,
      isDone,
      settled: ({ kind }) => {
        if (kind !== 'done') return
        this.#count(deed)
        done()
      },
    })
  }

  get #terms(): OrderTerms {
    return { persistMs: this.#chance.between(0, persistMaxMs) }
  }

  #count(deed: Deed): void {
    this.#cluster.world.coverage.count(deed)
    this.#cluster.world.note(deed.length, { who: 'operator', what: 'has done', about: deed })
  }
}
