// What is measured: a cluster of three processes on this machine, and whatever drives it.
import type { Load, Loaded } from '../load/load.js'

export interface SystemNode {
  /** Where clients reach it: `127.0.0.1:2379`. */
  readonly address: string
  /** None while it is dead. */
  readonly pid: number | undefined
}

export interface Meter {
  /** Cores that were busy with it on average. */
  readonly cores: number
  /** Resident, at the end. */
  readonly mebibytes: number
}

/** One load as it went. */
export interface Measured extends Loaded {
  readonly nodes: readonly Meter[]
  readonly client: Meter
}

export interface System {
  /** `raftgen`, `etcd`, or a commit of raftgen. */
  readonly name: string
  readonly version: string
  /** What the load comes from. */
  readonly driver: string
  readonly nodes: readonly SystemNode[]
  measure(load: Load): Promise<Measured>
  /** Position of the node that leads. Throws where none does within 10 seconds. */
  leader(): Promise<number>
  /** As `kill -9` does. */
  kill(node: number): Promise<void>
  /** One that was killed. Resolves when it serves, with how long that took, in milliseconds. */
  start(node: number): Promise<number>
  /** Milliseconds for which no write was acknowledged after the leader was killed. All nodes live again afterwards. */
  outage(): Promise<number>
  close(): Promise<void>
}
