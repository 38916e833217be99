// `raftgen/sim`: what a user proves of his own machine, and everything that the simulator is made of.
export * from '../sim/index.ts'
export type { CaseStep } from './cases.ts'
export { checkCase, CheckFailure, checkMachine, type CheckOptions, type CheckReport } from './check-machine.ts'
export { type SimulateOptions, simulateAndShrink, simulateMachine } from './simulate-machine.ts'
export type { Subject } from './subject.ts'
export type { Property } from './trial.ts'
