// One of three processes that do nothing but replicate: `node.js <dir>` follows, `node.js <dir> <port> <port>` leads those two. The leader is fixed,
// there are no terms, sessions, checks, handlers, digests or state, and nothing can be read back. What arrives while a batch is being written is the next
// one; each is a value in Level, synced, and acknowledged once two of three have it. What raftgen is measured against: its mark, not its peer.
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { Level } from 'level'
import { Arriving, answerBytes, countBytes, encodeCount, putBytes } from './wire.js'

const [dir = '', ...followers] = process.argv.slice(2)
const level = new Level<Buffer, Buffer>(join(dir, 'db'), {
  keyEncoding: 'buffer',
  valueEncoding: 'buffer',
  writeBufferSize: 64 * 1_024 * 1_024,
})

/** One write at a time. */
class BatchLog {
  readonly #onDurable: (count: number) => void
  #waiting: Buffer[] = []
  #count = 0
  #isWriting = false

  /** `onDurable`: so many batches are. */
  constructor(onDurable: (count: number) => void) {
    this.#onDurable = onDurable
  }

  append(batch: Buffer): void {
    this.#waiting.push(batch)
    if (!this.#isWriting) void this.#write()
  }

  async #write(): Promise<void> {
    this.#isWriting = true
    while (this.#waiting.length > 0) {
      const batches = this.#waiting
      this.#waiting = []
      this.#count += batches.length
      const key = Buffer.alloc(8)
      key.writeUInt32BE(this.#count, 4)
      await level.put(key, joined(batches), { sync: true })
      this.#onDurable(this.#count)
    }
    this.#isWriting = false
  }
}

const joined = (parts: readonly Buffer[]): Buffer => {
  const [first] = parts
  return first !== undefined && parts.length === 1 ? first : Buffer.concat(parts)
}

function follow(): Server {
  return createServer({ noDelay: true }, (leader) => {
    const log = new BatchLog((count) => leader.write(encodeCount(count)))
    const arriving = new Arriving()
    leader.on('error', () => undefined)
    leader.on('data', (bytes) => {
      arriving.add(bytes, (all, at) => {
        if (all.length - at < countBytes) return 0
        const length = countBytes + all.readUInt32LE(at)
        if (all.length - at < length) return 0
        log.append(all.subarray(at + countBytes, at + length))
        return length
      })
    })
  })
}

interface Puts {
  readonly client: Socket
  readonly bytes: Buffer
}

class Leader {
  readonly #followers: readonly Socket[]
  readonly #log: BatchLog
  /** How many batches each of the three has. */
  readonly #durable = [0, 0, 0]
  /** Not acknowledged yet, oldest first. */
  readonly #batches: (readonly Puts[])[] = []
  #waiting: Puts[] = []
  #acknowledged = 0
  #isWriting = false

  constructor(followers: readonly Socket[]) {
    this.#followers = followers
    this.#log = new BatchLog((count) => {
      this.#isWriting = false
      this.#onDurable(0, count)
      this.#next()
    })
    for (const [i, follower] of followers.entries()) {
      const arriving = new Arriving()
      follower.on('data', (bytes) => {
        arriving.add(bytes, (all, at) => {
          if (all.length - at < countBytes) return 0
          this.#onDurable(i + 1, all.readUInt32LE(at))
          return countBytes
        })
      })
    }
  }

  add(puts: Puts): void {
    this.#waiting.push(puts)
    if (this.#waiting.length === 1) setImmediate(() => this.#next())
  }

  #next(): void {
    if (this.#isWriting || this.#waiting.length === 0) return
    const batch = this.#waiting
    this.#waiting = []
    this.#isWriting = true
    this.#batches.push(batch)
    const bytes = joined(batch.map((puts) => puts.bytes))
    this.#log.append(bytes)
    for (const follower of this.#followers) {
      follower.cork()
      follower.write(encodeCount(bytes.length))
      follower.write(bytes)
      follower.uncork()
    }
  }

  #onDurable(node: number, count: number): void {
    this.#durable[node] = count
    const [, second = 0] = this.#durable.toSorted((a, b) => b - a)
    const answers = new Map<Socket, number>()
    for (; this.#acknowledged < second; this.#acknowledged++) {
      for (const { client, bytes } of this.#batches.shift() ?? []) answers.set(client, (answers.get(client) ?? 0) + bytes.length / putBytes)
    }
    for (const [client, puts] of answers) client.write(Buffer.alloc(puts * answerBytes))
  }
}

async function lead(): Promise<Server> {
  const sockets = followers.map((port) => connect({ port: Number(port), host: '127.0.0.1', noDelay: true }))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  const leader = new Leader(sockets)
  return createServer({ noDelay: true }, (client) => {
    const arriving = new Arriving()
    client.on('error', () => undefined)
    client.on('data', (bytes) => {
      arriving.add(bytes, (all, at) => {
        const whole = Math.floor((all.length - at) / putBytes) * putBytes
        if (whole > 0) leader.add({ client, bytes: all.subarray(at, at + whole) })
        return whole
      })
    })
  })
}

await level.open()
const server = followers.length === 0 ? follow() : await lead()
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address !== null) process.send?.({ port: address.port })
})
process.once('disconnect', () => process.exit(0))
