// What goes over links comes late, wrong or not at all.
import type { Chance } from '../../../src/sim/chance.ts'
import { between } from '../network.ts'
import type { EffectKind, Link } from '../relay/effect.ts'
import { cast, disturbed, type Fault, type Family, type Scene } from './fault.ts'

type Which = 'all links' | "the leader's links" | "a follower's links" | 'links of clients'

const shortestMs = 500
const longestMs = 2_500

interface Disturbing {
  readonly family: Family
  readonly name: string
  readonly which: Which
  readonly needs: EffectKind['kind']
  readonly does: (chance: Chance) => EffectKind
}

const often = 0.2
const seldom = 0.05
const peers = ['all links', "the leader's links", "a follower's links"] as const

const late = (chance: Chance): EffectKind => ({ kind: 'delay', minMs: 5, maxMs: chance.pick([50, 150, 400]) })
const narrow = (chance: Chance): EffectKind => ({ kind: 'throttle', bytesPerSecond: chance.pick([10_000, 50_000, 125_000]) })
const spoilt = (kind: 'drop' | 'repeat' | 'swap' | 'flip' | 'tear' | 'reset', probability: number): Pick<Disturbing, 'needs' | 'does'> => ({
  needs: kind,
  does: () => ({ kind, probability }),
})

const effects = {
  late: { needs: 'delay', does: late },
  narrow: { needs: 'throttle', does: narrow },
  'flipped bits': spoilt('flip', seldom),
  drop: spoilt('drop', often),
  repeat: spoilt('repeat', often),
  swap: spoilt('swap', often),
  tear: spoilt('tear', seldom),
  reset: spoilt('reset', seldom),
} as const satisfies Readonly<Record<string, Pick<Disturbing, 'needs' | 'does'>>>

const each = (family: Family, names: readonly (keyof typeof effects)[], links: readonly Which[]): readonly Disturbing[] =>
  names.flatMap((name) => links.map((which) => ({ family, name, which, ...effects[name] })))

const all: readonly Disturbing[] = [
  ...each('slow', ['late', 'narrow'], peers),
  ...each('flip', ['flipped bits'], peers),
  ...each('frames', ['drop', 'repeat', 'swap'], peers),
  ...each('cut', ['tear', 'reset'], peers),
  // What an unbroken connection cannot do is not done to clients: they wait for an answer that the network has promised.
  ...each('clients', ['late', 'flipped bits', 'tear', 'reset'], ['links of clients']),
]

const disturbance = ({ family, name, which, needs, does }: Disturbing): Fault => ({
  family,
  lane: 'network',
  name: `${name}, ${which}`,
  needs,
  run: async (scene) => {
    const links = chosen(scene, which)
    const effect = does(scene.chance)
    const ms = Math.round(scene.chance.between(shortestMs, longestMs))
    const hits = await disturbed(scene, { links, does: effect, ms })
    return { hits, detail: `${JSON.stringify(effect)} of ${links.length} links for ${ms} ms` }
  },
})

function chosen(scene: Scene, which: Which): readonly Link[] {
  const { leader, others } = cast(scene)
  const nodes = [leader, ...others]
  const [follower = leader] = others
  const linksOf = (one: number): readonly Link[] => nodes.filter((other) => other !== one).flatMap((other) => between(one, other))
  if (which === "the leader's links") return linksOf(leader)
  if (which === "a follower's links") return linksOf(follower)
  if (which === 'links of clients') return nodes.flatMap((node) => between('clients', node))
  return nodes.flatMap((source) => nodes.filter((target) => target !== source).map((target) => ({ source, target })))
}

const fromClients = (name: string, kind: 'one' | 'leader'): Fault => ({
  family: 'clients',
  lane: 'network',
  name,
  run: async (scene) => {
    const { leader, others } = cast(scene)
    const [follower = leader] = others
    const node = kind === 'leader' ? leader : follower
    const ms = Math.round(scene.chance.between(shortestMs, longestMs))
    const links = scene.chance.pick([between('clients', node), [{ source: node, target: 'clients' } as const]])
    return { hits: await disturbed(scene, { links, does: { kind: 'hold' }, ms }), detail: `node ${node} for ${ms} ms` }
  },
})

/** A link that is there, and not, and there again, faster than an election. */
const flapping: Fault = {
  family: 'partial',
  lane: 'network',
  name: 'a link of the leader flaps',
  run: async (scene) => {
    const { leader, others } = cast(scene)
    const [follower = leader] = others
    let hits = 0
    for (let times = scene.chance.whole(5, 12); times > 0; times--) {
      hits += await disturbed(scene, { links: between(leader, follower), does: { kind: 'hold' }, ms: 100 })
      await scene.hold(100)
    }
    return { hits, detail: `nodes ${leader} and ${follower}` }
  },
}

export const disturbances: readonly Fault[] = [
  ...all.map(disturbance),
  fromClients('cut off from the leader', 'leader'),
  fromClients('cut off from a follower', 'one'),
  flapping,
]
