import { describe, expect, test } from 'vitest'
import { addressProblem } from '../../src/server/own-address.ts'

const known = { id: 5, incarnation: 1, peer: '127.0.0.1:17005', client: '127.0.0.1:17105' }

describe('a node that listens elsewhere than its cluster knows', () => {
  test.each([
    ['on another port', { peer: '127.0.0.1:17805', client: '127.0.0.1:17105' }, '127.0.0.1:17805', '127.0.0.1:17005'],
    ['at another address', { peer: '127.0.0.1:17005', client: '10.0.0.7:17105' }, '10.0.0.7:17105', '127.0.0.1:17105'],
    ['under a name, on another port', { peer: 'localhost:17805', client: '127.0.0.1:17105' }, 'localhost:17805', '127.0.0.1:17005'],
  ])('%s is told what to run', (_, listens, here, there) => {
    expect(addressProblem(known, listens)).toBe(
      `node 5 listens on ${here}, its cluster knows ${there}: ` +
        `run \`raftgen cluster update 5=${listens.peer},${listens.client}\`, unless something passes on what arrives there`,
    )
  })

  test.each([
    ['which is where it listens', { peer: known.peer, client: known.client }],
    ['everywhere', { peer: '0.0.0.0:4001', client: '[::]:4101' }],
    ['under a name for what may be the same', { peer: 'localhost:17005', client: 'node5:17105' }],
    ['by an IPv6 address, which can be written in many ways', { peer: '[::1]:17005', client: '[::ffff:127.0.0.1]:17105' }],
  ])('%s is told nothing', (_, listens) => {
    expect(addressProblem(known, listens)).toBeUndefined()
  })
})
