// What the processes of the suite are told by the one that starts them, and what they tell it.

/** To a node. `clock`: its wall clock shows so much more than it should. `disk`: what becomes of its writes that the runtime makes. */
export type NodeOrder =
  | { readonly kind: 'clock'; readonly offsetMs: number }
  | { readonly kind: 'disk'; readonly fault: 'none' | 'EIO' | 'slow'; readonly delayMs: number }

/** Of a node. `clock`: how often it looked at a clock that was wrong. `disk`: how many of its writes failed or were late. */
export type NodeReport =
  | { readonly kind: 'running' }
  | { readonly kind: 'said'; readonly level: 'warn' | 'error'; readonly message: string }
  | { readonly kind: 'role'; readonly role: string; readonly term: number }
  | { readonly kind: 'diverged' }
  | { readonly kind: 'snapshot' | 'fetched' }
  | { readonly kind: 'ended'; readonly code: string; readonly message: string }
  | { readonly kind: 'clock' | 'disk'; readonly hits: number }

/** As JSON on the command line of a node. */
export interface NodeSettings {
  readonly dir: string
  readonly id: number
  readonly clusterId: string
  readonly listen: { readonly peer: string; readonly client: string }
  readonly timing: { readonly electionTimeoutMs: number; readonly heartbeatMs: number; readonly tickMs: number }
  readonly limits: Readonly<Record<string, number>>
  /** Gets a line for each command that this node applies. */
  readonly appliedFile: string
}

/** To a process of clients: no calls any more; then, with all of the others done too, a last look from each node. */
export type CallersOrder = { readonly kind: 'stop' } | { readonly kind: 'sweep' }

/** Of a process of clients. */
export type CallersReport =
  | { readonly kind: 'connected' }
  | {
      readonly kind: 'progress'
      readonly calls: number
      readonly answered: number
      /** Latest call, of those that need a majority, that was answered. As `Operation.invoke`. */
      readonly servedAt: number
    }
  | { readonly kind: 'violation'; readonly message: string }
  | { readonly kind: 'stopped' | 'swept' }

/** As JSON on the command line of a process of clients. */
export interface CallersSettings {
  /** Where clients reach each node. */
  readonly servers: readonly string[]
  /** How many, and the number of the first. */
  readonly clients: number
  readonly first: number
  readonly seed: number
  /** What `process.hrtime.bigint()` said at the beginning, as text. */
  readonly begun: string
  readonly historyFile: string
  /** Mean pause of a client between two calls, milliseconds. */
  readonly pauseMs: number
  readonly keys: number
  /** It is this one that reads everything in the end. */
  readonly sweeps: boolean
}

const isObject = (message: unknown): boolean => typeof message === 'object' && message !== null && 'kind' in message
export const isNodeOrder = (message: unknown): message is NodeOrder => isObject(message)
export const isNodeReport = (message: unknown): message is NodeReport => isObject(message)
export const isCallersOrder = (message: unknown): message is CallersOrder => isObject(message)
export const isCallersReport = (message: unknown): message is CallersReport => isObject(message)
