// How long nobody can write after a leader was killed.
import type { Probe } from '../load/load.js'
import { pause } from './until.js'
import type { System } from './system.js'

/** All nodes live again afterwards. */
export async function outageOf(system: Pick<System, 'leader' | 'kill' | 'start'>, probe: Probe): Promise<number> {
  await pause(1_000)
  const leader = await system.leader()
  await system.kill(leader)
  await system.leader()
  await pause(2_000)
  const gapMs = await probe.stop()
  await system.start(leader)
  return gapMs
}
