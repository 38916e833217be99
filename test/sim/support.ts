import { expect } from 'vitest'
import { decodeListAnswer, encodeListCommand, encodeListQuery, type SimCall, type Simulation } from '../../src/sim/index.ts'

export const append = (value: number): Uint8Array => encodeListCommand({ kind: 'append', key: 1, value })
export const query = encodeListQuery(1)

export const isSettled = (call: SimCall): boolean => call.outcome.kind !== 'pending'
export const indexOf = ({ outcome }: SimCall): number => (outcome.kind === 'answered' ? outcome.index : 0)
export const lastValue = ({ outcome }: SimCall): number | undefined =>
  outcome.kind === 'answered' ? decodeListAnswer(outcome.reply).last : undefined

/** Runs until the call is settled, which it is with an answer. */
export function answered(sim: Simulation, call: SimCall): SimCall {
  sim.runUntil('the call is settled', () => isSettled(call))
  expect(call.outcome).toMatchObject({ kind: 'answered' })
  return call
}

/** Clients that never stop calling, each with time enough for any election. */
export const load = (sim: Simulation): void =>
  sim.work({ clients: 3, calls: 100_000, pauseMs: 20, timeoutMs: { min: 10_000, max: 10_000 } })

/** The load ends; every one of its calls was answered, and what was answered is what one copy of the state would have said. */
export function checkLoad(sim: Simulation): void {
  sim.stopWork()
  sim.heal()
  sim.runUntilConverged()
  expect(sim.calls.filter(({ outcome }) => outcome.kind !== 'answered')).toEqual([])
  sim.checkLinearizable()
}
