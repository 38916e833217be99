// One replica in a process of its own: replica.js '<options of Server.run as JSON>'. Tells its parent what happens, and ends with it: code 0 when
// it was told to, 1 when it was refused or has stopped itself, after it has said why.
import { RaftgenError, Server } from 'raftgen/server'
import { ledger } from './ledger.js'

const tell = (report: object): void => void process.send?.(report)
const say = (message: string): void => tell({ kind: 'said', message })
const end = (kind: 'refused' | 'stopped', thrown: unknown): void => {
  // Anything else is a crash: it ends the process as it would end any other.
  if (!(thrown instanceof RaftgenError)) throw thrown
  process.exitCode = 1
  process.send?.({ kind, code: thrown.code, message: thrown.message }, () => process.exit(1))
}

process.once('disconnect', () => process.exit(0))
tell({ kind: 'pid', pid: process.pid })
const options = JSON.parse(process.argv[2] ?? '{}')
const logger = { info: () => {}, warn: say, error: say }
const server = await Server.run({ ...options, machine: ledger(), insecure: true, logger }).catch((thrown: unknown) =>
  end('refused', thrown),
)
if (server !== undefined) {
  tell({ kind: 'running' })
  await server.closed.catch((thrown: unknown) => end('stopped', thrown))
}
