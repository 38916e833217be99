// What a cluster promises of a follower that is slow, or gone: the majority does not wait for it, the leader holds a bounded amount for its
// sake, and it catches up once it can. In virtual time, so that the numbers are those of the protocol, not of a machine.
import { describe, expect, test } from 'vitest'
import { bytesOfEntry } from '../../src/core/limits.ts'
import type { CoreLimits, NodeId, PeerMessage } from '../../src/core/index.ts'
import { encodeListCommand, type SimClient, type Simulation, simulate } from '../../src/sim/index.ts'

const coreLimits = {
  messageBytesMax: 16 * 1_024,
  inflightMessagesMax: 8,
  inflightBytesMax: 64 * 1_024,
  cacheBytesMax: 64 * 1_024,
} satisfies Partial<CoreLimits>
/** A message is sent as long as the window is not full: the last one may go beyond it. */
const windowBytesMax = coreLimits.inflightBytesMax + coreLimits.messageBytesMax
const limits = { snapshotEntries: 1_000, logTailEntries: 500 }
const timing = { electionTimeoutMs: 300, heartbeatMs: 60 }
/** Of the run in which all are well. */
const shareMin = 0.9
const measuredMs = 3_000

/** What was sent, by whom to whom, of one kind: count, and bytes of entries. */
class Traffic {
  #count = 0
  #bytes = 0
  readonly sent: (message: PeerMessage) => PeerMessage
  #ends: { readonly from: NodeId; readonly to: NodeId } | undefined

  constructor() {
    this.sent = (message) => {
      if (message.from === this.#ends?.from && message.to === this.#ends.to) this.#add(message)
      return message
    }
  }

  get count(): number {
    return this.#count
  }
  get bytes(): number {
    return this.#bytes
  }

  /** Counts from now on, and only these. */
  watch(ends: { readonly from: NodeId; readonly to: NodeId }): void {
    this.#ends = ends
    this.#count = 0
    this.#bytes = 0
  }

  #add(message: PeerMessage): void {
    this.#count++
    if (message.kind === 'AppendEntries') for (const entry of message.entries) this.#bytes += bytesOfEntry(entry)
  }
}

/** The same links and disks for all, so that it does not matter which of two followers answers. */
function workingCluster(traffic: Traffic): { readonly sim: Simulation; readonly leader: NodeId; readonly follower: NodeId } {
  const constant = { latencyMs: { min: 1, max: 1 }, diskMs: { min: 1, max: 1 } }
  const sim = simulate({ seed: 3, voters: 3, timing, limits, coreLimits, ...constant, sabotage: { message: traffic.sent } })
  const leader = sim.runUntilLeader()
  const follower = sim.nodes.find((id) => id !== leader) ?? 0
  return { sim, leader, follower }
}

/** Clients that call again as soon as they have an answer: whatever slows the cluster down shows in what it commits. */
class Load {
  readonly #window = 4
  #isOver = false
  #value = 0

  constructor(sim: Simulation) {
    for (let count = 0; count < 8; count++) {
      const client = sim.client()
      for (let call = 0; call < this.#window; call++) this.#call(client)
    }
  }

  stop(): void {
    this.#isOver = true
  }

  #call(client: SimClient): void {
    if (this.#isOver) return
    const command = encodeListCommand({ kind: 'append', key: 1, value: ++this.#value })
    client.call('command', command, { timeoutMs: 60_000, settled: () => this.#call(client) })
  }
}

/** Commands committed in `measuredMs`, once the run has settled; `meanwhile` runs now and then. */
function throughput(sim: Simulation, meanwhile: () => void = () => undefined): number {
  sim.run({ ms: 500 })
  const before = sim.commitIndex
  for (let passed = 0; passed < measuredMs; passed += 20) {
    sim.run({ ms: 20 })
    meanwhile()
  }
  return sim.commitIndex - before
}

/** The load ends, nothing is slow any more: all have the same, and the states are what one copy would have. */
function checkCaughtUp(sim: Simulation, { load, follower }: { readonly load: Load; readonly follower: NodeId }): void {
  sim.heal()
  sim.runUntil('the follower has caught up under load', () => sim.commitIndex - (sim.status(follower)?.lastApplied ?? 0) < 200)
  load.stop()
  sim.runUntilConverged()
  expect(sim.status(follower)?.lastApplied).toBe(sim.commitIndex)
  expect(sim.calls.filter(({ outcome }) => outcome.kind !== 'answered')).toEqual([])
}

const allWell = (() => {
  let known: number | undefined
  return (): number => {
    const { sim } = workingCluster(new Traffic())
    const load = new Load(sim)
    known ??= throughput(sim)
    load.stop()
    return known
  }
})()

describe('a majority is not slowed down by more than a tenth, and the leader sends a bounded amount ahead', () => {
  const slow = [
    { name: 'a link of 20,000 bytes a second', byMs: 0, bytesPerSecond: 20_000 },
    { name: 'a link that takes 100 ms each way', byMs: 100, bytesPerSecond: 1e9 },
    { name: 'a link that takes longer than an election timeout', byMs: 500, bytesPerSecond: 1e9 },
  ]
  test.each(slow)('by a follower behind $name', ({ byMs, bytesPerSecond }) => {
    const { sim, leader, follower } = workingCluster(new Traffic())
    const elections = sim.elections
    const load = new Load(sim)
    sim.slowDown({ from: leader, to: follower, byMs, bytesPerSecond })
    sim.slowDown({ from: follower, to: leader, byMs, bytesPerSecond })
    let mostBytes = 0
    const committed = throughput(sim, () => {
      mostBytes = Math.max(mostBytes, sim.underWayBytes({ from: leader, to: follower }))
    })
    expect(committed).toBeGreaterThanOrEqual(shareMin * allWell())
    // A window that was taken for lost, because its answers are late, may still be on its way when the next one is sent; and frames around both.
    expect(mostBytes).toBeLessThanOrEqual(2.5 * windowBytesMax)
    expect(sim.elections).toBe(elections)
    checkCaughtUp(sim, { load, follower })
  })

  const stops = {
    'whose process has ended': (sim: Simulation, follower: NodeId) => sim.crash(follower),
    'that stands still': (sim: Simulation, follower: NodeId) => sim.stall(follower, { ms: 60_000 }),
    'that is cut off': (sim: Simulation, follower: NodeId) => sim.isolate(follower),
  }
  test.each(Object.entries(stops))('by a follower %s', (_, stop) => {
    const traffic = new Traffic()
    const { sim, leader, follower } = workingCluster(traffic)
    const elections = sim.elections
    const load = new Load(sim)
    sim.run({ ms: 200 })
    stop(sim, follower)
    traffic.watch({ from: leader, to: follower })
    const stoppedAt = sim.now
    let longestLog = 0
    const committed = throughput(sim, () => {
      const { firstIndex = 0, lastIndex = 0 } = sim.status(leader) ?? {}
      longestLog = Math.max(longestLog, lastIndex - firstIndex)
    })
    expect(committed).toBeGreaterThanOrEqual(shareMin * allWell())
    // It acknowledges nothing, so all of it would still be on its way.
    expect(traffic.bytes).toBeLessThanOrEqual(windowBytesMax)
    expect(traffic.count).toBeLessThanOrEqual(coreLimits.inflightMessagesMax + 2 * Math.ceil((sim.now - stoppedAt) / timing.heartbeatMs))
    expect(longestLog).toBeLessThan(committed / 2)
    expect(sim.elections).toBe(elections)
    checkCaughtUp(sim, { load, follower })
  })
})
