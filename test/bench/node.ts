// One replica of the benchmark and of the tests with processes: node.js <data directory> <peer address> <client address> [options]. `options`
// is JSON: `machine` ('counter', or the store of the benchmark), `watch` (slices of so many milliseconds, of which it tells how its event loop fared), `health` (so often, in
// milliseconds, it tells of its event loop and heap), `members` (its id, and all members: where there are no data yet it begins as one of them), and any other option of `Server.run`. Ends with its parent.
import { existsSync } from 'node:fs'
import { Server } from 'raftgen/server'
import { counter } from '../../examples/counter/generated/index.js'
import { handlers as counterHandlers } from '../../examples/counter/handlers.js'
import { benchKv } from './kv/generated/index.js'
import { handlers } from './kv/handlers.js'
import { watchEventLoop, watchHealth } from './watch.js'

const [dir = '', peer = '', client = '', json = '{}'] = process.argv.slice(2)
interface NodeArguments {
  readonly machine?: string
  readonly watch?: number
  readonly health?: number
  readonly members?: {
    readonly id: number
    readonly all: readonly { readonly id: number; readonly peer: string; readonly client: string }[]
  }
}
const { machine: name, watch, health, members, ...options }: NodeArguments = JSON.parse(json)
const machine = name === 'counter' ? counter(counterHandlers) : benchKv(handlers)
// Before `run`: it may take a while to be let in.
process.once('disconnect', () => process.exit(0))
if (members !== undefined && !existsSync(dir))
  await Server.bootstrap({ dir, id: members.id, clusterId: 'bench', members: [...members.all] })
const server = await Server.run({ dir, machine, listen: { peer, client }, insecure: true, development: true, ...options })
process.once('SIGTERM', () => void server.close().then(() => process.exit(0)))
server.on('role', ({ role, term }) => process.send?.({ role, term }))
/** The parent may have gone meanwhile. */
const tell = (message: object): void => void process.send?.(message, undefined, undefined, () => {})
if (watch !== undefined) watchEventLoop(watch, (note) => tell({ watch: note }))
if (health !== undefined) watchHealth(health, (note) => tell({ health: note }))
server.on('snapshotTaken', ({ tookMs, longestMs }) => {
  const to = Date.now()
  tell({ snapshot: { from: to - tookMs, to, longestMs } })
})
await server.closed
