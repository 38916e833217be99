// The machine itself is the model: one replica without Raft applies what took effect, in the order of the log, and has to give what the clients were told.
import { local } from 'raftgen/sim'
import { isCommand, type Operation } from '../history.ts'
import { ChaosClient, chaos } from '../machine/generated/index.ts'
import { handlers } from '../machine/handlers.ts'
import type { Applied } from './applied.ts'
import type { Findings } from './findings.ts'

export async function replay(operations: readonly Operation[], { commands }: Applied, findings: Findings): Promise<void> {
  const model = ChaosClient.over(local(chaos(handlers), { paranoid: false, twice: false }))
  const answered = operations.filter((one) => one.outcome === 'ok')
  const reads = answered.filter((one) => !isCommand(one)).sort((a, b) => (a.index ?? 0) - (b.index ?? 0))
  const told = new Map(answered.filter(isCommand).map((one) => [one.index, one]))
  let at = 0
  const askThrough = async (index: number): Promise<void> => {
    for (let read = reads[at]; read !== undefined && (read.index ?? 0) <= index; read = reads[++at])
      compare(read, await ask(model, read), findings)
  }
  for (const one of [...commands.values()].sort((a, b) => a.index - b.index)) {
    await askThrough(one.index - 1)
    const output = await apply(model, one.command, one.input)
    const operation = told.get(one.index)
    if (operation !== undefined) compare(operation, output, findings)
  }
  await askThrough(Number.POSITIVE_INFINITY)
}

async function apply(
  model: ChaosClient,
  command: string,
  { key, value, expected = null }: { key: string; value: number; expected?: number | null },
): Promise<unknown> {
  return command === 'append' ? await model.append({ key, value }) : await model.cas({ key, expected, value })
}

const ask = async (model: ChaosClient, { op, input }: Operation): Promise<unknown> =>
  op === 'sum' ? await model.sum() : await model.read({ key: input.key ?? '' })

function compare(operation: Operation, output: unknown, findings: Findings): void {
  const [was, is] = [JSON.stringify(operation.output), JSON.stringify(output ?? null)]
  if (was !== is) findings.add('an answer is what the machine gives at its index', `${JSON.stringify(operation)} should have been ${is}`)
}
