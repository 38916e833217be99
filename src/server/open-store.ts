// What a node keeps on its disk: opened and verified before it runs, closed after it.
import type { LogBase } from '../core/index.ts'
import { RaftgenError } from '../errors.ts'
import { knownVersions } from '../machine/evolution.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { Recovered } from '../node/options.ts'
import { recover } from '../node/recover.ts'
import type { Done, Identity, Log } from '../ports/log.ts'
import type { PeerDisks } from '../ports/peer-disks.ts'
import type { Snapshots } from '../ports/snapshots.ts'
import { keepSchema, LevelLog, openSnapshotDir, PeersFile, together } from '../storage/index.ts'
import { HaltNote } from './halt-note.ts'
import { joinCluster } from './join.ts'
import type { CommonOptions, Logger, OwnDir, ServerOptions } from './options.ts'
import { SpaceWatch, type SpaceWatchOptions, withReserve } from './space-watch.ts'

export interface Store {
  readonly log: Log
  readonly identity: Identity
  readonly snapshots: Snapshots | undefined
  /** What it remembers of its peers; none where it has a log of its host's. */
  readonly disks: PeerDisks | undefined
  /** None where it has a log of its host's. */
  readonly halt: HaltNote | undefined
  /** None where it has a log of its host's. */
  readonly space: SpaceWatch | undefined
}

export interface StoreSettings {
  readonly logger: Logger
  readonly reserveBytes: number
  /** For tests. */
  readonly watch?: Partial<SpaceWatchOptions>
}

/** Of checked options. Joins where there is no node yet. Throws what is wrong; nothing is left open then. */
export async function openStore(options: ServerOptions, settings: StoreSettings): Promise<Store> {
  if ('log' in options && options.log !== undefined)
    return {
      log: options.log,
      identity: options.identity,
      snapshots: options.snapshots,
      disks: undefined,
      halt: undefined,
      space: undefined,
    }
  if (!('dir' in options)) throw new RaftgenError('BAD_OPTIONS', 'dir is missing')
  return await withReserve(options.dir, settings.logger, () => openDir(options, settings))
}

async function openDir(options: CommonOptions & OwnDir, { logger, reserveBytes, watch }: StoreSettings): Promise<Store> {
  const log = await openOrJoin(options, logger)
  try {
    tellDamage(log, logger)
    checkListen(options, log)
    const [disks, halt, snapshots] = await together([
      openPeers(options.dir),
      HaltNote.open(options.dir, logger),
      openSnapshotDir(options.dir, { onDamage: (_, error) => logger.warn(error.message) }),
      noteSchema(options, logger),
    ])
    return {
      log,
      identity: log.identity,
      disks,
      halt,
      snapshots,
      space: new SpaceWatch({ dir: options.dir, reserveBytes, logger, ...watch }),
    }
  } catch (error) {
    await closing(log).catch((late: Error) => logger.warn(notClosed(log.identity, late)))
    throw error
  }
}

/** The log last: whatever the others have under way ends before another process can have the directory. */
export async function closeStore({ log, snapshots, disks, halt, space }: Omit<Store, 'identity'>): Promise<void> {
  try {
    await space?.close()
    await halt?.close()
    if (disks !== undefined) await closing(disks)
    if (snapshots !== undefined) await closing(snapshots)
  } finally {
    await closing(log)
  }
}

export const notClosed = ({ nodeId }: Identity, error: Error): string => `the log of node ${nodeId} could not be closed: ${error.message}`

/** The state, from the newest snapshot that can be used; or none, when it has to come from the peers. */
export async function recoverState({ log, identity, snapshots }: Store, machine: StateMachine, logger: Logger): Promise<Recovered> {
  const node = `node ${identity.nodeId}`
  const [newest] = snapshots?.list ?? []
  if (newest !== undefined) logger.info(`${node} restores its state from a snapshot of entry ${newest.id.index}, ${newest.bytes} bytes`)
  const unusable = (index: number, error: Error): void =>
    logger.warn(`${node} cannot use its snapshot of entry ${index} and tries an older one: ${error.message}`)
  const { summary } = log
  const recovered = await new Promise<Recovered>((resolve, reject) => {
    const options = { id: identity.nodeId, machine, log: summary, snapshots, unusable }
    recover(options, (error, state) => (state === undefined ? reject(error) : resolve(state)))
  })
  if (recovered.hasState) return recovered
  const { base } = summary
  if (snapshots === undefined) {
    const what = `the log of ${node} begins after entry ${base.id.index}, and without snapshots nothing tells the state there: give the option snapshots`
    throw new RaftgenError('BAD_OPTIONS', what)
  }
  // A new member has none yet: that is how it begins.
  if (base.conf.voters.length === 0) logger.info(`${node} has no state yet and fetches a snapshot from its peers`)
  else logger.warn(`${node} has no whole snapshot of entry ${base.id.index}, after which its log begins, and fetches one from its peers`)
  return recovered
}

async function openOrJoin(options: CommonOptions & OwnDir, logger: Logger): Promise<LevelLog> {
  try {
    return await openLog(options, logger)
  } catch (error) {
    if (!(error instanceof RaftgenError) || error.code !== 'DATA_DIR_EMPTY') throw error
    if (options.join === undefined) throw error
  }
  await joinCluster(options, logger)
  return await openLog(options, logger)
}

async function openPeers(dir: string): Promise<PeerDisks> {
  return await PeersFile.open(dir).catch((cause: unknown) => {
    if (cause instanceof RaftgenError) throw cause
    throw new RaftgenError('STORAGE_FAILED', `cannot open ${dir}: ${String(cause)}. Mend that, then start the node again`, { cause })
  })
}

/** For who looks into the directory, or has nothing but that. The node goes on without it. */
async function noteSchema({ dir, machine: { name, schema } }: CommonOptions & OwnDir, logger: Logger): Promise<void> {
  if (schema === undefined || schema.length === 0) return
  try {
    const damage = await keepSchema(dir, { machine: name, versions: schema })
    if (damage !== undefined) logger.warn(`${damage.place}: ${damage.what}; it is written anew, without the versions that only it had`)
  } catch (error) {
    logger.warn(`the schema of ${name} could not be noted in ${dir}, so its log says less to who looks into it: ${String(error)}`)
  }
}

function openLog({ dir, id, clusterId, machine }: CommonOptions & OwnDir, logger: Logger): Promise<LevelLog> {
  return LevelLog.open(dir, {
    expect: { ...(id === undefined ? {} : { nodeId: id }), ...(clusterId === undefined ? {} : { clusterId }) },
    machine: { name: machine.name, version: machine.version, wire: machine.wire, versions: knownVersions(machine) },
    onProgress: (index) => logger.info(`verifying the log of ${dir}: entry ${index}`),
    snapshotBase: () => newestBase(dir),
  })
}

/** Where a log may begin anew that has lost its beginning: its snapshots are opened again afterwards. */
async function newestBase(dir: string): Promise<LogBase | undefined> {
  const snapshots = await openSnapshotDir(dir)
  const [newest] = snapshots.list
  await closing(snapshots)
  return newest && { id: newest.id, conf: newest.conf }
}

/** What was found damaged, and what the node does about it. */
function tellDamage({ findings, identity, summary }: LevelLog, logger: Logger): void {
  for (const { place, what } of findings) logger.warn(`${place}: ${what}`)
  const { fence, lastIndex } = summary
  if (fence === undefined) return
  const node = `node ${identity.nodeId}`
  const until = `It fetches what is missing from its peers; until it has it, it does not lead, and votes for none that has less`
  if (fence.floor === undefined) {
    logger.error(
      `${node} cannot tell what its log held after entry ${lastIndex}. It follows, and neither votes nor leads: ` +
        'stop it, move its directory away, and start it on an empty one with `join`, under the same id',
    )
  } else logger.warn(`${node} has lost what its log held after entry ${lastIndex}, up to entry ${fence.floor.index}. ${until}`)
}

/** The directory of one node under the address of another: one of the two is a mistake. */
function checkListen({ dir, listen }: CommonOptions & OwnDir, { identity: { nodeId }, summary }: LevelLog): void {
  const { members } = summary.confs.at(-1)?.conf ?? summary.base.conf
  const other = members.find((member) => member.id !== nodeId && member.peer === listen.peer)
  if (other === undefined) return
  throw new RaftgenError(
    'DATA_DIR_FOREIGN',
    `${dir} belongs to node ${nodeId}, but ${listen.peer} is where node ${other.id} listens. Correct dir or listen`,
  )
}

const closing = (store: { close(done: Done): void }): Promise<void> =>
  new Promise((resolve, reject) => store.close((error) => (error === undefined ? resolve() : reject(error))))
