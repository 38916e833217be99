import { cast, disturbed, type Fault, type Family } from './fault.ts'
import { oneWay, partial, type Shape, splits } from './shapes.ts'

/** Some are over before anybody can notice, most are not. Milliseconds. */
const shortestMs = 200
const longestMs = 3_000

/** Of a cluster of so many nodes. */
export const partitions = (count: number): readonly Fault[] => [
  ...splits(count).map((shape) => partition('partition', shape)),
  ...oneWay(count).map((shape) => partition('oneway', shape)),
  ...partial(count).map((shape) => partition('partial', shape)),
]

const partition = (family: Family, shape: Shape): Fault => ({
  family,
  lane: 'network',
  name: shape.name,
  run: async (scene) => {
    const { leader, others } = cast(scene)
    const links = shape.links(leader, others)
    const ms = Math.round(scene.chance.between(shortestMs, longestMs))
    const hits = await disturbed(scene, { links, does: { kind: 'hold' }, ms })
    return { hits, detail: `node ${leader} leads, ${links.map(({ source, target }) => `${source}>${target}`).join(' ')} for ${ms} ms` }
  },
})
