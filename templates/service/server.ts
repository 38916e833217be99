// One node:  node dist/server.js 1
// It must have been bootstrapped once: `npm run dev` does that, or `npx raftgen bootstrap --help`.
import { Server } from 'raftgen/server'
import { members } from './cluster.js'
import { store } from './generated/index.js'
import { handlers } from './handlers.js'

const id = Number(process.argv[2])
const self = members.find((member) => member.id === id)
if (self === undefined) {
  console.error(`which node? one of ${members.map((member) => member.id).join(', ')}: node dist/server.js 1`)
  process.exit(2)
}

const server = await Server.run({
  dir: `data/${id}`, // identity, log, term, vote: everything this node must not lose
  machine: store(handlers),
  listen: { peer: self.peer, client: self.client },
  insecure: true, // plain TCP
  development: true, // the schema may still change; `npx raftgen freeze schema.ts` before you deploy, then remove this
})
server.on('role', ({ role, term }) => console.log(`${role} in term ${term}`))
console.log(`node ${id} serves clients on ${self.client}`)

process.once('SIGINT', () => void server.close())
process.once('SIGTERM', () => void server.close())
await server.closed
