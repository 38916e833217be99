// `npm run demo:bank`: three replicas, callers that move money about, and a leader that is killed in the middle. The exit code is 0 only if
// the books are right.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RaftgenError } from 'raftgen'
import { bootstrap, findLeader, start, stop, waitForStatus } from '../../demo/cluster.js'
import { runDemo } from '../../demo/run.js'
import { BankClient, type Transfer } from '../generated/index.js'
import { Account } from './account.js'

const callers = 8
const inFlightPerCaller = 4
const commandCount = Number(process.argv[2] ?? 2_000)
const customers = Array.from({ length: 40 }, (_, i) => `customer/${i + 1}`)
const everything = 1_000_000

const say = (text: string) => console.log(text)
const row = (name: string, value: string | number) => say(`${name.padEnd(26)}${value}`)

const root = await mkdtemp(join(tmpdir(), 'raftgen-bank-'))
const serverFile = fileURLToPath(new URL('../server.js', import.meta.url))
const replicas = await bootstrap(root, { count: 3, clusterId: 'bank-demo', serverFile })
const account = new Account()

const any = (names: readonly string[]): string => names[Math.floor(Math.random() * names.length)] ?? 'vault'

/** One to four transfers that belong together; one in twenty goes to an account that is not there, after the others have moved money. */
function someTransfers(command: number): readonly Transfer[] {
  const count = 1 + Math.floor(Math.random() * 4)
  return Array.from({ length: count }, (_, i) => {
    const isLost = i === count - 1 && Math.random() < 0.05
    const from = Math.random() < 0.3 ? 'vault' : any(customers)
    return { order: `${command}.${i + 1}`, from, to: isLost ? 'nobody' : any(customers), amount: 1 + Math.floor(Math.random() * 500) }
  })
}
const groups = Array.from({ length: commandCount }, (_, i) => someTransfers(i + 1))
const transferCount = groups.flat().length

async function settle(client: BankClient, transfers: readonly Transfer[]): Promise<void> {
  try {
    const { ok } = await client.settle({ transfers })
    account.note(ok ? 'carriedOut' : 'refused', transfers)
  } catch (error) {
    if (!(error instanceof RaftgenError) || error.outcome !== 'unknown') throw error
    account.note('unknown', transfers)
  }
}

/** Takes from the common input until nothing is left. */
async function work(client: BankClient, next: () => readonly Transfer[] | undefined): Promise<void> {
  for (let transfers = next(); transfers !== undefined; transfers = next()) await settle(client, transfers)
}

async function killLeaderInTheMiddle(): Promise<void> {
  while (account.answered < transferCount / 2) await new Promise((resolve) => setTimeout(resolve, 1))
  const leader = await findLeader(replicas)
  say(`killing replica ${leader.id}, the leader (pid ${leader.process?.pid}), after ${account.answered} transfers`)
  await stop(leader, 'SIGKILL')
  const next = await findLeader(replicas)
  say(`replica ${next.id} leads; restarting replica ${leader.id}`)
  start(leader)
}

async function main(): Promise<boolean> {
  say(`starting 3 replicas in ${root}`)
  for (const replica of replicas) start(replica)
  await waitForStatus(replicas, { what: 'a leader', timeoutMs: 10_000 }, (all) => all.some(({ role }) => role === 'leader'))
  const servers = replicas.map(({ client }) => client)
  const first = await BankClient.connect({ servers, timeoutMs: 15_000 })
  const others = await Promise.all(Array.from({ length: callers - 1 }, () => BankClient.connect({ servers, timeoutMs: 15_000 })))
  const clients = [first, ...others]
  await Promise.all(customers.map((name) => first.open({ name, owner: 'customer' })))

  const input = groups[Symbol.iterator]()
  const next = () => input.next().value
  say(`${callers} clients, ${inFlightPerCaller} calls in flight each, ${transferCount} transfers in ${groups.length} commands`)
  const workers = clients.flatMap((client) => Array.from({ length: inFlightPerCaller }, () => work(client, next)))
  await Promise.all([...workers, killLeaderInTheMiddle()])

  const statuses = await waitForStatus(
    replicas,
    { what: 'all replicas at the same index', timeoutMs: 10_000, digest: true },
    (all) => all.length === 3 && new Set(all.map(({ lastApplied }) => lastApplied)).size === 1,
  )
  const { carriedOut, refused, unknown, wrong } = await account.compare(first, everything, groups)
  await Promise.all(clients.map((client) => client.close()))

  const identical = new Set(statuses.map(({ digest }) => digest)).size === 1
  say('')
  row('transfers carried out', carriedOut)
  row('  refused', refused)
  row('outcome unknown', unknown)
  row('wrong in the books', wrong.length)
  row('replicas identical', identical ? `yes (at index ${statuses[0]?.lastApplied})` : 'NO')
  for (const line of wrong.slice(0, 10)) say(`  ${line}`)
  return account.answered === transferCount && wrong.length === 0 && identical
}

await runDemo({ replicas, root }, main)
