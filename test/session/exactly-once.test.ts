// The oracle: whatever breaks, each call settles once, nothing takes effect twice, effects are in the order of the calls, answers are those
// of the log, and what is called "not applied" is not in it.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SessionInput } from '../../src/session/api.ts'
import { ClientSession } from '../../src/session/client-session.ts'
import { errorCodes, isErrorCode } from '../../src/errors.ts'
import { addresses, bytes, text } from './harness.ts'
import { ModelCluster } from './model-cluster.ts'

type Step =
  | { readonly kind: 'call'; readonly commands: number; readonly queries: number; readonly timeoutMs: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'cut' }
  | { readonly kind: 'depose'; readonly next: number | undefined; readonly silently: boolean }
  | { readonly kind: 'stop'; readonly server: number | undefined }
  | { readonly kind: 'overload'; readonly commands: number }
  | { readonly kind: 'hold'; readonly on: boolean }
  | { readonly kind: 'abort'; readonly back: number }
  | { readonly kind: 'expire' }

const server = fc.integer({ min: 1, max: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      commands: fc.nat(5),
      queries: fc.nat(2),
      timeoutMs: fc.constantFrom(20, 200, 5_000),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 3, 10, 20, 50, 400, 3_000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('cut' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('depose' as const), next: fc.option(server, { nil: undefined }), silently: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), server: fc.option(server, { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('overload' as const), commands: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold' as const), on: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('abort' as const), back: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const) }) },
)

interface Settlement {
  readonly kind: 'answered' | 'notApplied' | 'unknown'
  readonly index: number
  readonly reply: string
}

class World {
  readonly cluster: ModelCluster
  readonly settlements = new Map<number, Settlement>()
  /** Of a query: how much had been applied when it was called. */
  readonly floors = new Map<number, number>()
  calls = 0
  readonly #session: ClientSession
  #tickAt: number | undefined
  #connected: number | undefined

  constructor(seed: number) {
    this.cluster = new ModelCluster(seed, {
      received: (attempt, message) => this.#turn({ kind: 'received', attempt, message }),
      disconnected: (attempt, reason) => this.#turn({ kind: 'disconnected', attempt, reason, code: undefined }),
    })
    this.#session = new ClientSession({ servers: addresses, now: 0, seed })
    this.#turn()
  }

  run(one: Step): void {
    switch (one.kind) {
      case 'call':
        return this.#call(one)
      case 'wait':
        return this.wait(one.ms)
      case 'cut':
        return this.cluster.cut()
      case 'depose':
        return this.cluster.depose(one.next, one)
      case 'stop':
        return this.cluster.stop(one.server)
      case 'overload':
        this.cluster.overloads = one.commands
        return
      case 'hold':
        this.cluster.holdsCommits = one.on
        return
      case 'abort':
        return this.#turn({ kind: 'abort', callId: this.calls - one.back })
      case 'expire':
        return this.cluster.expireSessions()
      default:
    }
  }

  wait(ms: number): void {
    const end = this.cluster.now + ms
    while (true) {
      const at = Math.min(this.cluster.nextAt, this.#tickAt ?? Number.POSITIVE_INFINITY)
      if (at > end) break
      this.cluster.runUntil(Math.max(at, this.cluster.now))
      this.#turn()
    }
    this.cluster.runUntil(end)
  }

  #call({ commands, queries, timeoutMs }: Extract<Step, { kind: 'call' }>): void {
    const inputs: SessionInput[] = []
    for (let i = 0; i < commands + queries; i++) {
      this.calls += 1
      const operation = i < commands ? 'command' : 'query'
      if (operation === 'query') this.floors.set(this.calls, this.cluster.applied.length)
      const since = this.cluster.now
      const deadline = since + timeoutMs
      inputs.push({
        kind: 'call',
        callId: this.calls,
        operation,
        payload: bytes(`${this.calls}`),
        since,
        deadline,
        consistency: 'linearizable',
      })
    }
    this.#turn(...inputs)
  }

  #turn(...inputs: readonly SessionInput[]): void {
    this.#session.step({ kind: 'tick', now: this.cluster.now })
    for (const input of inputs) this.#session.step(input)
    const { send, disconnect, connect, settled, nextTickAt } = this.#session.ready()
    if (this.#connected !== undefined) this.cluster.send(this.#connected, send)
    if (disconnect !== undefined) this.cluster.disconnect(disconnect)
    if (connect !== undefined) {
      this.#connected = connect.attempt
      this.cluster.connect(connect)
    }
    for (const { callId, error, answer } of settled) {
      expect(this.settlements.has(callId), `call ${callId} settled twice`).toBe(false)
      const kind = answer !== undefined ? 'answered' : error?.outcome === 'notApplied' ? 'notApplied' : 'unknown'
      this.settlements.set(callId, {
        kind,
        index: answer?.index ?? 0,
        reply: answer === undefined ? (error?.message ?? '') : text(answer.reply),
      })
    }
    expect(nextTickAt ?? Number.POSITIVE_INFINITY, 'a tick is wanted at once again').toBeGreaterThan(this.cluster.now)
    this.#tickAt = nextTickAt
  }
}

function judge(world: World): void {
  const { applied } = world.cluster
  const effects = applied.filter((command) => command !== undefined).map(Number)
  expect(new Set(effects).size, 'a command took effect twice').toBe(effects.length)
  expect(effects, 'effects are in the order of the calls').toEqual(effects.toSorted((a, b) => a - b))
  for (let callId = 1; callId <= world.calls; callId++) {
    const settlement = world.settlements.get(callId)
    expect(settlement, `call ${callId} never settled`).toBeDefined()
    const floor = world.floors.get(callId)
    if (settlement?.kind === 'answered' && floor !== undefined) {
      expect(settlement.index, `query ${callId} missed what was applied before it`).toBeGreaterThanOrEqual(floor)
    } else if (settlement?.kind === 'answered') {
      expect(settlement.reply).toBe(`did ${callId}`)
      expect(applied[settlement.index - 1], `the answer to ${callId} has the index of another command`).toBe(`${callId}`)
    } else if (settlement?.kind === 'notApplied') {
      expect(effects.includes(callId), `command ${callId} was called not applied: ${settlement.reply}`).toBe(false)
    }
  }
}

describe('exactly once, in order', () => {
  test('holds whatever the network, the servers and the callers do', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(step, { minLength: 5, maxLength: 60 }), (seed, steps) => {
        const world = new World(seed)
        for (const one of steps) world.run(one)
        world.cluster.heal()
        world.wait(6_000)
        judge(world)
        // Once nothing breaks any more, calls succeed again.
        world.run({ kind: 'call', commands: 2, queries: 1, timeoutMs: 5_000 })
        world.wait(5_000)
        judge(world)
        for (let callId = world.calls - 2; callId <= world.calls; callId++) expect(world.settlements.get(callId)?.kind).toBe('answered')
      }),
      { numRuns: 500 },
    )
  })

  test('every code that the client itself gives out says truly whether the command was applied', () => {
    const codes = ['UNAVAILABLE', 'ABORTED', 'SESSION_EXPIRED', 'OVERLOADED', 'CLOSED', 'NOT_APPLIED', 'TOO_LARGE']
    expect(codes.map((code) => isErrorCode(code) && errorCodes[code].outcome)).toEqual(codes.map(() => 'notApplied'))
    expect(errorCodes.OUTCOME_UNKNOWN.outcome).toBe('unknown')
  })
})
