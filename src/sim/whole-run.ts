// Everything that was called, once more, by the machine itself: what the clients of a run that is over may have seen.
import type { Index } from '../core/types.ts'
import type { SimulationOptions } from './options.ts'
import { checkCertificate } from './oracle/certificate.ts'
import type { World } from './world.ts'

/** What does not hold is in the verdict. The cluster has converged. */
export function checkWholeRun(world: World, { broken = () => undefined, words }: Pick<SimulationOptions, 'broken' | 'words'>): void {
  const { verdict, history, applied, safety, snapshots, machine } = world
  const committed = (index: Index) => safety.committed(index)
  snapshots.checkReplay(committed, machine(undefined))
  const state = checkCertificate({ verdict, history, applied, committed, broken, words }, machine(undefined))
  applied.checkStates(
    state,
    safety.confs.newest.members.map(({ id }) => id),
  )
}
