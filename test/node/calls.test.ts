// What a node makes of calls in other versions of the schema than the one that is in force.
import { describe, expect, test } from 'vitest'
import { bindVersions } from '../../src/contract/v1.ts'
import { Replica } from '../../src/machine/replica.ts'
import { admitted, lower } from '../../src/node/calls.ts'
import { packValue } from '../../src/wire/value.ts'
import { handlers2, ladder, versions } from '../contract/locks-versions.ts'
import { lines } from './nodes.ts'

const twoVersions = { versions: versions.slice(0, 2), steps: ladder.steps.slice(0, 1) }
const [acquire, renew] = [1, 3]

function replicaAt(version: number | undefined): Replica {
  const replica = new Replica(bindVersions(twoVersions, handlers2))
  const entry = { term: 1, index: 1, kind: 'command', data: new Uint8Array(0), conf: undefined } as const
  if (version !== undefined) replica.apply(entry, { kind: 'activate', now: 0, version })
  return replica
}

describe('a call', () => {
  test('of the version in force is taken as it is', () => {
    const call = packValue([2, renew, ['a']])
    expect(admitted(replicaAt(2), 'command', call, { isCertain: false })).toEqual({ kind: 'admitted', call })
  })

  test('of an older one is put into that', () => {
    expect(admitted(replicaAt(2), 'command', packValue([1, acquire, ['a', 'me']]), { isCertain: false })).toEqual({
      kind: 'admitted',
      call: packValue([2, acquire, ['a', 'me', '']]),
    })
  })

  test('of one that this node knows, and that is not in force here, is to come again: its client has heard that it is', () => {
    expect(admitted(replicaAt(1), 'command', packValue([2, renew, ['a']]), { isCertain: false })).toMatchObject({
      kind: 'refused',
      why: { code: 'RETRY' },
    })
  })

  test('of one that this node knows is too early, where nothing newer can be in force anywhere: its client need not wait', () => {
    const call = packValue([2, renew, ['a']])
    expect(admitted(replicaAt(1), 'command', call, { isCertain: true })).toMatchObject({ kind: 'refused', why: { code: 'NOT_YET_ACTIVE' } })
  })

  test('of one that it does not know is too early', () => {
    expect(admitted(replicaAt(2), 'command', packValue([3, renew, ['a']]), { isCertain: false })).toEqual({
      kind: 'refused',
      why: { code: 'NOT_YET_ACTIVE', message: 'the command is of version 3 of the schema, the cluster uses version 2' },
    })
  })

  test('is to come again while nobody has said which version the world begins with', () => {
    expect(admitted(replicaAt(undefined), 'query', packValue([2, 1, ['a']]), { isCertain: false })).toMatchObject({
      kind: 'refused',
      why: { code: 'RETRY' },
    })
  })

  test('of a machine without versions is what its check says', () => {
    const replica = new Replica(lines())
    const call = new TextEncoder().encode('!no')
    expect(admitted(replica, 'command', call, { isCertain: false })).toEqual({
      kind: 'refused',
      why: { code: 'INVALID_INPUT', message: 'line !no is not allowed' },
    })
  })
})

test('a reply without a form in the version of its client is told as that', () => {
  const { machine } = replicaAt(2)
  const answered = { kind: 'command', call: packValue([2, renew, ['a']]), reply: packValue([0, ['me', 1, ''], 2]) } as const
  expect(lower(machine, { ...answered, version: 1 })).toMatchObject({ refused: { code: 'RESULT_TOO_NEW' } })
  expect(lower(machine, { ...answered, version: 2 })).toBe(undefined)
})
