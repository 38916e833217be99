// What the clients of a simulated cluster ask a generated machine for: inputs drawn from its schema, with what was answered before among them.
import fc from 'fast-check'
import type { TypedOperation } from '../machine/state-machine.ts'
import type { Chance } from '../sim/chance.ts'
import type { SimCall } from '../sim/history.ts'
import type { Words } from '../sim/options.ts'
import type { Operations } from '../sim/workload.ts'
import { Arbitraries } from './arbitraries.ts'
import { literal } from './literal.ts'
import { Memory } from './recall.ts'
import type { ResolvedSubject } from './subject.ts'

/** Inputs that are drawn at a time: fast-check draws the first of them simple, later ones wilder. */
const batch = 32

interface Source {
  readonly operation: TypedOperation
  readonly inputs: fc.Arbitrary<unknown>
  readonly drawn: unknown[]
}

export class DrawnCalls implements Operations {
  readonly #commands: readonly Source[]
  readonly #queries: readonly Source[]
  readonly #memory: Memory
  readonly #words: MachineWords

  constructor({ draft, operations, machine }: ResolvedSubject) {
    const arbitraries = new Arbitraries(draft.types, { recalls: true })
    const sources = operations.map(({ typed, draft: { input } }) => ({
      operation: typed,
      inputs: arbitraries.of({ kind: 'named', name: input }),
      drawn: [],
    }))
    this.#commands = sources.filter(({ operation }) => operation.kind === 'command')
    this.#queries = sources.filter(({ operation }) => operation.kind === 'query')
    this.#memory = new Memory(draft.types)
    machine().typed.read((state) => this.#memory.keepKeys(state))
    this.#words = new MachineWords(operations.map(({ typed }) => typed))
  }

  get words(): Words {
    return this.#words
  }

  /** Where there is only one kind of calls. */
  get share(): { readonly queries?: number } {
    if (this.#queries.length === 0) return { queries: 0 }
    return this.#commands.length === 0 ? { queries: 1 } : {}
  }

  command(chance: Chance): Uint8Array {
    return this.#draw(chance, this.#commands)
  }

  query(chance: Chance): Uint8Array {
    return this.#draw(chance, this.#queries)
  }

  answered({ kind, payload, outcome }: SimCall): void {
    const operation = this.#words.operationOf(kind === 'command' ? 'command' : 'query', payload)
    if (operation === undefined || outcome.kind !== 'answered') return
    const result = operation.result(outcome.reply)
    if (result.kind !== 'returned') return
    this.#memory.keep(operation.decode(payload))
    this.#memory.keep(result.value)
  }

  #draw(chance: Chance, sources: readonly Source[]): Uint8Array {
    const { operation, inputs, drawn } = chance.pick(sources)
    if (drawn.length === 0) drawn.push(...fc.sample(inputs, { seed: chance.seed() | 0, numRuns: batch }).reverse())
    return operation.encode(this.#memory.resolve(drawn.pop()))
  }
}

export class MachineWords implements Words {
  readonly #operations: readonly TypedOperation[]

  constructor(operations: readonly TypedOperation[]) {
    this.#operations = operations
  }

  call(kind: SimCall['kind'], payload: Uint8Array): string {
    const operation = this.operationOf(kind === 'command' ? 'command' : 'query', payload)
    return operation === undefined ? `${payload.length} bytes` : `${operation.name}(${literal(operation.decode(payload))})`
  }

  answer(kind: SimCall['kind'], payload: Uint8Array, reply: Uint8Array): string {
    const operation = this.operationOf(kind === 'command' ? 'command' : 'query', payload)
    const result = operation?.result(reply)
    const said = result === undefined ? `${reply.length} bytes` : result.kind === 'failed' ? 'HANDLER_FAILED' : literal(result.value)
    return `${this.call(kind, payload)} -> ${said}`
  }

  /** Whose call these bytes are. */
  operationOf(kind: 'command' | 'query', payload: Uint8Array): TypedOperation | undefined {
    return this.#operations.find((operation) => operation.kind === kind && operation.isCall(payload))
  }
}
