// One replica in a process of its own: node.js '<NodeSettings as JSON>'. Tells its parent what happens, and ends with it.
import { RaftgenError, Server } from 'raftgen/server'
import { chaos } from '../machine/generated/index.js'
import { handlers } from '../machine/handlers.js'
import { LineFile } from './line-file.js'
import type { NodeReport, NodeSettings } from './orders.js'

/** The parent may have gone meanwhile. */
const tell = (report: NodeReport, then: () => void = () => {}): void => void process.send?.(report, undefined, undefined, then)

/** A replica that stops itself says why; anything else is a crash, and ends the process as it would end any other. */
function end(thrown: unknown): void {
  if (!(thrown instanceof RaftgenError)) throw thrown
  tell({ kind: 'ended', code: thrown.code, message: thrown.message }, () => process.exit(1))
}

const { appliedFile, ...options }: NodeSettings = JSON.parse(process.argv[2] ?? '{}')
const applied = new LineFile(appliedFile)
/** A snapshot takes some turns of the event loop to become durable: what it stands for is in the file by then. */
const note = (index: number, command: string, input: object): void => applied.add(JSON.stringify({ index, command, input }))
const machine = chaos({
  ...handlers,
  append: (state, input, ctx) => {
    note(ctx.index, 'append', input)
    return handlers.append(state, input, ctx)
  },
  cas: (state, input, ctx) => {
    note(ctx.index, 'cas', input)
    return handlers.cas(state, input, ctx)
  },
})

process.once('disconnect', () => process.exit(0))
const say = (level: 'warn' | 'error') => (message: string) => tell({ kind: 'said', level, message })
/** That a snapshot of another node is this one's state now is no event, but it is said. */
const info = (message: string): void => {
  if (message.includes(' goes on from the snapshot of entry ')) tell({ kind: 'fetched' })
}
const logger = { info, warn: say('warn'), error: say('error') }
const server = await Server.run({ ...options, machine, insecure: true, development: true, logger }).catch(end)
if (server !== undefined) {
  process.once('SIGTERM', () => void server.close().then(() => process.exit(0)))
  server.on('role', ({ role, term }) => tell({ kind: 'role', role, term }))
  server.on('stateDiverged', () => tell({ kind: 'diverged' }))
  server.on('snapshotTaken', () => tell({ kind: 'snapshot' }))
  tell({ kind: 'running' })
  await server.closed.catch(end)
}
