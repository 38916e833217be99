// Writes and linearizable reads, from one call at a time to a thousand.
import type { Load, Operation } from '../load/load.js'
import { median, ratioText, shown } from '../report/figures.js'
import type { Measured } from '../systems/system.js'
import type { Chart, Context, Scenario, Section } from './scenario.js'

interface Cell {
  readonly operation: Operation
  readonly inFlight: number
  readonly measured: ReadonlyMap<string, Measured[]>
}

const operations = ['put', 'get'] as const
const words: Readonly<Record<Operation, string>> = { put: 'writes', get: 'linearizable reads' }

export const throughput: Scenario = {
  name: 'throughput',
  title: 'writes and linearizable reads, by calls in flight',
  when: 'always',
  isShared: true,
  async run(context) {
    const inFlights = context.isFull ? [1, 16, 64, 256, 1_024] : [1, 64, 1_024]
    const cells = operations.flatMap((operation) =>
      inFlights.map((inFlight): Cell => ({ operation, inFlight, measured: new Map(context.systems.map(({ name }) => [name, []])) })),
    )
    for (const system of context.systems) {
      context.progress(`warming up: ${system.name}`)
      for (const operation of operations) await system.measure({ operation, inFlight: 256, connections: 4, seconds: 3, warmUpSeconds: 0 })
    }
    for (let round = 0; round < context.rounds; round++) for (const cell of cells) await measureCell(context, cell, round)
    return sectionOf(context, cells)
  },
}

async function measureCell({ systems, seconds, rounds, progress }: Context, cell: Cell, round: number): Promise<void> {
  const { operation, inFlight } = cell
  const load: Load = { operation, inFlight, connections: 4, seconds, warmUpSeconds: Math.max(0.5, seconds / 5) }
  // A B, then B A: neither is always the one that comes after the other.
  for (const system of round % 2 === 0 ? systems : systems.toReversed()) {
    progress(`round ${round + 1} of ${rounds}: ${words[operation]}, ${inFlight} in flight, ${system.name}`)
    cell.measured.get(system.name)?.push(await system.measure(load))
  }
}

function sectionOf({ systems, seconds, rounds }: Context, cells: readonly Cell[]): Section {
  const names = systems.map(({ name }) => name)
  const isCompared = names.length > 1
  const header = [
    ...['', 'in flight'],
    ...names.flatMap((name) => [
      `${name} /s`,
      'p50 ms',
      'p99 ms',
      'p999 ms',
      'nodes us/call',
      'client us/call',
      'MiB a node',
      'MiB of the client',
    ]),
    ...(isCompared ? ['calls', 'p50', 'p99', 'memory'] : []),
  ]
  const rows = cells.map(({ operation, inFlight, measured }) => {
    const own = names.flatMap((name) => systemCells(measured.get(name) ?? []))
    return [words[operation], String(inFlight), ...own, ...(isCompared ? ratioCells(measured, names) : [])]
  })
  const charts = operations.map((operation): Chart => {
    const own = cells.filter((cell) => cell.operation === operation)
    const series = names.map((name) => ({
      name,
      values: own.map((cell) => median((cell.measured.get(name) ?? []).map(({ perSecond }) => perSecond))),
    }))
    const title = `${words[operation]} a second, by calls in flight`
    return {
      name: operation === 'put' ? 'writes' : 'reads',
      title,
      unit: 'a second',
      isLogarithmic: true,
      categories: own.map(({ inFlight }) => String(inFlight)),
      series,
    }
  })
  return {
    title: 'Throughput and latency',
    text: `Closed loop over 4 connections, medians of ${rounds} rounds of ${seconds} s, the systems in turn in each. Ratios are of ${names[0]} to ${names[1] ?? 'nothing'} in the same round: median, and lowest to highest.`,
    header,
    rows,
    charts,
    raw: cells.map(({ operation, inFlight, measured }) => ({ operation, inFlight, ...Object.fromEntries(measured) })),
  }
}

function systemCells(measured: readonly Measured[]): readonly string[] {
  const of = (figure: (one: Measured) => number): string => shown(median(measured.map(figure)))
  return [
    of(({ perSecond }) => perSecond),
    of(({ p50Ms }) => p50Ms),
    of(({ p99Ms }) => p99Ms),
    of(({ p999Ms }) => p999Ms),
    of(nodesMicroseconds),
    of(({ client, perSecond }) => (client.cores * 1e6) / perSecond),
    of(memoryOf),
    of(({ client }) => client.mebibytes),
  ]
}

/** CPU of all nodes for one call. */
const nodesMicroseconds = ({ nodes, perSecond }: Measured): number => (nodes.reduce((sum, { cores }) => sum + cores, 0) * 1e6) / perSecond
const memoryOf = ({ nodes }: Measured): number => Math.max(...nodes.map(({ mebibytes }) => mebibytes))

function ratioCells(measured: Cell['measured'], [one, other]: readonly string[]): readonly string[] {
  const [ours, theirs] = [one, other].map((name) => (name === undefined ? [] : (measured.get(name) ?? [])))
  const ratios = (figure: (measured: Measured) => number): string =>
    ratioText((ours ?? []).flatMap((own, i) => (theirs?.[i] === undefined ? [] : [figure(own) / figure(theirs[i])])))
  return [ratios(({ perSecond }) => perSecond), ratios(({ p50Ms }) => p50Ms), ratios(({ p99Ms }) => p99Ms), ratios(memoryOf)]
}
