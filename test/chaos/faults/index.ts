import { clocks } from './clocks.ts'
import { disks } from './disks.ts'
import type { Fault } from './fault.ts'
import { kills } from './kills.ts'
import { disturbances } from './links.ts'
import { partitions } from './partitions.ts'
import { stops } from './stops.ts'

/** All that may happen to a cluster of so many nodes. */
export const faultsOf = (count: number): readonly Fault[] => [
  ...partitions(count),
  ...disturbances,
  ...kills,
  ...stops,
  ...clocks,
  ...disks,
]
