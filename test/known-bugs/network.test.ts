// Known bugs of what comes over the network.
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { InvariantError } from '../../src/core/index.ts'
import { ByteReader, WireError } from '../../src/wire/bytes.ts'
import { decodeClientMessage } from '../../src/wire/client-codec.ts'
import { decodeEntries } from '../../src/wire/entry-codec.ts'
import { frame } from '../../src/wire/frame.ts'
import { ForeignError, PreambleReader } from '../../src/wire/handshake.ts'
import { decodeMessage, writeMessage } from '../../src/wire/peer-codec.ts'
import { decodeServerMessage } from '../../src/wire/server-codec.ts'
import { closeAll, cluster, greeting, heartbeat, listen, member, RawSocket, until } from '../transport/world.ts'
import { lone, loneLeader } from '../core/lone.ts'

afterEach(closeAll)

test('bug 16: two clusters with the same ids on one network hear nothing of each other', async () => {
  const [one, two] = await cluster(2)
  const stranger = await listen(2, {
    self: { clusterId: 'c2', nodeId: 2, incarnation: 1 },
    members: [member(1, one?.transport.address ?? '')],
  })
  stranger.transport.send([heartbeat(2, 1, 666)])
  two?.transport.send([heartbeat(2, 1, 1)])
  await until('its own is heard, the stranger is refused', () => one?.received.length === 1 && stranger.errors.length > 0)
  expect(one?.rounds()).toEqual([1])
})

test('bug 16: a node that was removed is cut off, and what it says then is heard by nobody', async () => {
  const [one, two, three] = await cluster(3)
  three?.transport.send([heartbeat(3, 1, 1)])
  await until('heard', () => one?.received.length === 1)
  const members = [one, two].flatMap((peer) => (peer === undefined ? [] : [member(peer.id, peer.transport.address)]))
  for (const peer of [one, two]) peer?.setMembers(members, { members, removed: [3] })
  await until('told', () => (three?.removed.length ?? 0) > 0)
  three?.transport.send([heartbeat(3, 1, 2)])
  const raw = RawSocket.dial(one?.transport.address ?? '').write(greeting({ from: 3, to: 1 }))
  raw.write(frame((writer) => writeMessage(writer, heartbeat(3, 1, 3))))
  await until('refused', () => raw.isClosed)
  expect(one?.rounds()).toEqual([1])
})

test('bug 34: a node whose entries the others could not read is refused at the handshake, before it can lead them', async () => {
  const one = await listen(1)
  const newer = await listen(2, {
    machine: { name: 'locks', versions: [{ version: 1, wire: 'fedcba9876543210' }] },
    members: [member(1, one.transport.address)],
  })
  one.setMembers([member(2, newer.transport.address)])
  newer.transport.send([heartbeat(2, 1, 1)])
  await until('refused', () => newer.errors.length > 0 && one.errors.length > 0)
  expect(one.received).toEqual([])
  expect([...one.errors, ...newer.errors].every((error) => error.includes('fedcba9876543210'))).toBe(true)
})

test('bug 36: any bytes are a message, or an error that says why not; never anything else', () => {
  const decoders: readonly ((body: Uint8Array) => unknown)[] = [
    decodeMessage,
    decodeClientMessage,
    decodeServerMessage,
    (body) => decodeEntries(new ByteReader(Buffer.from(body))),
    (body) => new PreambleReader().push(Buffer.from(body)),
  ]
  const kind = fc.nat({ max: 40 })
  fc.assert(
    fc.property(kind, fc.uint8Array({ maxLength: 120 }), (first, rest) => {
      for (const decode of decoders) {
        try {
          decode(Buffer.concat([Buffer.from([first]), rest]))
        } catch (error) {
          expect(error instanceof WireError || error instanceof ForeignError, String(error)).toBe(true)
        }
      }
    }),
    { numRuns: 3_000 },
  )
})

test('bug 36: whatever a decoder lets through, no role of the core is stopped by it, but by what proves a broken promise', () => {
  const number = fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 5 }) },
    { weight: 1, arbitrary: fc.constantFrom(2 ** 47 - 1, 2 ** 47, 2 ** 48 - 1) },
  )
  const entryId = fc.record({ term: number, index: number })
  const header = { from: fc.integer({ min: 2, max: 5 }), to: fc.constant(1), term: number }
  const message = fc.oneof(
    fc.record({ kind: fc.constant('InstallSnapshot' as const), ...header, last: entryId }),
    fc.record({ kind: fc.constant('InstallSnapshotReply' as const), ...header, hint: entryId }),
    fc.record({ kind: fc.constant('TimeoutNow' as const), ...header }),
    fc.record({ kind: fc.constant('ReadIndex' as const), ...header, nonce: number, counter: number }),
    fc.record({ kind: fc.constant('ReadIndexReply' as const), ...header, nonce: number, counter: number, index: number }),
  )
  const roles = [() => lone({ terms: [1, 1, 2] }), () => loneLeader({ terms: [1, 1, 2] })]
  fc.assert(
    fc.property(fc.nat({ max: 1 }), fc.array(message, { maxLength: 10 }), (role, messages) => {
      const it = (roles[role] ?? roles[0])?.()
      try {
        for (const each of messages) it?.cluster.receive(each)
        it?.cluster.input(1, { kind: 'read', id: 1, lease: true })
        it?.cluster.tick(1, 2_500, { stepMs: 50 })
      } catch (error) {
        expect(error).toBeInstanceOf(InvariantError)
        expect(String(error)).toContain('two leaders in term')
      }
    }),
    { numRuns: 1_500 },
  )
})

test('of the older library: a peer that nobody knows, a ping, a proposal of nothing end no server', () => {
  const { cluster: one, node } = loneLeader()
  one.receive({ kind: 'HeartbeatReply', from: 99, to: 1, term: 1, round: 1 })
  one.receive({ kind: 'AppendEntriesReply', from: 99, to: 1, term: 1, ok: true, matchIndex: 1 })
  one.receive({ kind: 'ReadIndex', from: 99, to: 1, term: 1, nonce: 1, counter: 1 })
  one.receive({ kind: 'Heartbeat', from: 99, to: 1, term: 1, commitIndex: 0, round: 1 })
  one.input(1, { kind: 'propose', ticket: 1, commands: [] })
  one.input(1, { kind: 'propose', ticket: 2, commands: [new Uint8Array(0)] })
  expect(node.core.softState).toEqual({ role: 'leader', term: 1, leader: 1 })
  expect(node.accepted.map(({ count }) => count)).toEqual([0, 1])
})
