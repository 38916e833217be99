// A peer that comes back on another disk has forgotten what it had promised: it is refused as the one that it was, whoever dials whom.
import { afterEach, describe, expect, test } from 'vitest'
import { anotherDisk, KnownDisks, type PeerDisk, type PeerDisks, peerDisksMax } from '../../src/ports/peer-disks.ts'
import { bodyKinds } from '../../src/wire/kinds.ts'
import { decodeServerMessage } from '../../src/wire/server-codec.ts'
import { clusterId, closeAll, greeting, heartbeat, listen, member, RawSocket, rawServer, until, welcome } from './world.ts'

afterEach(closeAll)

const nowhere = '127.0.0.1:1'
const [diskA, diskB] = ['aa'.repeat(16), 'bb'.repeat(16)]
const seen = (diskId: string, incarnation = 1): PeerDisk => ({ id: 2, incarnation, diskId })
const self = (nodeId: number, diskId: string, incarnation = 1) => ({ clusterId, nodeId, incarnation, diskId })

/** A memory whose writes end when a test says so. */
class SlowDisks implements PeerDisks {
  readonly stored: readonly PeerDisk[]
  readonly written: (readonly PeerDisk[])[] = []
  readonly #ends: ((error: Error | undefined) => void)[] = []

  constructor(stored: readonly PeerDisk[] = []) {
    this.stored = stored
  }

  get underWay(): number {
    return this.#ends.length
  }

  write(disks: readonly PeerDisk[], done: (error: Error | undefined) => void): void {
    this.written.push(disks)
    this.#ends.push(done)
  }

  end(error?: Error): void {
    this.#ends.shift()?.(error)
  }

  close(done: (error: Error | undefined) => void): void {
    done(undefined)
  }
}

describe('a node that dials', () => {
  test('is refused when it has another disk than the one it was known with, and is told why', async () => {
    const one = await listen(1, { members: [member(2, nowhere)], disks: new SlowDisks([seen(diskA)]) })
    const raw = RawSocket.dial(one.transport.address).write(greeting({ diskId: diskB }))
    await until('closed', () => raw.isClosed)
    const message = anotherDisk(seen(diskA))
    expect(decodeServerMessage(raw.bodies[0] ?? Buffer.alloc(0))).toEqual({ kind: 'Goodbye', code: 'DATA_DIR_FOREIGN', message })
    expect(one.errors).toContain(`refused a connection from 127.0.0.1: ${message}`)
    expect(one.failures).toEqual([])
  })

  test('is refused when it was known with a disk and does not say which it has', async () => {
    const one = await listen(1, { members: [member(2, nowhere)], disks: new SlowDisks([seen(diskA)]) })
    const raw = RawSocket.dial(one.transport.address).write(greeting())
    await until('closed', () => raw.isClosed)
    expect(decodeServerMessage(raw.bodies[0] ?? Buffer.alloc(0))).toMatchObject({ code: 'DATA_DIR_FOREIGN' })
  })

  test('is let in with the disk it was known with, and with any other as a later incarnation', async () => {
    const one = await listen(1, { members: [member(2, nowhere)], disks: new SlowDisks([seen(diskA)]) })
    const same = RawSocket.dial(one.transport.address).write(greeting({ diskId: diskA }))
    await until('let in', () => same.bytes[7] === 1)
    const disks = new SlowDisks([seen(diskA)])
    const three = await listen(3, { members: [member(2, nowhere)], disks })
    const later = RawSocket.dial(three.transport.address).write(greeting({ to: 3, incarnation: 2, diskId: diskB }))
    await until('written', () => disks.underWay === 1)
    disks.end()
    await until('let in', () => later.bytes[7] === 1)
    expect(disks.written).toEqual([[seen(diskA), seen(diskB, 2)]])
  })

  test('on a disk that is new here has no answer before that is written down; another one is refused already', async () => {
    const disks = new SlowDisks()
    const one = await listen(1, { members: [member(2, nowhere)], disks })
    const first = RawSocket.dial(one.transport.address).write(greeting({ diskId: diskA }))
    await until('being written', () => disks.underWay === 1)
    const second = RawSocket.dial(one.transport.address).write(greeting({ diskId: diskB }))
    await until('the other is refused', () => second.isClosed)
    expect(first.bytes.length).toBe(0)
    expect(disks.written).toEqual([[seen(diskA)]])
    disks.end()
    await until('let in', () => first.bytes[7] === 1)
  })

  test('and was removed while its disk was being written down is told so', async () => {
    const disks = new SlowDisks()
    const one = await listen(1, { members: [member(2, nowhere)], disks })
    const raw = RawSocket.dial(one.transport.address).write(greeting({ diskId: diskA }))
    await until('being written', () => disks.underWay === 1)
    one.setMembers([], { members: [], removed: [2] })
    disks.end()
    await until('closed', () => raw.isClosed)
    expect(decodeServerMessage(raw.bodies[0] ?? Buffer.alloc(0))).toMatchObject({ code: 'NODE_REMOVED' })
  })

  test('is not let in when its disk cannot be written down, and the host is told to stop', async () => {
    const disks = new SlowDisks()
    const one = await listen(1, { members: [member(2, nowhere)], disks, timing: { handshakeTimeoutMs: 100, pingMs: 20 } })
    const raw = RawSocket.dial(one.transport.address).write(greeting({ diskId: diskA }))
    await until('being written', () => disks.underWay === 1)
    disks.end(new Error('EIO: i/o error, fsync'))
    await until('closed', () => raw.isClosed)
    expect(raw.bytes.length).toBe(0)
    expect(one.failures).toEqual(['EIO: i/o error, fsync'])
  })
})

describe('a node that answers', () => {
  test('with another disk than the one it was known with is sent nothing, and is told why', async () => {
    const server = await rawServer((raw) => raw.write(welcome(2, { diskId: diskB })))
    const one = await listen(1, { members: [member(2, server.address)], disks: new SlowDisks([seen(diskA)]) })
    one.transport.send([heartbeat(1, 2, 1)])
    await until('told', () => server.sockets.some(({ bodies }) => bodies.length === 2))
    const [hello, goodbye = Buffer.alloc(0)] = server.sockets[0]?.bodies ?? []
    expect(hello?.[0]).toBe(bodyKinds.PeerHello)
    const message = anotherDisk(seen(diskA))
    expect(decodeServerMessage(goodbye)).toEqual({ kind: 'Goodbye', code: 'DATA_DIR_FOREIGN', message })
    await until('reported', () => one.errors.length > 0)
    expect(one.errors).toEqual([`refused the node at ${server.address}: ${message}`])
  })

  test('on a disk that is new here is sent nothing before that is written down', async () => {
    const disks = new SlowDisks()
    const server = await rawServer((raw) => raw.write(welcome(2, { diskId: diskA })))
    const one = await listen(1, { members: [member(2, server.address)], disks })
    one.transport.send([heartbeat(1, 2, 1)])
    one.transport.flush()
    await until('being written', () => disks.underWay === 1)
    expect(server.sockets[0]?.bodies.map(([kind]) => kind)).toEqual([bodyKinds.PeerHello])
    expect(disks.written).toEqual([[seen(diskA)]])
    disks.end()
    await until('sent', () => server.sockets[0]?.bodies.some(([kind]) => kind === bodyKinds.Heartbeat) === true)
  })
})

describe('a node with another disk', () => {
  test('is told to stop by the member that it dials', async () => {
    const one = await listen(1, { members: [member(2, nowhere)], disks: new SlowDisks([seen(diskA)]) })
    const two = await listen(2, { members: [member(1, one.transport.address)], self: self(2, diskB) })
    await until('told', () => two.failures.length > 0)
    expect(two.failures).toEqual([`node 1 refuses this node: ${anotherDisk(seen(diskA))}`])
  })

  test('is told to stop by the member that dials it, should it not reach that', async () => {
    const two = await listen(2, { members: [member(1, nowhere)], self: self(2, diskB) })
    const one = await listen(1, { members: [member(2, two.transport.address)], disks: new SlowDisks([seen(diskA)]) })
    await until('told', () => two.failures.length > 0)
    expect(two.failures).toEqual([`node 1 refuses this node: ${anotherDisk(seen(diskA))}`])
    expect(one.failures).toEqual([])
  })

  test('does not stop because of one that is no member: that may be what is left of another cluster', async () => {
    const two = await listen(2, { self: self(2, diskB) })
    await listen(1, { members: [member(2, two.transport.address)], disks: new SlowDisks([seen(diskA)]) })
    await until('told', () => two.errors.some((error) => error.endsWith(anotherDisk(seen(diskA)))))
    expect(two.failures).toEqual([])
  })
})

describe('what is remembered', () => {
  test('of a member that was removed, or came back as another, is forgotten', async () => {
    const disks = new SlowDisks([seen(diskA), { id: 3, incarnation: 1, diskId: diskB }])
    const one = await listen(1, { members: [member(2, nowhere, 2)], committed: { members: [member(2, nowhere, 2)], removed: [3] }, disks })
    RawSocket.dial(one.transport.address).write(greeting({ incarnation: 2, diskId: diskB }))
    await until('written', () => disks.written.length === 1)
    expect(disks.written).toEqual([[seen(diskB, 2)]])
  })

  test('has a limit: then the oldest goes that may be forgotten', () => {
    const many = Array.from({ length: peerDisksMax }, (_, i): PeerDisk => ({ id: i + 1, incarnation: 1, diskId: diskA }))
    const known = new KnownDisks(many)
    known.add({ id: 5_000, incarnation: 1, diskId: diskB }, ({ id }) => id > 2)
    expect(known.all.length).toBe(peerDisksMax)
    expect(known.all.slice(0, 3).map(({ id }) => id)).toEqual([1, 2, 4])
    expect(known.judge({ id: 3, incarnation: 1, diskId: diskB })).toBe('new')
  })
})
