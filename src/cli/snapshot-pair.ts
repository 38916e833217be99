// Which snapshots of two data directories can be compared: the newest of one entry that both have whole.
import { RaftgenError } from '../errors.ts'
import { readDataDir } from '../storage/data-dir.ts'
import { openSeen, type SeenSnapshot, seeSnapshots } from '../storage/snapshot-look.ts'
import { WireError } from '../wire/bytes.ts'
import type { ReplicaHead, ReplicaMachine } from '../wire/replica-codec.ts'
import { Advised, WrongUse } from './wrong-use.ts'
import { type OnRead, SnapshotStream } from './snapshot-stream.ts'

/** One side. */
export interface Replica {
  /** The data directory, as it was named. */
  readonly dir: string
  readonly head: ReplicaHead
  /** The sessions are next. */
  readonly content: SnapshotStream
}
export type Pair = readonly [Replica, Replica]

export interface PairOptions {
  /** The entry. Default: the newest that both have. */
  readonly at: number | undefined
  /** Told of what is passed over. */
  readonly notice: (text: string) => void
  /** Told of each file before it is read, which takes its time. */
  readonly onFile: (path: string) => void
  readonly onRead: OnRead
}

interface Side {
  readonly dir: string
  readonly clusterId: string | undefined
  readonly snapshots: readonly SeenSnapshot[]
}

/** A running node removes its older snapshots, and may have done so since they were listed. */
const tries = 10
class Gone extends Error {}

/** Throws `WrongUse` where there is nothing to compare, STORAGE_DAMAGED where there would be. Both are open: the caller closes them. */
export async function openPair(dirs: readonly [string, string], options: PairOptions): Promise<Pair> {
  for (let tried = 1; ; tried++) {
    try {
      return await openListed(dirs, options)
    } catch (thrown) {
      if (!(thrown instanceof Gone)) throw thrown
      if (tried === tries)
        throw new WrongUse(thrown.message, 'Its node takes one after the other. Compare copies of the folders `snapshots`.')
    }
  }
}

async function openListed(dirs: readonly [string, string], options: PairOptions): Promise<Pair> {
  const [a, b] = [await sideOf(dirs[0]), await sideOf(dirs[1])]
  if (a.clusterId !== undefined && b.clusterId !== undefined && a.clusterId !== b.clusterId) {
    const message = `${a.dir} is of the cluster ${a.clusterId}, and ${b.dir} of ${b.clusterId}`
    throw new WrongUse(message, 'Name the data directories of two nodes of one cluster.')
  }
  const damages: string[] = []
  for (const index of commonIndexes(a, b, options.at)) {
    const pair = await openAt(index, [a, b], { ...options, damages })
    if (pair === undefined) continue
    try {
      checkMachines(pair)
      for (const damage of damages) options.notice(`${damage}; the states after entry ${index} are compared`)
      return pair
    } catch (cause) {
      await closePair(pair)
      throw cause
    }
  }
  const hint = `What there is: ${heldText(a)}; ${heldText(b)}. Compare with another replica, or when both have taken another snapshot.`
  throw new Advised(new RaftgenError('STORAGE_DAMAGED', damages.join('; ')), hint)
}

export async function closePair([a, b]: Pair): Promise<void> {
  await a.content.close()
  await b.content.close()
}

/** A copy may have its snapshots alone, and a directory that is damaged elsewhere may have good ones. */
async function sideOf(dir: string): Promise<Side> {
  const snapshots = await seeSnapshots(dir)
  try {
    const { identity } = await readDataDir(dir)
    return { dir, clusterId: identity.clusterId, snapshots: snapshots ?? [] }
  } catch (cause) {
    if (!(cause instanceof RaftgenError) || snapshots === undefined) throw cause
    return { dir, clusterId: undefined, snapshots }
  }
}

/** The newest first. Throws `WrongUse` when there is none. */
function commonIndexes(a: Side, b: Side, at: number | undefined): readonly number[] {
  const both = indexesOf(a).filter((index) => indexesOf(b).includes(index))
  if (at === undefined) {
    if (both.length > 0) return both
    throw new WrongUse(`${a.dir} and ${b.dir} have no snapshot of the same entry: ${heldText(a)}; ${heldText(b)}`, noneHint)
  }
  if (both.includes(at)) return [at]
  const lacking = [a, b].filter((side) => !indexesOf(side).includes(at))
  const hint = both.length === 0 ? `What there is: ${heldText(a)}; ${heldText(b)}.\n${noneHint}` : `Both have ${entriesText(both)}.`
  throw new WrongUse(lacking.map((side) => `${side.dir} has no snapshot of entry ${at}`).join('; '), hint)
}

const noneHint =
  'Each node chooses for itself when to take one, and keeps two. Nodes that have found out that they differ take one of the same entry:\n' +
  'wait for that, and compare again. Or compare with another replica: one that has fetched a snapshot has the same one as who gave it.'

const indexesOf = ({ snapshots }: Side): readonly number[] => [...new Set(snapshots.map(({ id }) => id.index))]

const heldText = (side: Side): string => {
  const indexes = indexesOf(side)
  return `${side.dir} has ${indexes.length === 0 ? 'none' : entriesText(indexes)}`
}

const entriesText = (indexes: readonly number[]): string =>
  `${indexes.length === 1 ? 'that of entry' : 'those of entries'} ${indexes.toReversed().join(' and ')}`

interface Opening extends PairOptions {
  readonly damages: string[]
}

async function openAt(index: number, [a, b]: readonly [Side, Side], opening: Opening): Promise<Pair | undefined> {
  const first = await openOne(candidatesOf(a, b, index), a.dir, opening)
  // The other is read all the same: both may be damaged.
  const second = await openOne(candidatesOf(b, a, index), b.dir, opening).catch(async (cause: unknown) => {
    await first?.content.close()
    throw cause
  })
  if (first !== undefined && second !== undefined) return [first, second]
  await first?.content.close()
  await second?.content.close()
  return undefined
}

/** Those of the same term come first. With different terms two leaders have committed at one index, and that is a difference like any other. */
function candidatesOf(side: Side, other: Side, index: number): readonly SeenSnapshot[] {
  const isShared = ({ id }: SeenSnapshot): boolean =>
    other.snapshots.some((theirs) => theirs.id.index === index && theirs.id.term === id.term)
  return side.snapshots.filter(({ id }) => id.index === index).toSorted((x, y) => Number(isShared(y)) - Number(isShared(x)))
}

async function openOne(
  candidates: readonly SeenSnapshot[],
  dir: string,
  { onFile, onRead, damages }: Opening,
): Promise<Replica | undefined> {
  for (const seen of candidates) {
    onFile(seen.path)
    try {
      return { dir, ...(await openReplica(seen, onRead)) }
    } catch (thrown) {
      if (!(thrown instanceof WireError)) throw thrown
      damages.push(`${seen.path} is damaged: ${thrown.message}`)
    }
  }
  return undefined
}

async function openReplica(seen: SeenSnapshot, onRead: OnRead): Promise<Pick<Replica, 'head' | 'content'>> {
  const snapshot = await openSeen(seen)
  if (snapshot === undefined) throw new Gone(`${seen.path} is not there any more`)
  try {
    return await SnapshotStream.open(seen, snapshot, onRead)
  } catch (cause) {
    await snapshot.close()
    throw cause
  }
}

function checkMachines([a, b]: Pair): void {
  const [ours, theirs] = [a.head.machine, b.head.machine]
  if (ours.name === theirs.name && ours.version === theirs.version && ours.wire === theirs.wire) return
  const message = `${a.dir} holds a state of ${machineText(ours)}, and ${b.dir} of ${machineText(theirs)}`
  throw new WrongUse(message, 'States of one machine can be compared, in one version and one wire format.')
}

export const machineText = ({ name, version, wire }: ReplicaMachine): string =>
  `the machine ${name}, version ${version} (wire format ${wire})`
