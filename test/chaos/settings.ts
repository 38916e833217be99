// How the nodes of the suite run, and what they are held to.

/** Short, so that elections come often; long enough for two cores to run five nodes, their clients and what disturbs them. */
export const timing = { electionTimeoutMs: 500, heartbeatMs: 50, tickMs: 10 } as const

const limits = { cacheBytesMax: 65_536, digestEntries: 1_024, diskReserveBytes: 16 * 1_024 * 1_024 } as const

/**
 * Most keep so little of their logs that whoever was away for a second needs a snapshot, and what a follower lacks is read from the disk. One keeps much: in the end
 * its log is compared with what was applied.
 */
export const limitsOf = (id: number): Readonly<Record<string, number>> =>
  id === 2 ? { ...limits, snapshotEntries: 5_000, logTailEntries: 50_000 } : { ...limits, snapshotEntries: 500, logTailEntries: 50 }

/** From the end of all faults until a call that is made then is answered. Ten elections, and pauses of connections that were broken for long. */
export const servesWithinMs = 15_000
/** From then until all nodes have applied the same. */
export const levelWithinMs = 30_000
/** From its start until a node takes part. */
export const startsWithinMs = 20_000
/** Of one node. What it needs at rest, several times; a queue without a bound is through it within a minute. */
export const residentBytesMax = 768 * 1_024 * 1_024

/** Mean pause of a client between calls. */
export const pauseMs = 15
export const clientsDefault = 48
export const keys = 24
/** Processes that share the clients. */
export const callerProcesses = 2
/** After so long without faults are looked at: do all serve again? */
export const roundMs = 25_000
