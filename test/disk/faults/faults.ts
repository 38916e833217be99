// All that can be tried here, one after the other; what cannot is told.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Skipped } from '../summary.ts'
import type { Result } from '../trial.ts'
import { badSectors } from './bad-sectors.ts'
import { failingCalls } from './failing-calls.ts'
import type { Fault } from './fault.ts'
import { libfiu } from './libfiu.ts'
import { power } from './power.ts'
import { slow } from './slow.ts'
import { space } from './space.ts'

const faults: readonly Fault[] = [...failingCalls, ...libfiu, ...slow, ...space, ...power, ...badSectors]

export interface FaultsOptions {
  readonly seed: number
  readonly folder: string
  readonly isAsked: (name: string) => boolean
  readonly told: (result: Result) => void
}

export const faultNames: readonly string[] = faults.map(nameOf)

/** Those that were not tried. */
export async function runFaults({ seed, folder, isAsked, told }: FaultsOptions): Promise<readonly Skipped[]> {
  const skipped: Skipped[] = []
  for (const fault of faults.filter((one) => isAsked(nameOf(one)))) {
    const reason = await fault.missing()
    if (reason !== undefined) {
      skipped.push({ kind: fault.kind, name: fault.name, reason })
      continue
    }
    const own = await mkdtemp(join(folder, 'fault-'))
    const result = await fault.run({ seed, folder: own })
    told({ ...result, name: nameOf(fault) })
    await rm(own, { recursive: true, force: true })
  }
  return skipped
}

function nameOf({ kind, name }: Fault): string {
  return `${kind}: ${name}`
}
