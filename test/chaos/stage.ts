// One cluster on one network for some time: faults under load, then none; everything is read; the nodes stop; all of it is checked.
import { createWriteStream } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { join } from 'node:path'
import { ClusterAdmin } from '../../src/client/index.ts'
import { Chance } from '../../src/sim/chance.ts'
import { missingMounts, Mounts } from '../disk/faults/mounts.ts'
import { type AppliedCommand, linesOf, merged, readApplied } from './check/applied.ts'
import { checkHistory } from './check/history-check.ts'
import { sortedBy } from './check/sorted.ts'
import { checkLogs } from './check/logs.ts'
import { Cluster } from './cluster.ts'
import { faultsOf } from './faults/index.ts'
import type { Family, Fault, Scene } from './faults/fault.ts'
import { type HistoryHeader, historySchema, type Operation } from './history.ts'
import { missingNamespaces, Namespaces } from './namespaces.ts'
import { type Happened, Nemesis } from './nemesis.ts'
import type { Network } from './network.ts'
import { Relay } from './relay/relay.ts'
import { levelWithinMs, residentBytesMax } from './settings.ts'
import { longestGapMs } from './tally.ts'
import { Workload } from './workload.ts'

export interface StageKind {
  readonly name: string
  readonly nodes: number
  readonly network: 'relay' | 'namespaces'
  /** Of the time of a whole run. */
  readonly share: number
  /** Lets leaders answer `lease` queries by themselves. */
  readonly leaseMs?: number
}

export const stages: readonly StageKind[] = [
  { name: 'relay-3', nodes: 3, network: 'relay', share: 0.3, leaseMs: 300 },
  { name: 'relay-5', nodes: 5, network: 'relay', share: 0.45 },
  { name: 'namespaces-5', nodes: 5, network: 'namespaces', share: 0.25 },
]

export interface StageOptions {
  readonly kind: StageKind
  readonly ms: number
  readonly seed: number
  readonly clients: number
  readonly families: readonly Family[]
  /** Faults that are made with tools of the system are tried, too, where these are. */
  readonly hasTools: boolean
  /** Of its own, not there yet. */
  readonly folder: string
  /** The run is to end as soon as it can. */
  readonly aborted: AbortSignal
  /** Called every now and then. */
  progress(progress: Progress): void
}

export interface Progress {
  readonly stage: string
  readonly phase: string
  /** Since faults began. */
  readonly elapsedMs: number
  readonly faults: number
  readonly calls: number
  readonly answered: number
  readonly current: string
}

export interface SkippedFault {
  readonly family: string
  readonly name: string
  readonly reason: string
}

export interface StageResult {
  readonly stage: string
  readonly problems: readonly string[]
  readonly happened: readonly Happened[]
  readonly skipped: readonly SkippedFault[]
  /** Could have happened here. */
  readonly possible: readonly Pick<Fault, 'family' | 'name'>[]
  readonly operations: readonly Operation[]
  readonly checked: number
  /** Of these, how many were searched through as well. */
  readonly searched: number
  /** Entries of logs that were compared with what was applied. */
  readonly compared: number
  readonly longestGapMs: number
  readonly recoveriesMs: readonly number[]
  readonly levelMs: number | undefined
  readonly counts: Cluster['counts']
  readonly residentBytesMax: number
  readonly tookMs: number
}

const progressEveryMs = 500

export const missingStage = async ({ network }: StageKind): Promise<string | undefined> =>
  network === 'relay' ? undefined : await missingNamespaces()

export async function runStage(options: StageOptions): Promise<StageResult> {
  await mkdir(options.folder, { recursive: true })
  const network = await createNetwork(options)
  try {
    const isWithoutMounts = !options.hasTools || (await missingMounts()) !== undefined
    if (isWithoutMounts) return await new Stage(options, network, undefined).run()
    const folder = join(options.folder, 'mounts')
    await mkdir(folder, { recursive: true })
    return await Mounts.use(folder, async (mounts) => await new Stage(options, network, mounts).run())
  } finally {
    await network.close()
  }
}

async function createNetwork({ kind, seed }: StageOptions): Promise<Network> {
  const ids = idsOf(kind)
  return kind.network === 'relay' ? await Relay.create(ids, new Chance(seed + 1)) : await Namespaces.create(ids)
}

const idsOf = ({ nodes }: StageKind): readonly number[] => Array.from({ length: nodes }, (_, i) => i + 1)

class Stage {
  readonly #options: StageOptions
  readonly #network: Network
  readonly #mounts: Mounts | undefined
  readonly #problems: string[] = []
  readonly #begun = process.hrtime.bigint()
  #phase = 'starts'

  constructor(options: StageOptions, network: Network, mounts: Mounts | undefined) {
    this.#options = options
    this.#network = network
    this.#mounts = mounts
  }

  async run(): Promise<StageResult> {
    const { kind, folder, clients, seed, ms } = this.#options
    const begun = performance.now()
    const ids = idsOf(kind)
    const small = await this.#smallDisk(ids.at(-1) ?? 1)
    const dirOf = (id: number): string => join(id === small?.id ? small.path : folder, `node-${id}`)
    const cluster = await Cluster.bootstrap({ ids, network: this.#network, folder, dirOf })
    let workload: Workload | undefined
    const timers: NodeJS.Timeout[] = []
    try {
      if (kind.leaseMs !== undefined) await allowLeases(cluster, kind.leaseMs)
      const servers = ids.map((id) => this.#network.known(id).client)
      const load = await Workload.start({ servers, clients, seed, folder, begun: this.#begun })
      workload = load
      const scene: Scene = { cluster, network: this.#network, chance: new Chance(seed), small, folder, hold: (time) => this.#hold(time) }
      const { possible, skipped } = await this.#choose(scene)
      const nemesis = new Nemesis({ scene, workload: load, faults: possible, chance: new Chance(seed + 2), now: () => this.#now() })
      const faultsBegan = performance.now()
      const watch = (): void => this.#watch({ cluster, workload: load, nemesis }, performance.now() - faultsBegan)
      timers.push(setInterval(watch, progressEveryMs))
      this.#phase = 'faults'
      const isGivenUp = (): boolean =>
        this.#options.aborted.aborted || [cluster, load, nemesis].some(({ problems }) => problems.length > 0) || this.#problems.length > 0
      await nemesis.run(performance.now() + ms, isGivenUp)
      const callsEnd = this.#now()
      const levelMs = await this.#settle(cluster, load)
      this.#problems.push(...cluster.problems, ...load.problems, ...nemesis.problems)
      return await this.#judge({ cluster, workload: load, nemesis }, { possible, skipped, levelMs, begun, callsEnd })
    } finally {
      for (const timer of timers) clearInterval(timer)
      await workload?.dispose()
      await cluster.dispose()
    }
  }

  /** All calls end; all nodes are the same, and each is asked for everything; then they stop. */
  async #settle(cluster: Cluster, workload: Workload): Promise<number | undefined> {
    this.#phase = 'settles'
    const begun = performance.now()
    await cluster.revive()
    await this.#tried('the clients could not be stopped', () => workload.stop())
    const apart = await cluster.level(levelWithinMs)
    const levelMs = apart === undefined ? performance.now() - begun : undefined
    if (apart !== undefined) this.#problems.push(apart)
    await this.#tried('not all could be read in the end', () => workload.sweep())
    cluster.sample()
    this.#phase = 'stops'
    await cluster.stop()
    return levelMs
  }

  async #judge(
    { cluster, workload, nemesis }: { cluster: Cluster; workload: Workload; nemesis: Nemesis },
    known: Pick<StageResult, 'possible' | 'skipped' | 'levelMs'> & { readonly begun: number; readonly callsEnd: number },
  ): Promise<StageResult> {
    this.#phase = 'checks'
    const { kind, seed, folder } = this.#options
    const operations = await readHistories(workload.historyFiles)
    const header: HistoryHeader = {
      schema: historySchema,
      machine: 'chaos',
      nodes: kind.nodes,
      seed,
      stage: kind.name,
      clock: 'microseconds',
    }
    await writeHistory(join(folder, 'history.jsonl'), header, operations)
    const accounts = new Map<number, readonly AppliedCommand[]>()
    for (const id of cluster.ids) accounts.set(id, await readApplied(cluster.appliedFile(id)))
    const applied = merged(accounts)
    const history = await checkHistory(operations, applied)
    const logs = await checkLogs(new Map(cluster.ids.map((id) => [id, cluster.dir(id)])), applied)
    const resident = Math.max(cluster.residentBytesMax, workload.residentBytesMax)
    if (resident > residentBytesMax)
      this.#problems.push(`a process took ${resident} bytes of memory, at most ${residentBytesMax} are allowed`)
    const { begun, callsEnd, ...rest } = known
    return {
      ...rest,
      stage: kind.name,
      problems: [...this.#problems, ...history.problems, ...logs.problems],
      happened: nemesis.happened,
      operations,
      checked: history.checked,
      searched: history.searched,
      compared: logs.compared,
      longestGapMs: longestGapMs(operations, callsEnd),
      recoveriesMs: nemesis.recoveriesMs,
      counts: cluster.counts,
      residentBytesMax: resident,
      tookMs: performance.now() - begun,
    }
  }

  async #choose(scene: Scene): Promise<{ readonly possible: readonly Fault[]; readonly skipped: readonly SkippedFault[] }> {
    const { kind, families, hasTools } = this.#options
    const possible: Fault[] = []
    const skipped: SkippedFault[] = []
    for (const fault of faultsOf(kind.nodes)) {
      if (!families.includes(fault.family) || (fault.needs !== undefined && !this.#network.can(fault.needs))) continue
      const reason = hasTools || fault.missing === undefined ? await fault.missing?.(scene) : 'tools of the system are not to be used'
      if (reason === undefined) possible.push(fault)
      else skipped.push({ family: fault.family, name: fault.name, reason })
    }
    return { possible, skipped }
  }

  async #smallDisk(id: number): Promise<Scene['small']> {
    const mounts = this.#mounts
    return mounts === undefined ? undefined : { id, path: await mounts.small('disk'), mounts }
  }

  #watch({ cluster, workload, nemesis }: { cluster: Cluster; workload: Workload; nemesis: Nemesis }, elapsedMs: number): void {
    cluster.sample()
    workload.sample()
    const { calls, answered } = workload
    const { kind } = this.#options
    this.#options.progress({
      stage: kind.name,
      phase: this.#phase,
      elapsedMs,
      faults: nemesis.happened.length,
      calls,
      answered,
      current: nemesis.current,
    })
  }

  async #tried(what: string, attempt: () => Promise<void>): Promise<void> {
    await attempt().catch((thrown: Error) => this.#problems.push(`${what}: ${thrown.message}`))
  }

  #hold(ms: number): Promise<void> {
    const { aborted } = this.#options
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        aborted.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, aborted.aborted ? 0 : ms)
      aborted.addEventListener('abort', end)
    })
  }

  #now(): number {
    return Number((process.hrtime.bigint() - this.#begun) / 1_000n)
  }
}

/** Directories of nodes and what was mounted go; logs and histories stay. */
export async function removeDirectories(folder: string, nodes: number): Promise<void> {
  for (let id = 1; id <= nodes; id++) await rm(join(folder, `node-${id}`), { recursive: true, force: true })
  await rm(join(folder, 'mounts'), { recursive: true, force: true })
}

async function allowLeases(cluster: Cluster, durationMs: number): Promise<void> {
  const admin = await ClusterAdmin.connect({ servers: cluster.ids.map((id) => cluster.network.known(id).client) })
  await admin.setLeaseReads({ durationMs })
  await admin.close()
}

async function readHistories(files: readonly string[]): Promise<readonly Operation[]> {
  const all: Operation[] = []
  for (const file of files) for (const one of linesOf(await readFile(file, 'utf8'), isOperation)) all.push(one)
  return sortedBy(all, ({ invoke }) => invoke)
}

async function writeHistory(path: string, header: HistoryHeader, operations: readonly Operation[]): Promise<void> {
  const file = createWriteStream(path)
  file.write(`${JSON.stringify(header)}\n`)
  for (const operation of operations) if (!file.write(`${JSON.stringify(operation)}\n`)) await once(file, 'drain')
  file.end()
  await once(file, 'close')
}

export function isOperation(value: unknown): value is Operation {
  return typeof value === 'object' && value !== null && 'client' in value && 'op' in value && 'invoke' in value && 'outcome' in value
}
