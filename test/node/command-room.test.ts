import { expect, test } from 'vitest'
import { CommandRoom } from '../../src/node/command-room.ts'

const limits = { pendingCommandsMax: 5_000, pendingBytesMax: 1_000_000, pendingMsMax: 500 }

/** A leader with `count` commands that are not answered, which answers `perMs` for a second. */
function room({ count, perMs }: { readonly count: number; readonly perMs: number }) {
  const pending = { count, bytes: 0, answered: 0 }
  const room = new CommandRoom(limits, pending)
  for (let now = 0; now <= 1_000; now += 10, pending.answered += 10 * perMs) room.turn(now)
  return { room, pending }
}

test('there is room for what is answered in time, at the pace of those before', () => {
  const { room: leader, pending } = room({ count: 4_000, perMs: 2 })
  expect(leader.whyNot(10)).toMatchObject({ code: 'OVERLOADED', message: 'the server has reached its limit pendingMsMax' })
  pending.count = 999
  expect(leader.whyNot(10)).toBeUndefined()
  pending.count = 1_000
  expect(leader.whyNot(10)).toBeDefined()
})

test('for so many there is room at any pace', () => {
  const { room: leader, pending } = room({ count: 4_000, perMs: 0.1 })
  pending.count = 255
  expect(leader.whyNot(10)).toBeUndefined()
  pending.count = 256
  expect(leader.whyNot(10)).toBeDefined()
})

test('a cluster that is slow with few commands is not taken for one that is full', () => {
  const { room: leader, pending } = room({ count: 3, perMs: 0.01 })
  pending.count = 4_999
  expect(leader.whyNot(10)).toBeUndefined()
  pending.count = 5_000
  expect(leader.whyNot(10)).toMatchObject({ message: 'the server has reached its limit pendingCommandsMax' })
})

test('nothing is known of a new term, nor once everything was answered', () => {
  const { room: leader, pending } = room({ count: 4_000, perMs: 2 })
  pending.count = 0
  leader.turn(1_010)
  pending.count = 4_000
  expect(leader.whyNot(10)).toBeUndefined()
  const { room: next } = room({ count: 4_000, perMs: 2 })
  next.lead()
  next.turn(1_010)
  expect(next.whyNot(10)).toBeUndefined()
})
