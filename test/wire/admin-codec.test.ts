import { describe, expect, test } from 'vitest'
import { noConf } from '../../src/core/conf.ts'
import { confStepsMax } from '../../src/wire/admin-codec.ts'
import { ByteWriter, WireError } from '../../src/wire/bytes.ts'
import { decodeClientMessage, writeClientMessage } from '../../src/wire/client-codec.ts'
import type { AdminOperation, ClientMessage } from '../../src/wire/client-messages.ts'
import { writeConf } from '../../src/wire/entry-codec.ts'
import { FrameWriter } from '../../src/wire/frame.ts'
import { bodyKinds } from '../../src/wire/kinds.ts'
import { decodeServerMessage } from '../../src/wire/server-codec.ts'
import { bodiesOf } from './plain.ts'

const bodyOf = (message: ClientMessage): Uint8Array => {
  const frames = new FrameWriter()
  writeClientMessage(frames, message)
  return bodiesOf(frames.take())[0] ?? new Uint8Array(0)
}
const request = (operation: AdminOperation): Uint8Array => bodyOf({ kind: 'AdminRequest', requestId: 1, operation })
const setLease = (count: number): AdminOperation => ({
  kind: 'changeConf',
  steps: Array.from({ length: count }, () => ({ kind: 'setLease', leaseMs: 1 }) as const),
  force: false,
})
const joinRequest = bodyOf({ kind: 'JoinRequest', requestId: 1, id: 4, peer: '', client: '', voter: undefined })
/** `body` with one byte changed. */
const patched = (body: Uint8Array, at: number, value: number): Uint8Array => {
  const bytes = new Uint8Array(body)
  bytes[at] = value
  return bytes
}

describe('an operation on the cluster', () => {
  test('has as many steps as one change may have', () => {
    const message = decodeClientMessage(request(setLease(confStepsMax)))
    expect(message.kind === 'AdminRequest' && message.operation).toEqual(setLease(confStepsMax))
  })

  test.each([
    ['a change has 257 steps, at most 256 are allowed', request(setLease(confStepsMax + 1))],
    // Kind, request id, then the operation.
    ['9 is not the number of an operation on the cluster', patched(request({ kind: 'members' }), 7, 9)],
    // Force and the count of steps stand before the first.
    ['7 is not the number of a step', patched(request(setLease(1)), 13, 7)],
    ['id of a member is 0', request({ kind: 'changeConf', steps: [{ kind: 'remove', id: 0 }], force: false })],
    ['id of a node is 0', bodyOf({ kind: 'JoinRequest', requestId: 1, id: 0, peer: '', client: '', voter: true })],
    ['voter is 3, neither 0, 1 nor 2', patched(joinRequest, joinRequest.length - 1, 3)],
  ])('is refused: %s', (message, body) => {
    expect(() => decodeClientMessage(body)).toThrow(new WireError(message))
  })

  test.each([
    ['changeConf', setLease(0), 0],
    ['transfer', { kind: 'transfer', to: 3 }, 1],
    ['members', { kind: 'members' }, 2],
  ] as const)('has a number for good: %s', (_, operation, number) => {
    expect(request(operation)[7]).toBe(number)
  })
})

describe('the answer to an operation', () => {
  const refusedWith = (code: string, reason: string): Uint8Array => {
    const writer = new ByteWriter()
    writer.u8(bodyKinds.AdminReply)
    writer.u48(1)
    writer.u8(1)
    writer.text(code)
    writer.text('no')
    writer.text(reason)
    writer.u8(0)
    return writer.take()
  }

  test('keeps its code and sentence when its reason is of a newer server', () => {
    expect(decodeServerMessage(refusedWith('CHANGE_REFUSED', 'fullMoon'))).toMatchObject({
      refused: { code: 'CHANGE_REFUSED', message: 'no', reason: undefined },
    })
  })

  test('with a code of a newer server leaves open whether the change was made', () => {
    expect(decodeServerMessage(refusedWith('FULL_MOON', 'confPending'))).toMatchObject({
      refused: { code: 'OUTCOME_UNKNOWN', message: 'no (FULL_MOON, which this release does not know)', reason: 'confPending' },
    })
  })

  test('names no member in an unknown state', () => {
    const writer = new ByteWriter()
    writer.u8(bodyKinds.AdminReply)
    writer.u48(1)
    writer.u8(0)
    writer.u8(1)
    for (const value of [1, 1, 1]) writer.u48(value)
    writeConf(writer, noConf)
    writer.u32(1)
    writer.u48(4)
    writer.u8(9)
    writer.raw(new Uint8Array(14))
    expect(() => decodeServerMessage(writer.take())).toThrow(new WireError('member 4 is in an unknown state'))
  })
})
