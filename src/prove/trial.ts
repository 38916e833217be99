// Runs one case on replicas that ought to be one: the first as things are; a second under another clock, in another time zone, with other
// luck; one that was restarted on the way; and in the end one from the last snapshot and one that replays everything.
import { RaftgenError } from '../errors.ts'
import { resultMisfit } from '../contract/v1/handlers.ts'
import { createContext, type EntryContext } from '../machine/context.ts'
import type { HandlerFailure, OperationResult, Twin, TypedOperation } from '../machine/state-machine.ts'
import { Ambience } from '../sim/ambience.ts'
import type { CaseStep, DrawnStep } from './cases.ts'
import { Memory } from './recall.ts'
import type { GeneratedMachine, ResolvedSubject } from './subject.ts'

/** What is looked at, in the words of a report. */
export type Property =
  | 'no handler throws'
  | 'what a handler returns fits its schema'
  | 'a command that fails leaves no trace'
  | 'equal replicas stay equal'
  | 'a restart changes nothing'
  | 'a replay of the log gives the same'
  | 'what is encoded is decoded as it was'
  | 'a query changes nothing'
  | `the invariant ${string}`

/** Something that does not hold. */
export class PropertyFailure extends Error {
  override readonly name = 'PropertyFailure'
  readonly property: Property

  constructor(property: Property, message: string) {
    super(message)
    this.property = property
  }
}

/** A step as it was taken. */
export interface Taken {
  readonly step: CaseStep
  /** Of a call; `undefined` where it did not come to that. */
  readonly result: OperationResult | undefined
}

const term = 1
const startOf2026 = 1_767_225_600_000

interface Entry {
  readonly index: number
  readonly now: number
  readonly command: Uint8Array
  readonly reply: Uint8Array
}

interface Replica {
  readonly machine: GeneratedMachine
  readonly context: EntryContext
  readonly failures: HandlerFailure[]
}

export class Trial {
  readonly taken: Taken[] = []
  readonly #subject: ResolvedSubject
  readonly #first: Replica
  readonly #twin: Twin
  readonly #second: Replica
  readonly #scout: Replica
  #restarted: Replica | undefined
  readonly #memory: Memory
  readonly #ambience = new Ambience()
  readonly #log: Entry[] = []
  #now = startOf2026
  #index = 0

  constructor(subject: ResolvedSubject) {
    this.#subject = subject
    this.#memory = new Memory(subject.draft.types)
    this.#first = replicaOf(subject.machine())
    this.#twin = this.#first.machine.twin()
    this.#second = replicaOf(subject.machine())
    this.#scout = replicaOf(subject.machine())
  }

  /** Throws a `PropertyFailure`, after which `taken` ends with the step that showed it. */
  run(steps: readonly DrawnStep[]): void {
    this.#rememberKeys()
    this.#checkInvariants('at the start of the world')
    for (const step of steps) this.#take(step)
    this.#fromSnapshot()
    this.#replay()
  }

  #take(step: DrawnStep): void {
    if ('inputs' in step) return this.#call(step.command, this.#chosen(step.command, step.inputs), 'command')
    if ('advanceMs' in step) this.#now += step.advanceMs
    if ('restart' in step) this.#restarted = this.#fromSnapshot()
    if ('command' in step) return this.#call(step.command, this.#chosen(step.command, [step.input]), 'command')
    if ('query' in step) return this.#call(step.query, this.#memory.resolve(step.input), 'query')
    this.taken.push({ step, result: undefined })
  }

  /** The first of `inputs` that is not refused, or the last: tried on a replica of its own, which no refusal changes. */
  #chosen(command: string, inputs: readonly unknown[]): unknown {
    const operation = this.#operation('command', command)
    const next = { index: this.#index + 1, now: this.#now }
    let input: unknown
    for (const drawn of inputs) {
      input = this.#memory.resolve(drawn)
      const reply = this.#apply(this.#scout, operation.encode(input), next)
      if (this.#scout.failures.splice(0).length > 0 || operation.result(reply).kind === 'returned') break
    }
    return input
  }

  #call(name: string, input: unknown, kind: 'command' | 'query'): void {
    const operation = this.#operation(kind, name)
    const step = kind === 'command' ? { command: name, input } : { query: name, input }
    this.taken.push({ step, result: undefined })
    const call = encoded(operation, input)
    const result = operation.result(kind === 'command' ? this.#command(operation, call) : this.#query(operation, call))
    this.taken[this.taken.length - 1] = { step, result }
    if (result.kind !== 'returned') return
    this.#memory.keep(input)
    this.#memory.keep(result.value)
    this.#rememberKeys()
  }

  #operation(kind: 'command' | 'query', name: string): TypedOperation {
    const operation = this.#subject.operations.find(({ typed }) => typed.kind === kind && typed.name === name)?.typed
    if (operation === undefined) throw new RaftgenError('BAD_OPTIONS', `the machine has no ${kind} ${name}`)
    return operation
  }

  #command(operation: TypedOperation, command: Uint8Array): Uint8Array {
    const { name } = operation
    const first = this.#first.machine
    this.#index += 1
    const before = first.snapshot()
    const reply = this.#ambience.here(() => this.#apply(this.#first, command))
    const [failure] = this.#first.failures.splice(0)
    if (failure !== undefined) throw failed(failure)
    const result = checkReply(operation, reply)
    if (result.kind !== 'returned' && !isSame(before, first.snapshot()))
      throw new PropertyFailure('a command that fails leaves no trace', `${name} answered with an error, and its changes are there`)
    this.#log.push({ index: this.#index, now: this.#now, command, reply })

    const other = this.#ambience.elsewhere(() => this.#apply(this.#second, command))
    const said = difference(`what ${name} answers`, operation, reply, other) ?? this.#stateDifference()
    if (said !== undefined) throw new PropertyFailure('equal replicas stay equal', elsewhere(said))
    if (this.#restarted !== undefined) {
      const again = difference(`what ${name} answers`, operation, reply, this.#apply(this.#restarted, command))
      const differs =
        again ?? (isSame(first.snapshot(), this.#restarted.machine.snapshot()) ? undefined : `the state after ${name} differs`)
      if (differs !== undefined) throw new PropertyFailure('a restart changes nothing', `${differs} on a replica that was restarted before`)
    }
    this.#checkInvariants(`after ${name}`)
    return reply
  }

  #query(operation: TypedOperation, query: Uint8Array): Uint8Array {
    const { name } = operation
    const first = this.#first.machine
    const before = first.snapshot()
    const reply = this.#ambience.here(() => this.#ask(first, operation, query))
    checkReply(operation, reply)
    if (!isSame(before, first.snapshot())) throw new PropertyFailure('a query changes nothing', `${name} has changed the state`)
    const other = this.#ambience.elsewhere(() => this.#ask(this.#second.machine, operation, query))
    const said = difference(`what ${name} answers`, operation, reply, other)
    if (said !== undefined) throw new PropertyFailure('equal replicas stay equal', elsewhere(said))
    return reply
  }

  #ask(machine: GeneratedMachine, { name }: TypedOperation, query: Uint8Array): Uint8Array {
    const context = { index: this.#index, now: this.#now, version: machine.version }
    try {
      return machine.query(query, context)
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error))
      throw failed({ command: name, message, stack })
    }
  }

  #apply(replica: Replica, command: Uint8Array, { index, now } = { index: this.#index, now: this.#now }): Uint8Array {
    const { machine, context } = replica
    context.enter({ index, term, now, version: machine.version })
    try {
      return machine.apply(command, context)
    } catch (error) {
      const [failure] = replica.failures
      throw failure === undefined ? error : failed(failure)
    } finally {
      context.leave()
    }
  }

  /** Named as precisely as can be: the twin's machine is brought to the state of the second, and compared with the first. */
  #stateDifference(): string | undefined {
    const second = this.#second.machine.snapshot()
    if (isSame(this.#first.machine.snapshot(), second)) return undefined
    this.#twin.machine.restoreSnapshot(second)
    return this.#twin.difference() ?? 'the states differ'
  }

  #fromSnapshot(): Replica {
    const replica = replicaOf(this.#subject.machine())
    const snapshot = this.#first.machine.snapshot()
    replica.machine.restoreSnapshot(snapshot)
    if (!isSame(replica.machine.snapshot(), snapshot) || digestText(replica.machine) !== digestText(this.#first.machine))
      throw new PropertyFailure('a restart changes nothing', 'the state that was restored from a snapshot is another')
    return replica
  }

  #replay(): void {
    const replica = replicaOf(this.#subject.machine())
    this.#ambience.elsewhere(() => {
      for (const entry of this.#log) {
        const reply = this.#apply(replica, entry.command, entry)
        if (isSame(reply, entry.reply)) continue
        const name = this.#first.machine.nameOf?.(entry.command) ?? 'a command'
        throw new PropertyFailure(
          'a replay of the log gives the same',
          `command ${entry.index} (${name}) answers otherwise when it is applied again`,
        )
      }
    })
    if (!isSame(replica.machine.snapshot(), this.#first.machine.snapshot()))
      throw new PropertyFailure('a replay of the log gives the same', 'the state is another when all commands are applied again')
  }

  #rememberKeys(): void {
    this.#first.machine.typed.read((state) => this.#memory.keepKeys(state))
  }

  #checkInvariants(when: string): void {
    for (const { name, broken } of this.#subject.invariants) {
      const why = broken(this.#first.machine)
      if (why !== undefined) throw new PropertyFailure(`the invariant ${name}`, `it does not hold ${when}${why === '' ? '' : `: ${why}`}`)
    }
  }
}

function replicaOf(machine: GeneratedMachine): Replica {
  const failures: HandlerFailure[] = []
  return { machine, context: createContext((failure) => failures.push(failure)), failures }
}

function encoded(operation: TypedOperation, input: unknown): Uint8Array {
  const call = operation.encode(input)
  if (isSame(operation.encode(operation.decode(call)), call)) return call
  throw new PropertyFailure('what is encoded is decoded as it was', `the input of ${operation.name}, decoded, is another`)
}

function checkReply(operation: TypedOperation, reply: Uint8Array): OperationResult {
  const result = operation.result(reply)
  if (isSame(operation.encodeResult(result), reply)) return result
  throw new PropertyFailure('what is encoded is decoded as it was', `the result of ${operation.name}, decoded, is another`)
}

function failed({ command, message, stack }: HandlerFailure): PropertyFailure {
  const property = message.includes(resultMisfit) ? 'what a handler returns fits its schema' : 'no handler throws'
  const failure = new PropertyFailure(property, property === 'no handler throws' ? `the handler of ${command} threw: ${message}` : message)
  if (stack !== undefined) failure.stack = stack
  return failure
}

function difference(what: string, operation: TypedOperation, one: Uint8Array, other: Uint8Array): string | undefined {
  if (isSame(one, other)) return undefined
  return operation.result(other).kind === 'failed' ? `${operation.name} fails` : `${what} differs`
}

const elsewhere = (said: string): string => `under another clock, in another time zone and with other luck ${said}`

const isSame = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0

const digestText = ({ digest }: GeneratedMachine): string => (digest === undefined ? '' : `${digest.low} ${digest.high}`)
