import type { Input } from '../../core/api.ts'
import type { ReferenceServer } from './reference-server.ts'
import type { Refused } from './rules.ts'

/** A server after an input. */
export interface Moment {
  readonly server: ReferenceServer
  readonly input: Input | undefined
}

/** `undefined` where any of them allows it; else what the last one says. */
export function whyNever(moments: readonly Moment[], rule: (moment: Moment) => Refused | undefined): Refused | undefined {
  let refused: Refused | undefined
  for (const moment of moments.toReversed()) {
    const because = rule(moment)
    if (because === undefined) return undefined
    refused ??= because
  }
  return refused
}
