// What may be said on the command line, and what is wrong with it.
import { parseArgs } from 'node:util'
import { type Family, families } from './faults/fault.ts'
import { clientsDefault } from './settings.ts'
import { type StageKind, stages } from './stage.ts'

export interface Options {
  readonly minutes: number
  readonly seed: number
  readonly families: readonly Family[]
  readonly stages: readonly StageKind[]
  readonly clients: number
  /** Where everything stays. */
  readonly out: string | undefined
  readonly isAllRequired: boolean
}

export class WrongUse extends Error {}

export const usage = [
  'npm run test:chaos -- [options]',
  '',
  '  --minutes <n>        how long faults happen, in all stages together (10)',
  '  --seed <n>           what is drawn: calls, faults and their order (1)',
  `  --faults <a,b>       only these: ${families.join(', ')}`,
  `  --stages <a,b>       only these: ${stages.map(({ name }) => name).join(', ')}`,
  `  --clients <n>        clients, 1 to 200 (${clientsDefault})`,
  '  --out <folder>       keeps histories, logs and faults there; it must not be there, or be empty',
  '  --require-all        what cannot be tried here fails the run',
  '',
].join('\n')

/** Throws WrongUse. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parsed(args)
  return {
    minutes: numberOf('minutes', values.minutes, { min: 0.1, max: 100_000 }),
    seed: wholeOf('seed', values.seed, { min: 0, max: 2 ** 31 }),
    families: listOf('faults', values.faults, families),
    stages: listOf(
      'stages',
      values.stages,
      stages.map(({ name }) => name),
    ).flatMap((name) => stages.filter((stage) => stage.name === name)),
    clients: wholeOf('clients', values.clients, { min: 1, max: 200 }),
    out: values.out,
    isAllRequired: values['require-all'],
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        minutes: { type: 'string', default: '10' },
        seed: { type: 'string', default: '1' },
        faults: { type: 'string', default: families.join(',') },
        stages: { type: 'string', default: stages.map(({ name }) => name).join(',') },
        clients: { type: 'string', default: String(clientsDefault) },
        out: { type: 'string' },
        'require-all': { type: 'boolean', default: false },
      },
    })
  } catch (thrown) {
    throw new WrongUse(thrown instanceof Error ? thrown.message : String(thrown))
  }
}

interface Bounds {
  readonly min: number
  readonly max: number
}

function numberOf(name: string, text: string, { min, max }: Bounds): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= min && value <= max) return value
  throw new WrongUse(`--${name} is ${JSON.stringify(text)}, it must be a number from ${min} to ${max}`)
}

function wholeOf(name: string, text: string, bounds: Bounds): number {
  const value = numberOf(name, text, bounds)
  if (Number.isInteger(value)) return value
  throw new WrongUse(`--${name} is ${JSON.stringify(text)}, it must be a whole number`)
}

function listOf<T extends string>(name: string, text: string, known: readonly T[]): readonly T[] {
  const asked = text.split(',').map((one) => one.trim())
  const unknown = asked.find((one) => !known.some((other) => other === one))
  if (unknown !== undefined) throw new WrongUse(`--${name} has ${JSON.stringify(unknown)}, known are ${known.join(', ')}`)
  return known.filter((one) => asked.includes(one))
}
