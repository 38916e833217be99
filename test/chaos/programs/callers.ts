// Clients in a process of their own: callers.js '<CallersSettings as JSON>'. Each calls, waits for the answer, pauses, and calls again.
import { Caller } from './caller.js'
import { LineFile } from './line-file.js'
import { type CallersReport, type CallersSettings, isCallersOrder } from './orders.js'
import { Journal } from './journal.js'

const reportEveryMs = 100

const tell = (report: CallersReport): void => void process.send?.(report, undefined, undefined, () => {})

const settings: CallersSettings = JSON.parse(process.argv[2] ?? '{}')
const { begun, clients, first } = settings
const journal = new Journal({
  file: new LineFile(settings.historyFile),
  begun: BigInt(begun),
  violated: (message) => tell({ kind: 'violation', message }),
})

process.once('disconnect', () => process.exit(0))
const callers = await Promise.all(Array.from({ length: clients }, (_, i) => Caller.connect(first + i, { settings, journal })))
tell({ kind: 'connected' })
const loops = Promise.all(callers.map((caller) => caller.run()))
setInterval(() => tell({ kind: 'progress', ...journal.progress }), reportEveryMs)

async function stop(): Promise<void> {
  for (const caller of callers) caller.stop()
  await loops
  journal.flush()
  tell({ kind: 'stopped' })
}

/** Every key as every node has it. */
async function sweep(): Promise<void> {
  if (settings.sweeps) await Promise.all(settings.servers.map((server, i) => callers[i % callers.length]?.sweep(server)))
  await Promise.all(callers.map((caller) => caller.close()))
  journal.flush()
  tell({ kind: 'swept' })
}

process.on('message', (order) => {
  if (isCallersOrder(order)) void (order.kind === 'stop' ? stop() : sweep())
})
