// One replica of the benchmark: node.js <data directory> <peer address> <client address>. Ends with its parent.
import { Server } from 'raftgen/server'
import { benchKv } from './kv/generated/index.js'
import { handlers } from './kv/handlers.js'

const [dir = '', peer = '', client = ''] = process.argv.slice(2)
const server = await Server.run({ dir, machine: benchKv(handlers), listen: { peer, client }, insecure: true, development: true })
process.once('disconnect', () => process.exit(0))
process.once('SIGTERM', () => void server.close().then(() => process.exit(0)))
await server.closed
