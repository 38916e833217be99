export type Operation = 'put' | 'get'

export interface Load {
  readonly operation: Operation
  /** Calls under way at any time: closed loop. */
  readonly inFlight: number
  readonly connections: number
  /** So many keys are written and read, one after the other. Default 10,000. */
  readonly keyCount?: number
  /** Counted; before it, `warmUpSeconds` are not. */
  readonly seconds: number
  readonly warmUpSeconds: number
}

export interface Loaded {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  readonly failed: number
}

/** Writes as fast as it is answered, until it is stopped. */
export interface Probe {
  /** The longest time between two acknowledged writes, in milliseconds. */
  stop(): Promise<number>
}

/** Latencies in nanoseconds, three significant figures. */
export interface Latencies {
  readonly count: number
  percentile(percentile: number): number
  readonly max: number
}

export const valueBytes = 256
const defaultKeyCount = 10_000
export const keyOf = (i: number, keyCount = defaultKeyCount): string => `key/${i % keyCount}`

export function loaded(latencies: Latencies, seconds: number, failed: number): Loaded {
  const ms = (nanoseconds: number): number => nanoseconds / 1e6
  return {
    perSecond: Math.round(latencies.count / seconds),
    p50Ms: ms(latencies.percentile(50)),
    p99Ms: ms(latencies.percentile(99)),
    p999Ms: ms(latencies.percentile(99.9)),
    maxMs: ms(latencies.max),
    failed,
  }
}
