// All three nodes in one terminal:  npm run dev
// Kill one (the process ids are printed) and call again: the others carry on. Bring it back with `npm start 1`.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Server } from 'raftgen/server'
import { clusterId, members } from './cluster.js'

// All of them, or none: a node that was bootstrapped again would have forgotten what it had voted and acknowledged.
const dirs = members.map(({ id }) => ({ id, dir: `data/${id}` }))
const lost = dirs.filter(({ dir }) => !existsSync(dir))
if (lost.length > 0 && lost.length < dirs.length) {
  for (const { id, dir } of lost) {
    console.error(`${dir} is missing, though this cluster was started before. Start the other nodes with \`npm start <id>\`, then \`npm start ${id} join\`.`)
  }
  console.error('Or remove data/ altogether, and with it all that the cluster has stored, to begin anew.')
  process.exit(1)
}
for (const { id, dir } of lost) await Server.bootstrap({ dir, id, clusterId, members })

const nodes = members.map(({ id }) => {
  const node = spawn(process.execPath, ['dist/server.js', String(id)], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  console.log(`${id} | process ${node.pid}`)
  for (const stream of [node.stdout, node.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on('line', (line) => console.log(`${id} | ${line}`))
  }
  node.once('close', (code, signal) => console.log(`${id} | ended (${signal ?? code}); in another terminal: npm start ${id}`))
  return node
})

const stop = () => {
  for (const node of nodes) {
    node.removeAllListeners('close')
    node.kill('SIGTERM')
  }
}
process.once('SIGINT', stop)
process.once('SIGTERM', stop)
