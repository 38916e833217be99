import { expect, test } from 'vitest'
import { Cluster } from '../../src/sim/cluster.ts'

test('a member that is told that it was removed is a violation, also where it would only get an empty disk and go on', () => {
  const { world, servers } = new Cluster({ seed: 1 })
  const [server] = servers
  server?.start()
  for (let isRunning = true; isRunning && server?.life?.node === undefined; ) isRunning = world.scheduler.step(10_000)
  expect(world.verdict.violation).toBeUndefined()
  server?.life?.onRemoved('somebody says so')
  expect(world.verdict.violation).toEqual({
    invariant: 'no member is told that it was removed',
    message: 'node 1, incarnation 1, is a member as incarnation 1, and stops: somebody says so',
  })
})
