// How the replicas of the disk suite run: short times and small limits, so that elections, snapshots and reads from the disk come often.
export const timing = { electionTimeoutMs: 300, heartbeatMs: 50, tickMs: 5 } as const

export const limits = {
  snapshotEntries: 150,
  logTailEntries: 60,
  // What a follower lacks is read from the disk.
  cacheBytesMax: 4_096,
} as const
