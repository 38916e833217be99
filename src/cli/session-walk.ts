// The sessions in a snapshot, one by one.
import type { SessionRecord } from '../machine/sessions.ts'
import { checkSessionOrder, readSession, readSessionCount } from '../wire/sessions-codec.ts'
import type { Replica } from './snapshot-pair.ts'

export interface ReadSession {
  readonly record: SessionRecord
  readonly bytes: Buffer
}

export class SessionWalk {
  readonly size: number
  readonly #replica: Replica
  #left: number
  #current: ReadSession | undefined

  /** They are next. */
  static async open(replica: Replica): Promise<SessionWalk> {
    const walk = new SessionWalk(replica, await replica.content.read(readSessionCount))
    await walk.advance()
    return walk
  }

  /** For `open`. */
  constructor(replica: Replica, size: number) {
    this.#replica = replica
    this.size = size
    this.#left = size
  }

  get current(): ReadSession | undefined {
    return this.#current
  }

  async advance(): Promise<void> {
    const last = this.#current?.record.id ?? 0
    this.#current = undefined
    if (this.#left === 0) return
    this.#left -= 1
    const { content, head } = this.#replica
    this.#current = await content.read((reader) => {
      const record = readSession(reader, { lastApplied: head.lastApplied.index, now: head.now })
      return { record, bytes: Buffer.from(reader.slice(0)) }
    })
    checkSessionOrder(this.#current.record.id, last)
  }
}
