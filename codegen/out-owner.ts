// Which machine the code in an out folder was generated for, as the header of its files says: two machines must not share a folder.
import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Diagnostic } from './diagnostic.ts'
import { emittedHeader } from './write.ts'

interface OutOwner {
  readonly machine: string
  /** Absolute. */
  readonly schemaFile: string
}

const headerPattern = /^\S+ from (.+) \(([a-zA-Z][a-zA-Z0-9-]*) v\d+, wire /

/** None when nothing of ours is in `outDir`, or nothing that says whose it is. */
async function ownerIn(outDir: string): Promise<OutOwner | undefined> {
  const text = await readFile(join(outDir, 'index.ts'), 'utf8').catch(() => '')
  if (!text.startsWith(emittedHeader)) return undefined
  const [, source, machine] = headerPattern.exec(text.slice(emittedHeader.length)) ?? []
  return source === undefined || machine === undefined ? undefined : { machine, schemaFile: resolve(outDir, source) }
}

export interface OutRequest {
  /** Absolute. */
  readonly outDir: string
  /** Absolute. */
  readonly schemaFile: string
  readonly machine: string
  readonly shown: (path: string) => string
}

/** An error where the folder holds the code of another machine, or of this one under another name; none where it may be written. */
export async function outTaken({ outDir, schemaFile, machine, shown }: OutRequest): Promise<Diagnostic | undefined> {
  const owner = await ownerIn(outDir)
  if (owner === undefined || owner.machine === machine) return undefined
  const place = { severity: 'error', code: 'OUT_TAKEN', file: shown(join(outDir, 'index.ts')), line: 0, column: 0 } as const
  const folder = dirname(schemaFile)
  if (owner.schemaFile === schemaFile) {
    const lock = shown(join(folder, `${owner.machine}.wire.json`))
    return {
      ...place,
      message: `the name of the machine has changed from ${owner.machine} to ${machine}; a new name starts a new wire lock`,
      // Of what is generated the index is enough, and nothing of the user's stands beside it where the folder is not ours alone.
      hint: `If that is wanted, delete ${place.file} and ${lock}, then run raftgen again; else set name: '${owner.machine}'.`,
    }
  }
  return {
    ...place,
    message: `this folder holds the code of another machine, ${owner.machine} of ${shown(owner.schemaFile)}`,
    hint: ownPlaces(machine, folder, shown),
  }
}

const ownPlaces = (machine: string, folder: string, shown: (path: string) => string): string =>
  `Give ${machine} places of its own, for example: --out ${shown(join(folder, machine, 'generated'))} --handlers ${shown(join(folder, machine, 'handlers.ts'))}`

export interface HandlersRequest {
  /** Absolute. */
  readonly handlersFile: string
  /** What is in it. */
  readonly text: string
  /** `LocksHandlers` */
  readonly handlersType: string
  readonly machine: string
  /** Absolute. */
  readonly schemaFile: string
  readonly shown: (path: string) => string
}

/** An error where the file has the handlers of another machine, and nothing of this one. */
export async function handlersTaken(request: HandlersRequest): Promise<Diagnostic | undefined> {
  const { handlersFile, text, handlersType, machine, schemaFile, shown } = request
  if (text.includes(handlersType)) return undefined
  for (const [, names = '', module = ''] of text.matchAll(/\bimport\s+(?:type\s+)?\{([^}]*)\}\s*from\s*['"](\.[^'"]+)['"]/g)) {
    if (!/\w+Handlers\b/.test(names)) continue
    const owner = await ownerIn(dirname(resolve(dirname(handlersFile), module)))
    if (owner === undefined || owner.machine === machine) continue
    return {
      severity: 'error',
      code: 'HANDLERS_TAKEN',
      ...{ file: shown(handlersFile), line: 0, column: 0 },
      message: `this file holds the handlers of another machine, ${owner.machine} of ${shown(owner.schemaFile)}`,
      hint: ownPlaces(machine, dirname(schemaFile), shown),
    }
  }
  return undefined
}
