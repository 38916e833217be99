import type { Skipped } from '../summary.ts'
import type { Result } from '../trial.ts'
export interface FaultsOptions {
  readonly seed: number
  readonly folder: string
  readonly isAsked: (name: string) => boolean
  readonly isList: boolean
  readonly told: (result: Result) => void
}
export async function runFaults(_: FaultsOptions): Promise<readonly Skipped[]> {
  return []
}
