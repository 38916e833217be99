import type { Chance } from './chance.ts'

/** Every way in which the simulated world may misbehave. A run counts how often each really happened. */
export const faultClasses = [
  // Network between servers.
  'loss',
  'duplication',
  'reordering',
  'corruption',
  'slowLink',
  'unreachable',
  'partition',
  'oneWayCut',
  'isolation',
  'flapping',
  'leaderHunt',
  // Servers.
  'crash',
  'crashOfAll',
  'crashInTurn',
  'stall',
  'clockJump',
  // Disks.
  'unsyncedLost',
  'unsyncedKept',
  'writeError',
  'readError',
  'slowDisk',
  // Clients.
  'connectionBreak',
  'clientCut',
  'clientCrash',
  'abort',
  // Operators.
  'addServer',
  'removeServer',
  'demote',
  'promote',
  'replaceDisk',
  'addressChange',
  'leaseToggle',
  'transfer',
  // Snapshots.
  'fileError',
  'snapshotDamage',
  'stateLoss',
  'snapshotFetchBroken',
  'restartInInstall',
  // Disks that lie.
  'logDamage',
  'slotDamage',
  'rollback',
] as const
/** What comes of faults, or goes on beside them: counted, so that a swarm in which it no longer happens is found out. */
const eventClasses = [
  /** The handler of a command failed, on some replica. */
  'handlerFailed',
  'peerDown',
  'slotTorn',
  /** A log was found damaged, and opened fenced; nobody could tell what one had held. */
  'fenced',
  'floorUnknown',
  /** A node was told what it had forgotten. */
  'forgotten',
  /** Let in although it is not known, or only as what it was before it lost its disk. */
  'guest',
  'toldRemoved',
  'leaderRemoved',
  'stallInLease',
  'snapshotTaken',
  'snapshotFetched',
  'snapshotInPieces',
  'logCompacted',
  'followerRead',
  'leaseRead',
  'atLeastRead',
  /** A report of a node's digest arrived. */
  'digestReport',
  /** A server got a build of the machine that knows another version of the schema; or went back; and that version was put in force. */
  'buildRaised',
  'buildBack',
  'versionActivated',
  /** A call whose place was found by search. */
  'searched',
  /** There was a leader in time although servers had nothing but chance to tell them apart. */
  'electedInPhase',
  /** While a follower fetched a snapshot over a slow line more was written than is kept otherwise, and it followed the log again. */
  'overtaken',
] as const
export type FaultClass = (typeof faultClasses)[number]
export type EventClass = (typeof eventClasses)[number]
type Counted = FaultClass | EventClass
const counted: readonly Counted[] = [...faultClasses, ...eventClasses]

export const everyFault: readonly FaultClass[] = faultClasses
export const noFault: readonly FaultClass[] = []

/** How often each class happened. */
export class Coverage {
  readonly #counts = new Map<Counted, number>(counted.map((name) => [name, 0]))

  count(name: Counted, times = 1): void {
    this.#counts.set(name, this.of(name) + times)
  }

  of(name: Counted): number {
    return this.#counts.get(name) ?? 0
  }

  add(other: Coverage): void {
    this.addCounts(other.counts)
  }

  addCounts(counts: Readonly<Record<string, number>>): void {
    for (const name of counted) this.count(name, counts[name] ?? 0)
  }

  /** By name. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }

  /** Classes that never happened. */
  get missing(): readonly Counted[] {
    return counted.filter((name) => this.of(name) === 0)
  }

  toString(): string {
    return counted.map((name) => `${name} ${this.of(name)}`).join(', ')
  }
}

/** What the links between servers do to single packets. Probabilities. */
export interface LinkFaults {
  readonly loss: number
  readonly duplication: number
  readonly reordering: number
  readonly corruption: number
  /** A packet is lost, or nothing is wrong at all: the sender is told that the connection broke. */
  readonly unreachable: number
}

export const cleanLinks: LinkFaults = { loss: 0, duplication: 0, reordering: 0, corruption: 0, unreachable: 0 }

/**
 * Which of the allowed classes this seed uses, and how much of each: a run with few classes goes deep where one with all of them would
 * only drown (swarm testing).
 */
export function drawFaults(
  allowed: readonly FaultClass[],
  chance: Chance,
): { readonly active: readonly FaultClass[]; readonly links: LinkFaults } {
  const active = allowed.filter(() => chance.happens(0.6))
  const drawn = (name: FaultClass, max: number): number => {
    const probability = chance.between(0, 1) ** 2 * max
    return active.includes(name) ? probability : 0
  }
  const links = {
    loss: drawn('loss', 0.2),
    duplication: drawn('duplication', 0.1),
    reordering: drawn('reordering', 0.2),
    corruption: drawn('corruption', 0.02),
    unreachable: drawn('unreachable', 0.5),
  }
  return { active, links }
}
