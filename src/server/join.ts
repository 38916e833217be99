// How an empty directory becomes the one of a new member.
import { noConf } from '../core/index.ts'
import { RaftgenError } from '../errors.ts'
import { vacateDir } from '../storage/data-dir.ts'
import { LevelLog } from '../storage/index.ts'
import { requestJoin } from '../transport/index.ts'
import type { CommonOptions, Logger, OwnDir } from './options.ts'

/** A cluster without a leader, or in the middle of another change, has one again or has ended it well before. */
const joinTimeoutMs = 60_000

export type JoinOptions = Pick<CommonOptions, 'listen' | 'machine'> & OwnDir

/**
 * Asks to be let in, then makes the directory, whose log knows the members and nothing else: it has no voters, so it takes no entries and votes
 * for nobody until a snapshot has told it more. A crash in between costs an incarnation: the next start asks again.
 *
 * The directory is made ready first, so that a node that could not use it is not let in over and over.
 */
export async function joinCluster(options: JoinOptions, logger: Logger, request: typeof requestJoin = requestJoin): Promise<void> {
  const { dir, id, clusterId, join: servers = [], voter, listen, advertise = listen, machine } = options
  if (id === undefined) throw new RaftgenError('BAD_OPTIONS', 'id is missing')
  await vacateDir(dir)
  logger.info(`node ${id} asks ${servers.join(', ')} to be let into the cluster`)
  const joined = await request({
    servers,
    machine: { name: machine.name, version: machine.version, wire: machine.wire },
    clusterId,
    id,
    peer: advertise.peer,
    client: advertise.client,
    voter,
    timeoutMs: joinTimeoutMs,
    onWait: (why) => logger.warn(`node ${id} waits to be let into the cluster: ${why}`),
  })
  const { members, removed, leaseMs } = joined.conf
  const identity = { clusterId: joined.clusterId, nodeId: id, incarnation: joined.incarnation }
  await LevelLog.bootstrap({ dir, identity, conf: { ...noConf, members, removed, leaseMs } })
  const role = joined.conf.joining.includes(id) ? 'votes as soon as it has caught up' : 'does not vote'
  logger.info(`node ${id} (incarnation ${identity.incarnation}) is a member of cluster ${identity.clusterId}, and ${role}`)
}
