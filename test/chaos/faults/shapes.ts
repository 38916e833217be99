// Every way in which a network of so many nodes may come apart, but for the names of the nodes: who leads is told from the others.
import { between } from '../network.ts'
import type { Link } from '../relay/effect.ts'

export interface Shape {
  readonly name: string
  /** The links that are cut, with these nodes in these parts. `others` are all but the leader. */
  links(leader: number, others: readonly number[]): readonly Link[]
}

/** All sets of groups that see only themselves. */
export function splits(count: number): readonly Shape[] {
  return parts(count, count)
    .filter((sizes) => sizes.length > 1)
    .flatMap((sizes) =>
      [...new Set(sizes)].map((own) => ({
        name: `${sizes.join('+')}, the leader among ${own}`,
        links: (leader, others) => crossing(groups(sizes, own, [leader, ...others])),
      })),
    )
}

/** One node, or one link, that does not carry one direction. */
export function oneWay(count: number): readonly Shape[] {
  const from = (source: number, targets: readonly number[]): readonly Link[] => targets.map((target) => ({ source, target }))
  const to = (target: number, sources: readonly number[]): readonly Link[] => sources.map((source) => ({ source, target }))
  const all: readonly Shape[] = [
    { name: 'from the leader to a follower', links: (leader, [one = leader]) => from(leader, [one]) },
    { name: 'from a follower to the leader', links: (leader, [one = leader]) => from(one, [leader]) },
    { name: 'from a follower to a follower', links: (_, [one = 0, two = 0]) => from(one, [two]) },
    { name: 'the leader is mute', links: (leader, others) => from(leader, others) },
    { name: 'the leader is deaf', links: (leader, others) => to(leader, others) },
    { name: 'a follower is mute', links: (leader, [one = leader, ...rest]) => from(one, [leader, ...rest]) },
    { name: 'a follower is deaf', links: (leader, [one = leader, ...rest]) => to(one, [leader, ...rest]) },
  ]
  return count < 3 ? [] : all
}

/** Nodes that see others which do not see each other. */
export function partial(count: number): readonly Shape[] {
  const bridge = (middle: number, rest: readonly number[]): readonly Link[] => {
    const half = Math.ceil(rest.length / 2)
    return crossing([rest.slice(0, half), rest.slice(half)]).filter(({ source, target }) => source !== middle && target !== middle)
  }
  const bridges: readonly Shape[] = [
    { name: 'the leader is the bridge', links: (leader, others) => bridge(leader, others) },
    { name: 'a follower is the bridge', links: (leader, [one = leader, ...rest]) => bridge(one, [leader, ...rest]) },
    { name: 'a link of the leader is down', links: (leader, [one = leader]) => between(leader, one) },
  ]
  const ring: Shape = { name: 'a ring', links: (leader, others) => chords([leader, ...others]) }
  // Three in a ring are all of them.
  return count < 3 ? [] : count === 3 ? bridges : [...bridges, ring]
}

/** The sums that give `total`, largest part first. */
function parts(total: number, largest: number): readonly (readonly number[])[] {
  if (total === 0) return [[]]
  return Array.from({ length: Math.min(total, largest) }, (_, i) => Math.min(total, largest) - i).flatMap((first) =>
    parts(total - first, first).map((rest) => [first, ...rest]),
  )
}

/** Groups of these sizes; the first node is in one of `own`. */
function groups(sizes: readonly number[], own: number, nodes: readonly number[]): readonly (readonly number[])[] {
  const rest = [...sizes]
  rest.splice(rest.indexOf(own), 1)
  const waiting = [...nodes]
  return [own, ...rest].map((size) => waiting.splice(0, size))
}

/** All links from one group to another. */
function crossing(all: readonly (readonly number[])[]): readonly Link[] {
  return all.flatMap((group) =>
    group.flatMap((source) => all.filter((other) => other !== group).flatMap((other) => other.map((target) => ({ source, target })))),
  )
}

/** All links but those of neighbours. */
function chords(nodes: readonly number[]): readonly Link[] {
  return nodes.flatMap((source, i) =>
    nodes.filter((_, j) => Math.abs(i - j) > 1 && Math.abs(i - j) < nodes.length - 1).map((target) => ({ source, target })),
  )
}
