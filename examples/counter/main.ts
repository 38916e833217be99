import { rmSync } from 'node:fs'
import { Server } from 'raftgen/server'
import { CounterClient, counter } from './generated/index.js'
import { handlers } from './handlers.js'

const dir = 'data/counter-1'
rmSync(dir, { recursive: true, force: true })
const [peer, client] = ['127.0.0.1:7001', '127.0.0.1:7101']
await Server.bootstrap({ dir, id: 1, clusterId: 'counter', members: [{ id: 1, peer, client }] }) // once, ever
const server = await Server.run({ dir, machine: counter(handlers), listen: { peer, client }, insecure: true, development: true })

const caller = await CounterClient.connect({ servers: [client] })
console.log('added:', await caller.add({ amount: 3 }))
console.log('added:', await caller.add({ amount: 4 }))
console.log('value:', await caller.value())

await caller.close()
await server.close()
