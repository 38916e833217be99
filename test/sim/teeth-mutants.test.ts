import { afterAll, describe, expect, test } from 'vitest'
import { Copy } from '../mutants/copy.ts'
import { hunt } from '../mutants/hunt.ts'
import { mutants } from '../mutants/mutants.ts'

/** Bugs that show soon, each to another oracle; `npm run test:teeth` hunts all of them. */
const sample = [
  ['an answer leaves before term and vote are durable (§3.8)', 'promises only what is durable (§3.8)'],
  ['a vote does not get to the disk with its term (§3.8)', 'durability (§3.8)'],
  ['a follower commits what its leader has, up to the end of its own log (§3.5)', 'a follower commits what was proven to match (§3.5)'],
  ['half of the voters is a quorum', 'committed is what a majority has on its disks'],
  ['entries are applied while a snapshot reads the state', 'a snapshot holds the state of its index (§5.1)'],
  ['all wait equally long before they campaign (§3.4)', 'liveness'],
] as const
/** Twice what any of them takes. */
const seedsMax = 20

describe('seeds of the simulator find it when the code is broken:', () => {
  const copy = new Copy()
  afterAll(() => copy.remove())

  test.each(sample)(
    '%s',
    async (name, invariant) => {
      const mutant = mutants.find((one) => one.name === name)
      if (mutant === undefined) throw new Error('there is no such mutant')
      const caught = await copy.broken(mutant, () => hunt(copy.program, { seedsMax }))
      expect(caught?.by).toBe(invariant)
    },
    60_000,
  )

  test('and nothing when it is not', async () => {
    expect(await hunt(copy.program, { seedsMax: 3 })).toBeUndefined()
  })
})
