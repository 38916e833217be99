// `raftgen/sim`: a cluster in one synchronous object, for tests. Same seed, same run.
export { Chance } from './chance.ts'
export { Chart, type ChartEvent, type ChartMessage, type ChartNote } from './chart.ts'
export { type ChartRow, type ChartRows, chartRows, type ChartRowsOptions } from './chart-rows.ts'
export { chartSvg } from './chart-svg.ts'
export { chartText } from './chart-text.ts'
export { Coverage, everyFault, type FaultClass, faultClasses, noFault } from './faults.ts'
export type { CallKind, CallOutcome, SimCall } from './history.ts'
export {
  decodeListAnswer,
  encodeListCommand,
  encodeListQuery,
  type ListAnswer,
  type ListCommand,
  ListMachine,
  type ListMachineOptions,
} from './list-machine.ts'
export { local, type LocalFailure, type LocalOptions, type LocalReplica } from './local.ts'
export { Members } from './members.ts'
export type { Order, OrderOutcome } from './operator.ts'
export type { SimClient } from './sim-client.ts'
export {
  type Linearity,
  linearity,
  type SearchOptions,
  searchable,
  type SequentialModel,
  type TimedOperation,
} from './oracle/wing-gong-lowe.ts'
export type { CallSettings, SimulationOptions, Words } from './options.ts'
export { parsePlan, planText, type RunPlan } from './plan.ts'
export { shrink, type ShrinkOptions } from './shrink.ts'
export { simulate, Simulation } from './simulation.ts'
export { runSeed, seeds, type SwarmOptions, type SwarmReport } from './swarm.ts'
export { type FailedRun, SimulationError } from './violation.ts'
export { listOperations, type Operations, type WorkloadOptions } from './workload.ts'
export type { Sabotage } from './world.ts'
