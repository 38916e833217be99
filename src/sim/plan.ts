// Which part of a seed's run takes place. All of it, as a rule; of a run that failed, the least that still does.
import type { LinkFaults } from './faults.ts'

export type LinkFault = keyof LinkFaults

export interface RunPlan {
  /** Decides everything that is decided by chance. A whole number, at least 0. */
  readonly seed: number
  /** Which acts of the nemesis happen, numbered from 1 in the order in which the seed draws them. Default: all. */
  readonly acts?: ReadonlySet<number>
  /** Which calls of clients are made at random, numbered likewise. Default: all. */
  readonly calls?: ReadonlySet<number>
  /** What links do to single packets. Default: whatever the seed draws. */
  readonly links?: ReadonlySet<LinkFault>
}

export const linkFaults: readonly LinkFault[] = ['loss', 'duplication', 'reordering', 'corruption', 'unreachable']

/** `12`, or `12/acts=1-3,7/calls=none/links=loss`. */
export function planText({ seed, acts, calls, links }: RunPlan): string {
  const parts = [String(seed)]
  if (acts !== undefined) parts.push(`acts=${rangesText(acts)}`)
  if (calls !== undefined) parts.push(`calls=${rangesText(calls)}`)
  if (links !== undefined) parts.push(`links=${links.size === 0 ? 'none' : [...links].join(',')}`)
  return parts.join('/')
}

/** The inverse; `undefined` for what is no plan. */
export function parsePlan(text: string): RunPlan | undefined {
  const [seedText = '', ...parts] = text.split('/')
  const seed = Number(seedText)
  if (!/^\d{1,15}$/.test(seedText)) return undefined
  let plan: RunPlan = { seed }
  for (const part of parts) {
    const [, name, value = ''] = /^(acts|calls|links)=([a-z0-9,-]+)$/.exec(part) ?? []
    if (name === 'links') {
      const links = value === 'none' ? [] : value.split(',')
      if (!links.every(isLinkFault)) return undefined
      plan = { ...plan, links: new Set(links) }
      continue
    }
    const numbers = value === 'none' ? new Set<number>() : parseRanges(value)
    if (name === undefined || numbers === undefined) return undefined
    plan = name === 'acts' ? { ...plan, acts: numbers } : { ...plan, calls: numbers }
  }
  return plan
}

const isLinkFault = (name: string): name is LinkFault => linkFaults.some((fault) => fault === name)

/** What links of the plan do, of what the seed has drawn for them. */
export function plannedLinks(drawn: LinkFaults, { links }: RunPlan): LinkFaults {
  if (links === undefined) return drawn
  const kept = (name: LinkFault): number => (links.has(name) ? drawn[name] : 0)
  return {
    loss: kept('loss'),
    duplication: kept('duplication'),
    reordering: kept('reordering'),
    corruption: kept('corruption'),
    unreachable: kept('unreachable'),
  }
}

function rangesText(numbers: ReadonlySet<number>): string {
  const parts: string[] = []
  let from: number | undefined
  let last = 0
  const close = (): void => {
    if (from !== undefined) parts.push(from === last ? String(from) : `${from}-${last}`)
  }
  for (const number of [...numbers].sort((a, b) => a - b)) {
    if (from !== undefined && number === last + 1) {
      last = number
      continue
    }
    close()
    from = number
    last = number
  }
  close()
  return parts.length === 0 ? 'none' : parts.join(',')
}

const rangeMax = 1_000_000

function parseRanges(text: string): Set<number> | undefined {
  const numbers = new Set<number>()
  for (const range of text.split(',')) {
    const [, from, to = from] = /^(\d{1,7})(?:-(\d{1,7}))?$/.exec(range) ?? []
    if (from === undefined || Number(to) < Number(from) || Number(to) > rangeMax) return undefined
    for (let number = Number(from); number <= Number(to); number++) numbers.add(number)
  }
  return numbers
}
