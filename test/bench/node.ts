// One replica of the benchmark and of the tests with processes: node.js <data directory> <peer address> <client address> [options]. `options`
// is JSON: `machine` ('counter', or the store of the benchmark), and any other option of `Server.run`. Ends with its parent.
import { Server } from 'raftgen/server'
import { counter } from '../../examples/counter/generated/index.js'
import { handlers as counterHandlers } from '../../examples/counter/handlers.js'
import { benchKv } from './kv/generated/index.js'
import { handlers } from './kv/handlers.js'

const [dir = '', peer = '', client = '', json = '{}'] = process.argv.slice(2)
const { machine: name, ...options }: { readonly machine?: string } = JSON.parse(json)
const machine = name === 'counter' ? counter(counterHandlers) : benchKv(handlers)
// Before `run`: it may take a while to be let in.
process.once('disconnect', () => process.exit(0))
const server = await Server.run({ dir, machine, listen: { peer, client }, insecure: true, development: true, ...options })
process.once('SIGTERM', () => void server.close().then(() => process.exit(0)))
server.on('role', ({ role, term }) => process.send?.({ role, term }))
await server.closed
