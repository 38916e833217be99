// Breaks things at random, a little at a time, and mends them again. What it may break, and how often, is drawn from the seed.
import type { Ms, NodeId } from '../core/types.ts'
import type { Chance } from './chance.ts'
import { ClientActs } from './client-acts.ts'
import type { FaultClass } from './faults.ts'
import type { Life } from './life.ts'
import type { Rollout } from './rollout.ts'
import type { SimClient } from './sim-client.ts'
import type { SimServer } from './sim-server.ts'
import type { Upheaval } from './upheaval.ts'
import type { World } from './world.ts'

export interface NemesisOptions {
  /** Numbers of the acts that happen; `undefined`: all. */
  readonly kept: ReadonlySet<number> | undefined
  readonly active: readonly FaultClass[]
  readonly servers: () => readonly SimServer[]
  readonly leader: () => NodeId | undefined
  readonly upheaval: Upheaval
  readonly rollout: Rollout | undefined
  readonly clients: () => readonly SimClient[]
  /** Another one takes its place. */
  readonly crashClient: (client: SimClient) => void
  readonly abortCall: (client: SimClient) => boolean
  /** Clients call in quick succession for so long, on both sides of what was cut. */
  readonly press: (forMs: Ms, patienceMs?: Ms) => void
  /** Between two faults, on average. */
  readonly pauseMs: Ms
  /** How long a fault lasts that ends by itself, on average. */
  readonly lastsMs: Ms
}

/** What the nemesis brings about, each as often as its weight says; the other classes happen to packets, or follow from these. */
const acts = [
  { act: 'slowLink', weight: 2 },
  { act: 'unreachable', weight: 2 },
  { act: 'partition', weight: 4 },
  { act: 'oneWayCut', weight: 3 },
  { act: 'isolation', weight: 3 },
  { act: 'flapping', weight: 2 },
  { act: 'leaderHunt', weight: 5 },
  { act: 'crash', weight: 6 },
  { act: 'crashOfAll', weight: 1 },
  { act: 'crashInTurn', weight: 5 },
  { act: 'stall', weight: 4 },
  { act: 'clockJump', weight: 2 },
  { act: 'writeError', weight: 1 },
  { act: 'readError', weight: 1 },
  { act: 'slowDisk', weight: 2 },
  { act: 'connectionBreak', weight: 2 },
  { act: 'clientCut', weight: 4 },
  { act: 'clientCrash', weight: 1 },
  { act: 'abort', weight: 3 },
  { act: 'addServer', weight: 4 },
  { act: 'removeServer', weight: 3 },
  { act: 'demote', weight: 2 },
  { act: 'promote', weight: 4 },
  { act: 'replaceDisk', weight: 3 },
  { act: 'addressChange', weight: 2 },
  { act: 'leaseToggle', weight: 3 },
  { act: 'transfer', weight: 8 },
  { act: 'fileError', weight: 1 },
  { act: 'snapshotDamage', weight: 2 },
  { act: 'stateLoss', weight: 2 },
  { act: 'snapshotFetchBroken', weight: 2 },
  { act: 'restartInInstall', weight: 3 },
  { act: 'logDamage', weight: 4 },
  { act: 'slotDamage', weight: 2 },
  { act: 'rollback', weight: 8 },
] as const satisfies readonly { readonly act: FaultClass; readonly weight: number }[]
type Act = (typeof acts)[number]['act']

/** What happens later, and perhaps, counts when it happens. */
const countsLater: ReadonlySet<Act> = new Set([
  'crashInTurn',
  'writeError',
  'readError',
  'slowDisk',
  'slowLink',
  'addServer',
  'removeServer',
  'demote',
  'promote',
  'replaceDisk',
  'addressChange',
  'leaseToggle',
  'transfer',
  'fileError',
  'snapshotDamage',
  'stateLoss',
  'snapshotFetchBroken',
  'restartInInstall',
  'logDamage',
  'slotDamage',
  'rollback',
])

const hourMs = 3_600_000
/** Election timeouts after a cut in which two may take themselves for the leader. */
const pressTimeouts = 2
/** A supervisor may be that quick, on average; how often the hunt looks for a leader. Milliseconds. */
const [hastyRestartMs, huntPauseMs] = [5, 20]

interface Hunt {
  readonly rounds: number
  /** The process that was taken out in the round before. */
  readonly last: Life | undefined
  /** Brings it back. */
  readonly mend: () => void
}

export class Nemesis {
  readonly #world: World
  readonly #options: NemesisOptions
  readonly #chance: Chance
  readonly #clientActs: ClientActs
  readonly #acts: readonly Act[]
  #isActive = true
  #drawn = 0

  constructor(world: World, options: NemesisOptions) {
    this.#world = world
    this.#options = options
    this.#chance = world.chance.fork()
    options.rollout?.start(world, options.servers)
    this.#clientActs = new ClientActs(world, { ...options, chance: this.#chance })
    this.#acts = acts.filter(({ act }) => options.active.includes(act)).flatMap(({ act, weight }) => new Array<Act>(weight).fill(act))
  }

  start(): void {
    this.#world.scheduler.after(this.#chance.wait(this.#options.pauseMs), () => {
      if (!this.#isActive) return
      this.#restartSome()
      if (this.#acts.length > 0) this.#draw()
      this.start()
    })
  }

  /** Acts that were drawn so far, those included that do not happen by the plan. */
  get drawn(): number {
    return this.#drawn
  }

  #draw(): void {
    this.#drawn += 1
    const act = this.#chance.pick(this.#acts)
    if (this.#options.kept?.has(this.#drawn) ?? true) this.#do(act)
  }

  stop(): void {
    this.#isActive = false
    this.#options.rollout?.finish(this.#options.servers())
    this.#world.watch.fetch = undefined
    this.#world.watch.install = undefined
    this.#world.watch.handOver = undefined
  }

  #do(act: Act): void {
    if (!this.#act(act)) return
    this.#world.note(act.length, { who: 'world', what: 'suffers', about: act })
    if (!countsLater.has(act)) this.#world.coverage.count(act)
  }

  /** False when there was nothing to do it to. */
  #act(act: Act): boolean {
    const servers = this.#options.servers()
    const chance = this.#chance
    // Leaders are where it hurts.
    const leader = chance.happens(0.4) ? this.#options.leader() : undefined
    const server = servers.find(({ id }) => id === leader) ?? chance.pick(servers)
    switch (act) {
      case 'slowLink': {
        const ends = [server.id, chance.pick([...servers.map(({ id }) => id), ...this.#options.clients().map(({ place }) => place)])]
        const from = chance.pick(ends)
        for (const to of ends) if (to !== from) this.#world.network.slowDown(from, to, chance.between(20, 500), this.#lastsMs())
        return true
      }
      case 'unreachable':
        server.life?.deliver(() =>
          server.life?.unreachable(chance.pick(servers.filter((other) => other !== server || servers.length === 1)).id),
        )
        return true
      case 'partition':
        return this.#partition()
      case 'oneWayCut':
        return this.#cutOneWay()
      case 'isolation':
        return this.#isolate(server)
      case 'flapping':
        return this.#flap(server, chance.whole(3, 10))
      case 'leaderHunt':
        this.#hunt({ rounds: chance.whole(2, 8), last: undefined, mend: () => {} })
        return true
      case 'crash':
        if (server.life === undefined) return false
        server.crash({ silently: chance.happens(0.3) })
        // What was sent to it may arrive in its next life.
        if (chance.happens(0.3)) this.#world.scheduler.after(chance.wait(hastyRestartMs), () => server.start())
        return true
      case 'crashOfAll':
        for (const each of servers) each.crash({ silently: chance.happens(0.3) })
        return true
      case 'crashInTurn':
        server.life?.arm(chance.pick(['atWrite', 'atRemoval', 'atConf', 'atSlot', 'atFile', 'atSend']))
        return true
      case 'stall':
        if (server.life === undefined || server.isStalled) return false
        if (server.id === this.#options.leader() && (server.life.peers?.conf.leaseMs ?? 0) > 0) this.#world.coverage.count('stallInLease')
        server.stall(chance.happens(0.2) ? chance.between(1_000, 5_000) : chance.between(50, 1_000))
        return true
      case 'clockJump':
        server.clock.jump(chance.between(-hourMs, hourMs))
        return true
      case 'writeError':
        if (chance.happens(0.3)) server.highWater.failNextWrite()
        else server.disk.failNextWrite()
        return true
      case 'readError':
        server.disk.failNextRead()
        return true
      case 'slowDisk':
        for (const slow of [server.disk, server.highWater, server.files]) slow.slowDown(this.#lastsMs())
        return true
      case 'fileError':
        server.files.failNextWrite()
        return true
      case 'snapshotFetchBroken':
        this.#breakFetch()
        return true
      case 'restartInInstall':
        this.#crashInInstall(chance.whole(0, 3))
        return true
      case 'transfer':
        if (chance.happens(0.7)) this.#cutOffPredecessor()
        return this.#options.upheaval.do(act)
      case 'connectionBreak':
      case 'clientCut':
      case 'clientCrash':
      case 'abort':
        return this.#clientActs.do(act)
      default:
        return this.#options.upheaval.do(act)
    }
  }

  /** The next leader that hands over learns nothing of the one that it has called: for a while it may take itself for the leader. */
  #cutOffPredecessor(): void {
    this.#world.watch.handOver = (server) => {
      this.#world.watch.handOver = undefined
      // Its word has arrived by then, mostly.
      this.#world.scheduler.after(this.#chance.between(1, 10), () => this.#mendLater(this.#separate(server, [])))
    }
  }

  /** The next that asks for a piece of a snapshot loses its source. */
  #breakFetch(): void {
    this.#world.watch.fetch = (server, source) => {
      this.#world.watch.fetch = undefined
      this.#world.coverage.count('snapshotFetchBroken')
      this.#world.note(source, { who: server.name, what: 'is cut off from its source', about: source })
      const { network } = this.#world
      this.#mendLater([network.cut(server.id, source), network.cut(source, server.id)])
    }
  }

  /** The next that receives a snapshot dies of one of its pieces, or as it takes the place of its log. */
  #crashInInstall(passing: number): void {
    this.#world.watch.install = (server) => {
      if (passing > 0) return this.#crashInInstall(passing - 1)
      this.#world.watch.install = undefined
      this.#world.coverage.count('restartInInstall')
      server.crash({ silently: this.#chance.happens(0.3) })
    }
  }

  #partition(): boolean {
    const ids = this.#options.servers().map(({ id }) => id)
    const one = this.#chance.some(ids, 0.5)
    const other = ids.filter((id) => !one.includes(id))
    // A bridge hears both sides.
    const bridge = this.#chance.happens(0.2) ? this.#chance.pick(ids) : undefined
    const mends: (() => void)[] = []
    for (const a of one) {
      for (const b of other) if (a !== bridge && b !== bridge) mends.push(this.#world.network.cut(a, b), this.#world.network.cut(b, a))
    }
    this.#mendLater(mends)
    return mends.length > 0
  }

  #cutOneWay(): boolean {
    const ids = this.#options.servers().map(({ id }) => id)
    const links = ids.flatMap((from) => ids.filter((to) => to !== from).map((to) => ({ from, to })))
    const cut = this.#chance.some(links, this.#chance.between(0.1, 0.6))
    this.#mendLater(cut.map(({ from, to }) => this.#world.network.cut(from, to)))
    return cut.length > 0
  }

  #isolate(server: SimServer): boolean {
    this.#mendLater(this.#separate(server, []))
    return this.#options.servers().length > 1
  }

  /** Cuts `server` off from all but `companions`, and from half of the clients, who look for another at once: so both sides have some. */
  #separate(server: SimServer, companions: readonly SimServer[]): readonly (() => void)[] {
    const { network } = this.#world
    const others = this.#options
      .servers()
      .filter((other) => other !== server && !companions.includes(other))
      .map(({ id }) => id)
    const clients = this.#chance.some(this.#options.clients(), 0.5)
    for (const { connections } of clients) for (const connection of connections) connection.break()
    const places = [...others, ...clients.map(({ place }) => place)]
    this.#options.press(pressTimeouts * (this.#world.node.timing?.electionTimeoutMs ?? this.#options.lastsMs))
    return places.flatMap((place) => [network.cut(server.id, place), network.cut(place, server.id)])
  }

  #flap(server: SimServer, times: number): boolean {
    const others = this.#options.servers().filter((other) => other !== server)
    if (others.length === 0) return false
    const { id } = this.#chance.pick(others)
    const { network, scheduler } = this.#world
    const flip = (left: number): void => {
      if (left === 0 || !this.#isActive) return
      const mends = [network.cut(server.id, id), network.cut(id, server.id)]
      scheduler.after(100, () => {
        for (const mend of mends) mend()
        scheduler.after(100, () => flip(left - 1))
      })
    }
    flip(times)
    return true
  }

  /**
   * Each leader is taken out soon after its election, just when the one before comes back: so logs grow apart, and what was committed is in
   * danger from those that missed it. A leader that is cut off may keep a companion, who hears its last entries (figure 3.7, figure 3.8).
   */
  #hunt({ rounds, last, mend }: Hunt): void {
    if (!this.#isActive || rounds === 0) return mend()
    const leader = this.#options.servers().find(({ id, life }) => id === this.#options.leader() && life !== last)
    const { scheduler } = this.#world
    if (leader === undefined) return scheduler.after(huntPauseMs, () => this.#hunt({ rounds, last, mend }))
    scheduler.after(this.#chance.wait(this.#options.lastsMs / 4), () => {
      mend()
      this.#note('leaderHunt', leader)
      this.#hunt({ rounds: rounds - 1, last: leader.life, mend: this.#takeOut(leader) })
    })
  }

  /** Until the returned function is called: by a crash, or by a cut. */
  #takeOut(server: SimServer): () => void {
    if (this.#chance.happens(0.3)) {
      server.crash({ silently: false })
      return () => server.start()
    }
    const mends = this.#separate(server, this.#chance.some(this.#options.servers(), 0.25))
    return () => {
      for (const mend of mends) mend()
    }
  }

  #note(act: Act, { name }: SimServer): void {
    this.#world.note(act.length, { who: 'world', what: `${act}:`, about: name })
  }

  /** Those that are down come back after a while: a supervisor looks now and then. */
  #restartSome(): void {
    for (const server of this.#options.servers()) if (server.life === undefined && this.#chance.happens(0.4)) server.start()
  }

  #mendLater(mends: readonly (() => void)[]): void {
    this.#world.scheduler.after(this.#lastsMs(), () => {
      for (const mend of mends) mend()
    })
  }

  #lastsMs(): Ms {
    return this.#chance.wait(this.#options.lastsMs)
  }
}
