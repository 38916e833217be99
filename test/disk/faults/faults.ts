// All that can be tried here, one after the other; what cannot is told.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Skipped } from '../summary.ts'
import type { Result } from '../result.ts'
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
    const result = await fault.run({ seed, folder: own }).catch((thrown: Error) => abandoned(fault, thrown))
    told({ ...result, name: nameOf(fault) })
    // What could not be unmounted stays.
    await rm(own, { recursive: true, force: true }).catch(() => undefined)
  }
  return skipped
}

/** Its surroundings could not be made, or not be cleared away. */
function abandoned({ kind, name }: Fault, thrown: Error): Result {
  return { kind, name, outcome: 'failed', isEndedBySignal: false, problems: [thrown.message], lost: [], wrong: [], said: [], tookMs: 0 }
}

function nameOf({ kind, name }: Fault): string {
  return `${kind}: ${name}`
}
