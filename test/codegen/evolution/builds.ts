// What is generated for two versions of one schema: as it was deployed when there was only the first, and for the second.
import { createJiti } from 'jiti'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Model } from '../../../codegen/model.ts'
import * as contract from '../../../src/contract/v1.ts'
import type { Envelope } from '../../../src/machine/envelope.ts'
import { Replica } from '../../../src/machine/replica.ts'
import { encodeCall } from '../../../src/contract/v1/call.ts'
import { encodeReplica } from '../../../src/wire/replica-codec.ts'
import { unpackValue, type Wire } from '../../../src/wire/value.ts'
import { Project } from '../project.ts'
import { freeze, type Parts, schemaOf } from './pairs.ts'

/** What tests use of `generated/index.ts`. */
export interface Shop {
  readonly shopDescriptor: contract.MachineDescriptor
  readonly shop: (handlers: object, older?: object) => contract.StateMachine
  readonly shopLadder: contract.VersionLadder
}
export interface Build {
  readonly code: Shop
  readonly model: Model
}
export interface Builds {
  readonly first: Build
  readonly second: Build
  /** Emitted source files, by path. */
  readonly texts: ReadonlyMap<string, string>
}

/** `migrations`: what the user wrote, beside the code of the second. */
export async function buildsOf(before: Parts, after: Parts, migrations?: string): Promise<Builds> {
  const project = new Project()
  project.write('package.json', '{ "type": "module" }')
  await project.emit(schemaOf(1, before))
  freeze(project, 1)
  const texts = new Map<string, string>()
  if (migrations !== undefined) {
    project.write('migrations.ts', migrations)
    texts.set(join(project.folder, 'migrations.ts'), migrations)
  }
  const build = async (schema: string, name: string): Promise<Build> => {
    const outDir = join(project.folder, name)
    mkdirSync(outDir)
    const { model, files, diagnostics } = await project.emit(schema, { outDir, importExtension: 'ts' })
    if (model === undefined) throw new Error(`nothing was generated: ${diagnostics.map(({ message }) => message).join(', ')}`)
    for (const { path, text } of files) if (path.endsWith('.ts')) texts.set(path, text)
    return { code: await jiti.import<Shop>(join(outDir, 'index.ts')), model }
  }
  const jiti = createJiti(import.meta.url, { fsCache: false, interopDefault: false, virtualModules: { 'raftgen/contract/v1': contract } })
  const first = await build(schemaOf(1, before), 'first')
  const second = await build(schemaOf(2, after), 'second')
  return { first, second, texts }
}

/** A replica that starts in version 1, and the entries that it is given. */
export class Follower {
  readonly #replica: Replica
  #index = 0
  #seq = 0

  constructor(machine: contract.StateMachine) {
    this.#replica = new Replica(machine)
    this.activate(1)
    this.#entry({ kind: 'openSession', now: 1_000, ttlMs: 1_000_000 })
  }

  /** Why it has failed: then it is skipped. */
  activate(version: number): string | undefined {
    this.#entry({ kind: 'activate', now: 1_000, version })
    return this.#replica.applied.failure?.message
  }

  /** The reply. */
  call({ version, commands }: contract.MachineDescriptor, name: string, input: unknown): Wire {
    const operation = commands.find((command) => command.name === name)
    if (operation === undefined) throw new Error(`version ${version} has no ${name}`)
    this.#seq += 1
    const command = encodeCall(operation, version, input)
    return this.#entry({ kind: 'command', now: 2_000, session: 2, seq: this.#seq, ackedBelow: 1, version, command })
  }

  ask({ version, queries }: contract.MachineDescriptor, name: string, input: unknown): Wire {
    const operation = queries.find((query) => query.name === name)
    if (operation === undefined) throw new Error(`version ${version} has no ${name}`)
    return unpackValue(this.#replica.query(encodeCall(operation, version, input), 0))
  }

  /** All that replicas must have in common. */
  get state(): { readonly digest: unknown; readonly snapshot: Buffer } {
    return { digest: this.#replica.machine.digest, snapshot: Buffer.concat([...encodeReplica(this.#replica)]) }
  }

  /** Of a table, as handlers see it. */
  rows(table: string): ReadonlyMap<string, unknown> {
    const rows = new Map<string, unknown>()
    this.#replica.machine.typed?.read((state) => {
      const found: unknown = Reflect.get(state, table)
      if (found instanceof Object && 'entries' in found && typeof found.entries === 'function')
        for (const [key, value] of found.entries()) rows.set(key, value)
    })
    return rows
  }

  cell(name: string): unknown {
    let found: unknown
    this.#replica.machine.typed?.read((state) => {
      found = Reflect.get(state, name)
    })
    return found
  }

  #entry(envelope: Envelope): Wire {
    this.#index += 1
    const entry = { term: 1, index: this.#index, kind: 'command', data: new Uint8Array(0), conf: undefined } as const
    let outcome = this.#replica.apply(entry, envelope)
    while (outcome === 'raising') outcome = this.#replica.apply(entry, envelope)
    if (outcome === 'halted') this.#index -= 1
    const { reply } = this.#replica.applied
    return reply.length === 0 ? null : unpackValue(reply)
  }
}
