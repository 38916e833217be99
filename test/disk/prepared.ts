// Directories to be damaged, made once and copied for each case: of three nodes that have run under load, were started anew several times (each
// start leaves LevelDB with one table more), and have taken snapshots.
//
//   older/   a round of writes before the level one
//   level/   all three hold the same
//   apart/   node 2 lacks what 1 and 3 have acknowledged since
//   other/   of another cluster
import { join } from 'node:path'
import { Client } from '../../src/client/index.ts'
import { RaftgenError } from '../../src/errors.ts'
import { decodePage, encodeCommand, encodeQuery } from './ledger.ts'
import { type Id, ids, Trio } from './trio.ts'

const rounds = 6
const roundCommands = 90
const apartCommands = 90
const inFlight = 4

export interface Prepared {
  readonly trio: Trio
  readonly older: string
  readonly level: string
  readonly apart: string
  readonly other: string
  /** What the nodes of `level` and `apart` hold. */
  readonly numbers: { readonly level: readonly number[]; readonly apart: readonly number[] }
  dispose(): Promise<void>
}

export async function prepare(): Promise<Prepared> {
  const trio = await Trio.bootstrap()
  const folder = (name: string): string => join(trio.root, name)
  const [older, level, apart, other] = [folder('older'), folder('level'), folder('apart'), folder('other')]
  const writer = new Writer(trio)
  for (let round = 1; round <= rounds; round++) {
    await writer.write(ids, roundCommands)
    if (round === rounds - 1) await trio.save(older)
  }
  await trio.save(level)
  const atLevel = writer.numbers
  await writer.write([1, 3], apartCommands)
  await trio.save(apart)
  await saveOther(other)
  return { trio, older, level, apart, other, numbers: { level: atLevel, apart: writer.numbers }, dispose: () => trio.dispose() }
}

class Writer {
  readonly #trio: Trio
  #next = 0
  #numbers: readonly number[] = []

  constructor(trio: Trio) {
    this.#trio = trio
  }

  /** What was written, in its order. */
  get numbers(): readonly number[] {
    return this.#numbers
  }

  /** Starts these nodes, writes, waits until they are level, and stops them. */
  async write(which: readonly Id[], count: number): Promise<void> {
    const refused = await Promise.all(which.map((id) => this.#trio.start(id)))
    for (const ended of refused) if (ended !== undefined) throw new RaftgenError('INTERNAL', ended.message)
    const client = await Client.connect({ servers: this.#trio.servers, timeoutMs: 30_000 })
    const end = this.#next + count
    const loop = async (): Promise<void> => {
      while (this.#next < end) await client.propose(encodeCommand(this.#next++))
    }
    await Promise.all(Array.from({ length: inFlight }, loop))
    this.#numbers = decodePage((await client.query(encodeQuery(0))).reply).numbers
    await client.close()
    const comparison = await this.#trio.compare(which)
    if (comparison.kind !== 'equal') throw new Error(comparison.what)
    await this.#trio.stopAll()
  }
}

async function saveOther(target: string): Promise<void> {
  const trio = await Trio.bootstrap({ clusterId: 'other' })
  try {
    await trio.save(target)
  } finally {
    await trio.dispose()
  }
}
