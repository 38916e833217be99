// One node:  npm start 1
//
// One of the first members must have been bootstrapped once: `npm run dev` does that, or `npx raftgen bootstrap --help`. Any other id joins
// the running cluster when it is started for the first time:  npm start 4
// So does a member whose disk was lost, when it is told to:  npm start 2 join
import { Server } from 'raftgen/server'
import { addressesOf, clusterId, members } from './cluster.js'
import { RaftgenError, store } from './generated/index.js'
import { handlers } from './handlers.js'

const id = Number(process.argv[2])
if (!Number.isSafeInteger(id) || id < 1) {
  console.error(`which node? ${members.map((member) => member.id).join(', ')}, or a new id, which joins the others: npm start 4`)
  process.exit(2)
}
const listen = addressesOf(id)
const joins = process.argv[3] === 'join' || !members.some((member) => member.id === id)
// Everyone it may ask to be let in. Without effect from then on: its directory says that it is a member.
const join = members.filter((member) => member.id !== id).map((member) => member.client)

const server = await Server.run({
  dir: `data/${id}`, // identity, log, term, vote: everything this node must not lose
  id,
  clusterId,
  ...(joins ? { join } : {}),
  machine: store(handlers),
  listen,
  insecure: true, // plain TCP
  development: true, // the schema may still change; `npx raftgen freeze schema.ts` before you deploy, then remove this
}).catch((error: unknown) => {
  console.error(error instanceof RaftgenError ? `${error.code}: ${error.message}` : error)
  process.exit(1)
})
server.on('role', ({ role, term }) => console.log(`${role} in term ${term}`))
console.log(`node ${id} serves clients on ${listen.client}`)

process.once('SIGINT', () => void server.close())
process.once('SIGTERM', () => void server.close())
// Under `npm run dev`: however that ends, its nodes do not stay behind with their ports and their data.
process.once('disconnect', () => void server.close())
process.channel?.unref()
// When it stops by itself, it has said why. NODE_REMOVED is for good: whatever starts it again should not.
await server.closed.catch(() => process.exit(1))
