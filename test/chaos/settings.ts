// How the nodes of the suite run, and what they are held to.

/** Short, so that elections come often; long enough for two cores to run five nodes, their clients and what disturbs them. */
export const timing = { electionTimeoutMs: 500, heartbeatMs: 50, tickMs: 10 } as const

/** Small, so that snapshots are taken and fetched every few seconds, and what a follower lacks is read from the disk. */
export const limits = {
  snapshotEntries: 3_000,
  logTailEntries: 1_000,
  cacheBytesMax: 65_536,
  digestEntries: 1_024,
  diskReserveBytes: 16 * 1_024 * 1_024,
} as const

/** From the end of all faults until a call that is made then is answered. Ten elections, and pauses of connections that were broken for long. */
export const servesWithinMs = 15_000
/** From then until all nodes have applied the same. */
export const levelWithinMs = 30_000
/** From its start until a node takes part. */
export const startsWithinMs = 20_000
/** Of one node. What it needs at rest, several times; a queue without a bound is through it within a minute. */
export const residentBytesMax = 768 * 1_024 * 1_024

/** Mean pause of a client between calls. */
export const pauseMs = 25
export const clientsDefault = 48
export const keys = 24
/** Processes that share the clients. */
export const callerProcesses = 2
/** After so long without faults are looked at: do all serve again? */
export const roundMs = 25_000
