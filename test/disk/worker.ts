// A process that runs cases one after the other, on a cluster of its own, as its parent says: worker.ts <seed>
import { casesOf, drawn, harmsOf } from './cases.ts'
import { prepare } from './prepared.ts'
import type { Result } from './result.ts'
import { runCase } from './trial.ts'

/** To a worker. `draw`: which cases there are; `run`: this one. */
export type Order = { readonly kind: 'draw'; readonly each: number } | { readonly kind: 'run'; readonly name: string }
/** Of a worker. */
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'drawn'; readonly names: readonly string[]; readonly all: readonly string[] }
  | { readonly kind: 'done'; readonly result: Result }

export const isReport = (message: unknown): message is Report => typeof message === 'object' && message !== null && 'kind' in message
const isOrder = (message: unknown): message is Order => typeof message === 'object' && message !== null && 'kind' in message
const tell = (report: Report): void => void process.send?.(report)

async function work(seed: number): Promise<void> {
  const prepared = await prepare()
  const harms = await harmsOf(`${prepared.level}/node-1`)
  const cases = new Map(casesOf(harms).map((one) => [one.name, one]))
  const run = async (name: string): Promise<void> => {
    const one = cases.get(name)
    if (one === undefined) throw new Error(`there is no case ${JSON.stringify(name)}`)
    tell({ kind: 'done', result: await runCase(prepared, one, { seed }) })
  }
  process.on('message', (order) => {
    if (!isOrder(order)) return
    if (order.kind === 'run') void run(order.name)
    else tell({ kind: 'drawn', names: drawn(harms, { seed, each: order.each }).map(({ name }) => name), all: [...cases.keys()] })
  })
  process.once('disconnect', () => process.exit(0))
  tell({ kind: 'ready' })
}

if (process.send !== undefined) await work(Number(process.argv[2]))
