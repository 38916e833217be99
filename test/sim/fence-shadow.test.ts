import { describe, expect, test } from 'vitest'
import type { EntryId, Fence, Persist } from '../../src/core/types.ts'
import { FenceShadow } from '../../src/sim/oracle/fence-shadow.ts'

const at = (index: number): EntryId => ({ term: 1, index })
const write = (fence?: Fence): Persist => ({
  seq: 1,
  hardState: { term: 1, votedFor: undefined },
  reset: undefined,
  truncateFrom: undefined,
  entries: [],
  ...(fence === undefined ? {} : { fence }),
})

function opened(fence: Fence | undefined): FenceShadow {
  const shadow = new FenceShadow()
  shadow.opened(fence)
  return shadow
}

describe('where the floor is known', () => {
  test('the fence goes with the batch that reaches it, not when that is handed over', () => {
    const shadow = opened({ floor: at(5) })
    shadow.writes(write())
    expect(shadow.isGone).toBe(false)
    shadow.stored(at(5))
    expect(shadow.isGone).toBe(true)
  })

  test('a batch that does not reach it leaves the fence, and so does its slot', () => {
    const shadow = opened({ floor: at(5) })
    shadow.writes(write())
    shadow.stored(at(4))
    shadow.written(at(4))
    expect(shadow).toMatchObject({ isGone: false, isSettled: true })
  })

  test('a fence that is raised may be on the disk before the entries that reach it', () => {
    const shadow = opened(undefined)
    shadow.writes(write({ floor: at(5) }))
    expect(shadow.isGone).toBe(false)
    shadow.stored(at(5))
    expect(shadow.isGone).toBe(true)
  })

  test('a fence that is raised while a write is under way comes with the next', () => {
    const shadow = opened(undefined)
    shadow.writes(write())
    shadow.raised()
    shadow.stored(at(4))
    expect(shadow.isGone).toBe(false)
    shadow.written(at(4))
    shadow.writes(write({ floor: at(5) }))
    expect(shadow.isGone).toBe(false)
  })

  test('a floor that the node turns out to hold is forgotten with the write under way', () => {
    const shadow = opened(undefined)
    shadow.writes(write())
    shadow.raised()
    shadow.stored(at(5))
    shadow.written(at(5))
    expect(shadow.isGone).toBe(true)
  })
})

describe('where no floor is known', () => {
  test('the fence goes with the slot that says so, not with the batch before it', () => {
    const shadow = opened({ floor: undefined })
    shadow.writes(write({ floor: at(5) }))
    shadow.stored(at(5))
    expect(shadow.isGone).toBe(false)
    shadow.written(at(5))
    expect(shadow.isGone).toBe(true)
  })

  test('the fence stays until one is learned, and then at that floor', () => {
    const shadow = opened({ floor: undefined })
    shadow.writes(write())
    shadow.stored(at(5))
    shadow.written(at(5))
    expect(shadow.present).toEqual({ floor: undefined })
    shadow.writes(write({ floor: at(9) }))
    shadow.stored(at(5))
    shadow.written(at(5))
    expect(shadow.present).toEqual({ floor: at(9) })
  })
})
