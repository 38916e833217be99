// One node of the queue:  node server.js <data directory> <peer address> <client address>
import { Server } from 'raftgen/server'
import { queue } from './generated/index.js'
import { handlers } from './handlers.js'

const [dir = 'data/1', peer = '127.0.0.1:7001', client = '127.0.0.1:7101'] = process.argv.slice(2)

const server = await Server.run({
  dir, // identity, log, term, vote; a second process on it fails with STORAGE_LOCKED
  machine: queue(handlers),
  listen: { peer, client },
  insecure: true, // plain TCP, so it says so
  development: true, // the wire format is not frozen yet
})
server.on('role', ({ role, term, leader }) => console.log(`${role} in term ${term}, leader ${leader ?? 'unknown'}`))

process.once('SIGTERM', () => void server.close())
await server.closed // rejects when the node stopped itself: a disk error, or a broken invariant
