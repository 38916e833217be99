// One node of the lock service, a version later:  node server.js <data directory> <peer address> <client address>
// It opens what a node of `examples/locks` has left, and goes on as that until every node runs this build.
import { Server } from 'raftgen/server'
import { locks } from './generated/index.js'
import { handlers } from './handlers.js'
import { handlers as v1 } from './handlers.v1.js'

const [dir = 'data/1', peer = '127.0.0.1:7001', client = '127.0.0.1:7101'] = process.argv.slice(2)

const server = await Server.run({
  dir,
  machine: locks(handlers, { v1 }),
  listen: { peer, client },
  insecure: true,
  activation: process.env['ACTIVATION'] === 'byOperator' ? 'byOperator' : 'automatic',
})
server.on('role', ({ role, term, leader }) => console.log(`${role} in term ${term}, leader ${leader ?? 'unknown'}`))

process.once('SIGTERM', () => void server.close())
await server.closed
