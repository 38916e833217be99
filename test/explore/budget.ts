// How often each thing may happen in an exploration. What was spent is part of the state: with more left, more can follow.
export const kinds = [
  'timeouts',
  'heartbeats',
  'entries',
  'crashes',
  'duplications',
  'drops',
  'reads',
  'transfers',
  'changes',
  'compactions',
] as const
export type Kind = (typeof kinds)[number]

/**
 * `terms`: states beyond are not looked at. `timeouts`: of elections, and of leaders that nobody answers. A message that never arrives is lost already, so drops add no behaviour; `drops` is there
 * to see that. Messages arrive in any order.
 */
export type Budget = Readonly<Record<Kind | 'terms', number>>

export const nothing: Budget = {
  terms: 0,
  timeouts: 0,
  heartbeats: 0,
  entries: 0,
  crashes: 0,
  duplications: 0,
  drops: 0,
  reads: 0,
  transfers: 0,
  changes: 0,
  compactions: 0,
}

/** Of each kind at most this many: what was spent is kept in three bits each. */
export const most = 7

const shift = (kind: Kind): number => 3 * kinds.indexOf(kind)

export const spent = (purse: number, kind: Kind): number => (purse >> shift(kind)) & most
export const spend = (purse: number, kind: Kind): number => purse + (1 << shift(kind))

export const describe = (budget: Budget): string =>
  [`terms ${budget.terms}`, ...kinds.filter((kind) => budget[kind] > 0).map((kind) => `${kind} ${budget[kind]}`)].join(', ')
