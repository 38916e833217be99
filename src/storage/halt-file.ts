// The command that the last life of a node died of, in its data directory:
//
//   data/1/halted.json        which, and what its handler threw; gone once it is behind the node
//   data/1/halted.json.next   one that was being written
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checksumOf, objectIn, readIfThere, replaceFile, syncDir } from './checked-file.ts'
import { DamageError } from './damage.ts'

const haltFile = 'halted.json'
const haltFormat = 1
const damageTodo = 'Remove it: the node then tries again what it died of, and notes it anew where it still does.'

export interface FatalCommand {
  readonly index: number
  /** Name of the operation; empty where it is not known. */
  readonly command: string
  readonly message: string
}

/** `undefined` when the last life died of none. Errors: STORAGE_DAMAGED; anything else is an error of the system. */
export async function readHalt(dir: string): Promise<FatalCommand | undefined> {
  const path = join(dir, haltFile)
  const text = await readIfThere(path)
  return text === undefined ? undefined : decode(path, text)
}

/** Atomic, and durable when it resolves. */
export function writeHalt(dir: string, { index, command, message }: FatalCommand): Promise<void> {
  const checksum = checksumOf([haltFormat, index, command, message])
  return replaceFile(dir, haltFile, `${JSON.stringify({ format: haltFormat, index, command, message, checksum }, undefined, 2)}\n`)
}

/** The command is behind the node. One that comes back after a crash is behind it still. */
export async function removeHalt(dir: string): Promise<void> {
  await rm(join(dir, haltFile), { force: true })
  await syncDir(dir)
}

function decode(path: string, text: string): FatalCommand {
  const { format, index, command, message, checksum }: Parsed = objectIn(path, text, damageTodo)
  const isOne = format === haltFormat && typeof index === 'number' && typeof command === 'string' && typeof message === 'string'
  if (!isOne) throw damaged(path, 'it does not name a command')
  if (checksum !== checksumOf([format, index, command, message])) throw damaged(path, 'it does not match its checksum')
  return { index, command, message }
}

type Parsed = { readonly [name in 'format' | 'index' | 'command' | 'message' | 'checksum']?: unknown }

const damaged = (path: string, what: string, cause?: unknown): DamageError => new DamageError(path, what, { todo: damageTodo, cause })
