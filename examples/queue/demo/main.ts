// `npm run demo:queue`: three replicas, producers, workers that are not all reliable, leaders that are killed and paused. The exit code is 0 only if
// every job that was accepted was finished once, and none was held by two.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { bootstrap, findLeader, pauseWhile, type Replica, start, stop, waitForStatus } from '../../demo/cluster.js'
import { runDemo } from '../../demo/run.js'
import { QueueClient } from '../generated/index.js'
import { Account } from './account.js'
import { type Place, produce, work } from './callers.js'

const producers = 4
const workers = 8
const inFlightPerWorker = 4
const jobCount = Number(process.argv[2] ?? 2_000)
const queueName = 'demo'
const forMs = 1_500
/** A job that somebody holds comes back within `forMs` of log time, and those that are delayed are due long before. */
const quietMs = 3 * forMs

const say = (text: string) => console.log(text)
const row = (name: string, value: string | number) => say(`${name.padEnd(26)}${value}`)

const root = await mkdtemp(join(tmpdir(), 'raftgen-queue-'))
const serverFile = fileURLToPath(new URL('../server.js', import.meta.url))
const replicas = await bootstrap(root, { count: 3, clusterId: 'queue-demo', serverFile })
const account = new Account()

let producersLeft = producers
/** Since when takes give nothing. No query is asked meanwhile (account.ts says why). */
let nothingSince: number | undefined

function answered(found: 'job' | 'nothing'): void {
  nothingSince = found === 'job' ? undefined : (nothingSince ?? performance.now())
}
const isQuiet = (): boolean => nothingSince !== undefined && performance.now() - nothingSince > quietMs
const isOver = (): boolean => producersLeft === 0 && (account.ended === jobCount || isQuiet())
const place: Place = { queue: queueName, account, forMs, isOver, answered }

const atPart = async (part: number): Promise<void> => {
  while (account.ended < jobCount * part && !isOver()) await pause(1)
}
const named = ({ id, process }: Replica): string => `replica ${id}, the leader (pid ${process?.pid}), after ${account.ended} jobs`

async function killLeader(): Promise<void> {
  const leader = await findLeader(replicas)
  say(`killing ${named(leader)}`)
  await stop(leader, 'SIGKILL')
  const next = await findLeader(replicas)
  say(`replica ${next.id} leads; restarting replica ${leader.id}`)
  start(leader)
}

async function pauseLeader(): Promise<void> {
  const leader = await findLeader(replicas)
  say(`pausing ${named(leader)}`)
  const others = replicas.filter((replica) => replica !== leader)
  await pauseWhile(leader, async () => {
    const next = await findLeader(others)
    say(`replica ${next.id} leads; replica ${leader.id} goes on`)
  })
}

async function disturb(): Promise<void> {
  await atPart(0.25)
  await killLeader()
  await atPart(0.5)
  await pauseLeader()
  await atPart(0.75)
  await killLeader()
}

async function produceAll(clients: readonly QueueClient[]): Promise<void> {
  let count = 0
  const next = () => (count < jobCount ? ++count : undefined)
  await Promise.all(clients.map((client) => produce(client, place, next).finally(() => producersLeft--)))
}

async function main(): Promise<boolean> {
  say(`starting 3 replicas in ${root}`)
  for (const replica of replicas) start(replica)
  await waitForStatus(replicas, { what: 'a leader', timeoutMs: 10_000 }, (all) => all.some(({ role }) => role === 'leader'))
  const servers = replicas.map(({ client }) => client)
  const connect = (count: number) => Promise.all(Array.from({ length: count }, () => QueueClient.connect({ servers, timeoutMs: 15_000 })))
  const [forProducers, forWorkers] = [await connect(producers), await connect(workers)]
  say(`${producers} producers, ${workers * inFlightPerWorker} workers, ${jobCount} jobs, each taken for ${forMs} ms`)
  const working = forWorkers.flatMap((client) => Array.from({ length: inFlightPerWorker }, () => work(client, place)))
  await Promise.all([produceAll(forProducers), ...working, disturb()])

  const [reader] = forProducers
  if (reader === undefined) throw new Error('no client')
  const { lost, twice, together, ...counts } = await account.compare(reader, queueName)
  await Promise.all([...forProducers, ...forWorkers].map((client) => client.close()))
  const statuses = await waitForStatus(
    replicas,
    { what: 'all replicas at the same index', timeoutMs: 10_000, digest: true },
    (all) => all.length === 3 && new Set(all.map(({ lastApplied }) => lastApplied)).size === 1,
  )
  const identical = new Set(statuses.map(({ digest }) => digest)).size === 1
  say('')
  row('jobs enqueued', counts.enqueued)
  row('  finished', counts.finished)
  row('  dead, as they must', counts.dead)
  row('taken', counts.taken)
  row('  given back', counts.givenBack)
  row('  refused, being too late', counts.refused)
  row('outcome unknown', counts.unknown)
  row('lost', lost.length)
  row('finished twice', twice.length)
  row('held by two', together.length)
  row('replicas identical', identical ? `yes (at index ${statuses[0]?.lastApplied})` : 'NO')
  const wrong = [...lost, ...twice, ...together]
  for (const line of wrong.slice(0, 10)) say(`  ${line}`)
  return counts.enqueued === jobCount && wrong.length === 0 && identical
}

await runDemo({ replicas, root }, main)
