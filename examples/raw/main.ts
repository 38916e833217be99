// The runtime without the generator: bytes in, bytes out. One node, for brevity; `npx raftgen init` shows three.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'raftgen/client'
import { Server, type StateMachine } from 'raftgen/server'

/** A replicated list of lines: a command appends one and answers with its number, a query answers with all. */
function lines(): StateMachine {
  let all: string[] = []
  const [text, bytes] = [new TextDecoder(), new TextEncoder()]
  return {
    name: 'lines',
    version: 1,
    wire: 'utf8',
    check: (command) => (command.length > 80 ? `a line has at most 80 bytes, not ${command.length}` : undefined),
    apply: (command) => bytes.encode(String(all.push(text.decode(command)))),
    query: () => bytes.encode(all.join('\n')),
    snapshot: () => bytes.encode(JSON.stringify(all)),
    restoreSnapshot: (snapshot) => {
      all = JSON.parse(text.decode(snapshot))
    },
  }
}

const dir = join(await mkdtemp(join(tmpdir(), 'raftgen-raw-')), '1')
const [peer, client] = ['127.0.0.1:7481', '127.0.0.1:7482']
await Server.bootstrap({ dir, id: 1, clusterId: 'raw', members: [{ id: 1, peer, client }] })
const server = await Server.run({ dir, machine: lines(), listen: { peer, client }, insecure: true })

const caller = await Client.connect({ servers: [client] })
for (const line of ['first', 'second']) {
  const { index, reply } = await caller.propose(new TextEncoder().encode(line))
  console.log(`line ${new TextDecoder().decode(reply)} is entry ${index} of the log`)
}
console.log(new TextDecoder().decode((await caller.query(new Uint8Array())).reply))

await caller.close()
await server.close()
await rm(join(dir, '..'), { recursive: true })
