// `npm run demo`: three replicas, several callers, and a leader that is killed in the middle. The exit code is 0 only if nothing was lost.
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RaftgenError } from 'raftgen'
import { bootstrap, findLeader, start, stop, waitForStatus } from '../../demo/cluster.js'
import { runDemo } from '../../demo/run.js'
import { LocksClient } from '../generated/index.js'
import { type Command, Ledger, parseCommands } from './ledger.js'

const callers = 8
const inFlightPerCaller = 8
const inputFile = join('examples', 'locks', 'demo', 'input.txt')

const say = (text: string) => console.log(text)
const row = (name: string, value: string | number) => say(`${name.padEnd(26)}${value}`)

const commands = parseCommands(await readFile(process.argv[2] ?? inputFile, 'utf8'))
const root = await mkdtemp(join(tmpdir(), 'raftgen-demo-'))
const serverFile = fileURLToPath(new URL('../server.js', import.meta.url))
const replicas = await bootstrap(root, { count: 3, clusterId: 'locks-demo', serverFile })
const ledger = new Ledger()

/** Time without a leader as callers see it: the longest pause between two answers, from the kill on. */
let lastAnswerAt: number | undefined
let longestPauseMs = 0

function answered(): void {
  if (lastAnswerAt === undefined) return
  const now = performance.now()
  longestPauseMs = Math.max(longestPauseMs, now - lastAnswerAt)
  lastAnswerAt = now
}

async function call(client: LocksClient, command: Command): Promise<void> {
  try {
    if (command.kind === 'acquire') {
      const result = await client.acquire({ name: command.name, owner: command.owner, ttlMs: command.ttlMs })
      ledger.acknowledge(command, result.ok ? result.value : undefined, !result.ok)
    } else {
      const result = await client.release({ name: command.name, owner: command.owner })
      ledger.acknowledge(command, undefined, !result.ok)
    }
    answered()
  } catch (error) {
    if (!(error instanceof RaftgenError) || error.outcome !== 'unknown') throw error
    ledger.outcomeUnknown()
  }
}

/** Takes lines from the common input until none is left. */
async function work(client: LocksClient, next: () => Command | undefined): Promise<void> {
  for (let command = next(); command !== undefined; command = next()) await call(client, command)
}

async function killLeaderInTheMiddle(): Promise<void> {
  while (ledger.acknowledged < commands.length / 2) await new Promise((resolve) => setTimeout(resolve, 1))
  const leader = await findLeader(replicas)
  say(`killing replica ${leader.id}, the leader (pid ${leader.process?.pid}), after ${ledger.acknowledged} acknowledged commands`)
  lastAnswerAt = performance.now()
  await stop(leader, 'SIGKILL')
  // Answers that were on their way still arrive: the next leader serves once one comes after it is known.
  const next = await findLeader(replicas)
  const before = ledger.acknowledged
  while (ledger.acknowledged === before && ledger.answered < commands.length) await new Promise((resolve) => setTimeout(resolve, 1))
  say(`replica ${next.id} leads; restarting replica ${leader.id}`)
  start(leader)
}

async function main(): Promise<boolean> {
  say(`starting 3 replicas in ${root}`)
  for (const replica of replicas) start(replica)
  await waitForStatus(replicas, { what: 'a leader', timeoutMs: 10_000 }, (all) => all.some(({ role }) => role === 'leader'))

  const servers = replicas.map(({ client }) => client)
  const clients = await Promise.all(Array.from({ length: callers }, () => LocksClient.connect({ servers, timeoutMs: 15_000 })))
  const lines = commands[Symbol.iterator]()
  const next = () => lines.next().value
  say(`${callers} clients, ${inFlightPerCaller} calls in flight each, ${commands.length} commands`)
  const work_ = clients.flatMap((client) => Array.from({ length: inFlightPerCaller }, () => work(client, next)))
  await Promise.all([...work_, killLeaderInTheMiddle()])

  const statuses = await waitForStatus(
    replicas,
    { what: 'all replicas at the same index', timeoutMs: 10_000, digest: true },
    (all) => all.length === 3 && new Set(all.map(({ lastApplied }) => lastApplied)).size === 1,
  )
  const [first = clients[0]] = clients
  if (first === undefined) throw new Error('no client')
  const verdict = await ledger.compare(first)
  await Promise.all(clients.map((client) => client.close()))

  const identical = new Set(statuses.map(({ digest }) => digest)).size === 1
  say('')
  row('commands acknowledged', verdict.acknowledged)
  row('  refused by the handlers', verdict.refused)
  row('outcome unknown', verdict.unknown)
  row('lost', verdict.lost.length)
  row('applied twice', verdict.appliedTwice.length)
  row('time without a leader', `${(longestPauseMs / 1_000).toFixed(2)} s`)
  row('replicas identical', identical ? `yes (at index ${statuses[0]?.lastApplied})` : 'NO')
  for (const line of [...verdict.lost, ...verdict.appliedTwice].slice(0, 10)) say(`  ${line}`)
  const complete = verdict.acknowledged + verdict.unknown === commands.length
  return complete && verdict.lost.length === 0 && verdict.appliedTwice.length === 0 && identical
}

await runDemo({ replicas, root }, main)
