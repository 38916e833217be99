// Data directories of nodes with snapshots of states: made by replicas that have applied entries, without a cluster to wait for.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { locksDescriptor } from '../../examples/locks/generated/index.ts'
import { handlers } from '../../examples/locks/handlers.ts'
import { bind, type MachineDescriptor, type StateMachine } from '../../src/contract/v1.ts'
import type { EntryId } from '../../src/core/types.ts'
import type { Envelope } from '../../src/machine/envelope.ts'
import { Replica, type Treatment } from '../../src/machine/replica.ts'
import { LevelLog } from '../../src/storage/level-log.ts'
import { openSnapshotDir } from '../../src/storage/snapshot-dir.ts'
import { encodeReplica } from '../../src/wire/replica-codec.ts'
import { packValue } from '../../src/wire/value.ts'
import { kitchenSinkDescriptor } from '../codegen/golden/kitchen-sink/generated/index.ts'
import type { KitchenSinkState as SinkState } from '../codegen/golden/kitchen-sink/generated/types.ts'
import { closed, confOf } from './log-data.ts'

export const sinkSchema = join(import.meta.dirname, '../codegen/golden/kitchen-sink/schema.ts')
export const startMs = Date.UTC(2026, 0, 2, 3, 4, 5)

/** A replica with one session, 2, in term 3. */
export class Node {
  readonly replica: Replica
  #index = 0
  #seq = 0

  constructor(machine: StateMachine) {
    this.replica = new Replica(machine)
    this.apply({ kind: 'renewSessions', now: startMs })
    this.apply({ kind: 'openSession', now: startMs, ttlMs: 60_000 })
  }

  apply(envelope: Envelope, term = 3, treatment: Treatment = 'fail'): void {
    this.#index += 1
    this.replica.apply({ term, index: this.#index, kind: 'command', data: new Uint8Array(0), conf: undefined }, envelope, treatment)
  }

  /** A command of session 2, a second after the one before. */
  call(command: Uint8Array, treatment: Treatment = 'fail'): void {
    this.#seq += 1
    const now = startMs + this.#seq * 1_000
    this.apply({ kind: 'command', now, session: 2, seq: this.#seq, ackedBelow: 1, version: 1, command }, 3, treatment)
  }

  /** Time passes, until `index` was applied. */
  passTo(index: number): void {
    while (this.#index < index) this.apply({ kind: 'keepAlive', now: this.replica.now, sessions: [] })
  }

  get id(): EntryId {
    return { term: this.replica.lastAppliedTerm, index: this.replica.lastApplied }
  }
}

export const callOf = ({ commands }: MachineDescriptor, name: string, input: unknown): Uint8Array => {
  const operation = commands.find((command) => command.name === name)
  if (operation === undefined) throw new Error(`there is no command ${name}`)
  return packValue([1, operation.tag, operation.input.toWire(operation.input.check(input, 'input'))])
}

export const locksNode = (): Node => new Node(bind(locksDescriptor, handlers))
export const acquireBy = (node: Node, name: string, owner: string, treatment: Treatment = 'fail'): void =>
  node.call(callOf(locksDescriptor, 'acquire', { name, owner }), treatment)

/** The kitchen sink, whose state `script` changes in one command. */
export function sinkNode(...scripts: readonly ((state: SinkState) => void)[]): Node {
  const all = [...kitchenSinkDescriptor.commands, ...kitchenSinkDescriptor.queries]
  const others = Object.fromEntries(
    all.map(({ name }) => [
      name,
      () => {
        throw new Error('not called')
      },
    ]),
  )
  const left = [...scripts]
  const machine = bind(kitchenSinkDescriptor, { ...others, class: (state: SinkState) => left.shift()?.(state) })
  const node = new Node(machine)
  for (const _ of scripts) node.call(callOf(kitchenSinkDescriptor, 'class', { toString: '', constructor: 1, 'with-dash': true }))
  if (left.length > 0) throw new Error('a script was not run')
  return node
}

/** The data directory `dir` of a node that has a snapshot of `node` as it is. */
export async function stored(node: Node, dir: string, { clusterId = 'prod' }: { readonly clusterId?: string } = {}): Promise<string> {
  if (!existsSync(dir)) await LevelLog.bootstrap({ dir, identity: { clusterId, nodeId: 1, incarnation: 1 }, conf: confOf(1, 2, 3) })
  const snapshots = await openSnapshotDir(dir)
  const writer = snapshots.create({ id: node.id, conf: confOf(1, 2, 3) })
  for (const piece of encodeReplica(node.replica)) {
    await new Promise<void>((resolve, reject) => writer.write(piece, (error) => (error === undefined ? resolve() : reject(error))))
  }
  await new Promise<void>((resolve, reject) => writer.finish((error) => (error === undefined ? resolve() : reject(error))))
  await closed(snapshots)
  return dir
}

export const snapshotFile = (dir: string, { index, term }: EntryId): string => join(dir, 'snapshots', `snapshot-${index}-${term}`)
