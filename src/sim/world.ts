import type { Message, Ms } from '../core/types.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { Log } from '../ports/log.ts'
import type { NodeOptions } from '../node/index.ts'
import type { ClientMessage } from '../wire/client-messages.ts'
import type { Chance } from './chance.ts'
import type { Coverage } from './faults.ts'
import type { History } from './history.ts'
import type { Network } from './network.ts'
import type { Applied } from './oracle/applied.ts'
import type { Safety } from './oracle/safety.ts'
import type { Scheduler } from './scheduler.ts'
import type { Trace, TraceLine } from './trace.ts'
import type { Verdict } from './violation.ts'

/** What is broken on purpose, to see whether it is found out. */
export interface Sabotage {
  /** Takes the place of the log of each new life of a node. */
  readonly log?: (log: Log) => Log
  /** Takes the place of the machine of each new life of a node. */
  readonly machine?: (machine: StateMachine) => StateMachine
  /** What each message between servers is changed to before it is sent; `undefined`: it is not. */
  readonly message?: (message: Message) => Message | undefined
  /** What each message of a client is changed to before it is sent. */
  readonly clientMessage?: (message: ClientMessage) => ClientMessage
  /** Invariants that are not looked at, to see whether another one finds it as well. */
  readonly blindTo?: readonly string[]
}

/** What everything in a run shares. */
export interface World {
  readonly scheduler: Scheduler
  readonly chance: Chance
  readonly coverage: Coverage
  readonly trace: Trace
  readonly verdict: Verdict
  readonly network: Network
  readonly history: History
  readonly safety: Safety
  readonly applied: Applied
  readonly sabotage: Sabotage
  readonly clusterId: string
  readonly tickMs: Ms
  readonly machine: () => StateMachine
  /** Of every node: timing and limits. */
  readonly node: Pick<NodeOptions, 'timing' | 'coreLimits' | 'limits'>
  /** Notes what happened. */
  note(mark: number, line: TraceLine): void
}
