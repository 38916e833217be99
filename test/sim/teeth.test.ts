import { describe, expect, test } from 'vitest'
import type { Done, EntriesDone, EntriesRange, Log } from '../../src/ports/log.ts'
import type { Entry, LogBase, LogSummary, Persist } from '../../src/core/types.ts'
import type { ApplyContext, StateMachine } from '../../src/machine/state-machine.ts'
import { ListMachine, runSeed, type Sabotage, SimulationError, seeds } from '../../src/sim/index.ts'

/** A bug is to be found within this many seeds. */
const seedsMax = 50

/** Runs seeds with this bug until one fails; what it was found by. */
function findOut(sabotage: Sabotage): { readonly invariant: string; readonly seed: number } | undefined {
  for (const seed of seeds(seedsMax)) {
    try {
      runSeed(seed, { simulation: { sabotage } })
    } catch (error) {
      if (!(error instanceof SimulationError)) throw error
      return { invariant: error.invariant, seed }
    }
  }
  return undefined
}

/** Says that a write is durable when it has only begun. A crash then loses what was promised. */
class HastyLog implements Log {
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }
  get currentTerm(): number {
    return this.#log.currentTerm
  }
  get votedFor(): number | undefined {
    return this.#log.votedFor
  }
  get firstIndex(): number {
    return this.#log.firstIndex
  }
  get latestLogIndex(): number {
    return this.#log.latestLogIndex
  }
  get latestLogTerm(): number {
    return this.#log.latestLogTerm
  }
  get summary(): LogSummary {
    return this.#log.summary
  }
  appendEntries(write: Persist, done: Done): void {
    this.#log.appendEntries(write, () => {})
    // Any read comes back before the write does.
    this.#log.entry(0, () => done(undefined))
  }
  compact(base: LogBase, done: Done): void {
    this.#log.compact(base, done)
  }
  entries(range: EntriesRange, done: EntriesDone): void {
    this.#log.entries(range, done)
  }
  entry(index: number, done: (error: Error | undefined, entry: Entry | undefined) => void): void {
    this.#log.entry(index, done)
  }
  close(done: Done): void {
    this.#log.close(done)
  }
}

/** Lists, of which one replica now and then does something of its own. */
class OddMachine extends ListMachine {
  readonly #isOdd: boolean
  readonly #oddly: (apply: () => Uint8Array) => Uint8Array

  constructor(isOdd: boolean, oddly: (apply: () => Uint8Array) => Uint8Array) {
    super()
    this.#isOdd = isOdd
    this.#oddly = oddly
  }

  override apply(command: Uint8Array, context: ApplyContext): Uint8Array {
    const apply = (): Uint8Array => super.apply(command, context)
    return this.#isOdd && context.index % 7 === 0 ? this.#oddly(apply) : apply()
  }
}

/** Every third life of the nodes is odd. */
function odd(oddly: (apply: () => Uint8Array) => Uint8Array): Sabotage {
  let lives = 0
  return { machine: (): StateMachine => new OddMachine(++lives % 3 === 2, oddly) }
}

const watched = [
  'promises only what is durable (§3.8)',
  'committed is what a majority has on its disks',
  'applied <= commit <= last, and applied is durable',
  'one vote a term (§3.4)',
]

test('what is found is told with seed, time, rule, the last events, and the command that repeats it', () => {
  const sabotage: Sabotage = {
    message: (message) => (message.kind === 'Heartbeat' ? { ...message, commitIndex: message.commitIndex + 1 } : message),
  }
  const run = (): void => seeds(seedsMax).forEach((seed) => void runSeed(seed, { simulation: { sabotage } }))
  expect(run).toThrow(
    /^seed \d+, after \d+\.\d{3} s and \d+ steps: [^\n]+\n[\s\S]*node \d {4}sends \{"kind":[\s\S]*\nrepeat it with: RAFTGEN_SEED=\d+ npx vitest run test\/sim\/swarm\.test\.ts$/,
  )
})

describe('a bug is found out:', () => {
  test('a log that is done before it is durable', () => {
    expect(findOut({ log: (log) => new HastyLog(log) })?.invariant).toBe('promises only what is durable (§3.8)')
  })

  test('a log that is done before it is durable, also where nobody watches the promises', () => {
    expect(findOut({ log: (log) => new HastyLog(log), blindTo: watched })).toBeDefined()
  })

  test('queries that are answered without asking whether somebody else leads by now', () => {
    const found = findOut({
      clientMessage: (message) =>
        message.kind === 'Queries'
          ? { ...message, items: message.items.map((item) => ({ ...item, consistency: 'stale' as const })) }
          : message,
    })
    // Whichever read is the first to know less than it must.
    expect(['linearizability: real-time order', 'an answer reflects its token']).toContain(found?.invariant)
  })

  test('a follower that acknowledges entries which it refused', () => {
    const found = findOut({
      message: (message) =>
        message.kind === 'AppendEntriesReply' && !message.ok
          ? { kind: message.kind, from: message.from, to: message.to, term: message.term, ok: true, matchIndex: message.prevIndex }
          : message,
    })
    expect(found).toBeDefined()
  })

  test('a follower that acknowledges one entry too many', () => {
    const found = findOut({
      message: (message) =>
        message.kind === 'AppendEntriesReply' && message.ok ? { ...message, matchIndex: message.matchIndex + 1 } : message,
    })
    expect(found).toBeDefined()
  })

  test('a leader that tells its followers to commit what it has just sent', () => {
    const found = findOut({
      message: (message) =>
        message.kind === 'AppendEntries' ? { ...message, commitIndex: message.prev.index + message.entries.length } : message,
    })
    expect(found?.invariant).toBe('committed is what a majority has on its disks')
  })

  test('voters that refuse nobody', () => {
    const found = findOut({ message: (message) => (message.kind === 'RequestVoteReply' ? { ...message, granted: true } : message) })
    expect(found).toBeDefined()
  })

  test('a leader whose heartbeats never leave', () => {
    expect(findOut({ message: (message) => (message.kind === 'Heartbeat' ? undefined : message) })?.invariant).toBe('liveness')
  })

  test('a replica that applies a command twice', () => {
    const found = findOut(
      odd((apply) => {
        apply()
        return apply()
      }),
    )
    expect(found).toBeDefined()
  })

  test('a replica that answers otherwise than the others', () => {
    const found = findOut(odd((apply) => apply().map((byte) => byte ^ 1)))
    expect(found?.invariant).toBe('equal replies at an equal index')
  })

  test('a machine that changes its state when it is asked', () => {
    class ChangingMachine extends ListMachine {
      #asked = 0
      override query(query: Uint8Array): Uint8Array {
        this.#asked += 1
        return this.#asked % 10 === 0 ? Uint8Array.of(this.#asked) : super.query(query)
      }
    }
    const found = findOut({ machine: () => new ChangingMachine() })
    expect(found?.invariant).toBe('linearizability: the model')
  })
})
