// What a user of the service writes. Start the nodes with `npm run dev`, then in another terminal `npm run demo`.
import { members } from './cluster.js'
import { StoreClient } from './generated/index.js'

const client = await StoreClient.connect({ servers: members.map((member) => member.client) })

const put = await client.put({ key: 'greeting', value: `hello from process ${process.pid}` })
if (!put.ok) throw new Error(`someone else changed it: version ${put.error.version}`)
console.log(`put: version ${put.value.version}`)

console.log('get:', await client.get({ key: 'greeting' }))

// Two writers who both read version N: only one of them wins, the other is told.
const { version } = put.value
const [first, second] = await Promise.all([
  client.put({ key: 'greeting', value: 'first', expectedVersion: version }),
  client.put({ key: 'greeting', value: 'second', expectedVersion: version }),
])
console.log('first writer: ', first.ok ? 'won' : `lost to version ${first.error.version}`)
console.log('second writer:', second.ok ? 'won' : `lost to version ${second.error.version}`)

await client.close()
