// The only member of a cluster, until it is ready: lone.js <data directory> <peer address> <client address>. Prints what it has reached, and after how
// many milliseconds, a line each.
import { Server } from 'raftgen/server'
import { benchKv } from '../kv/generated/index.js'
import { handlers } from '../kv/handlers.js'

const reached: string[] = []
const note = (what: string): void => void reached.push(`${what} ${performance.now()}`)

note('loaded')
const [dir = '', peer = '', client = ''] = process.argv.slice(2)
const server = await Server.run({ dir, machine: benchKv(handlers), listen: { peer, client }, insecure: true, development: true })
note('runs')
await server.ready()
note('ready')
process.stdout.write(`${reached.join('\n')}\n`)
await server.close()
