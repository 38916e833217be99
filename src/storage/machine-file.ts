// Whose log a data directory holds: the commands in it can be read by the machine that wrote them, and by no other.
import { join } from 'node:path'
import type { KnownVersion } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import { checksumOf, objectIn, readIfThere, replaceFile } from './checked-file.ts'
import { damaged } from './damage.ts'

const machineFile = 'machine.json'

/** A machine as far as its bytes are concerned. */
export interface MachineFormat {
  readonly name: string
  /** The newest that it knows. */
  readonly version: number
  readonly wire: string
  /** All that it knows, ascending. Default: that one. */
  readonly versions?: readonly KnownVersion[]
}

/**
 * Refuses with MACHINE_MISMATCH a machine that could not read what is in `dir`. The first machine that runs there is noted, durably,
 * before it can write anything. Which version of the schema is in force is in the log: a build may be older than the one that was noted, as long as
 * nothing was written in a version that it does not know.
 */
export async function checkMachine(dir: string, machine: MachineFormat): Promise<void> {
  const noted = await readMachine(dir)
  if (noted === undefined) return await writeMachine(dir, machine)
  if (noted.name !== machine.name) {
    throw new RaftgenError(
      'MACHINE_MISMATCH',
      `${dir} holds the log of the machine ${noted.name}, and this is ${machine.name}. Correct the path`,
    )
  }
  const known = machine.versions ?? [machine]
  const same = known.find(({ version }) => version === noted.version)
  if (same?.wire === noted.wire) return
  if (same === undefined && machine.versions !== undefined && noted.version > machine.version) return
  const [then, now] = [noted, machine].map(({ version, wire }) => `version ${version} (wire format ${wire})`)
  throw new RaftgenError(
    'MACHINE_MISMATCH',
    `${dir} holds a log of the machine ${machine.name} in ${then}, and this is ${now}, which cannot read it. ` +
      'Go back to that schema; or, while you develop, remove the data directories of all nodes and bootstrap them again',
  )
}

/** The machine that first ran on `dir`; none when none has. Errors: STORAGE_DAMAGED; anything else is an error of the system. */
export async function readMachine(dir: string): Promise<MachineFormat | undefined> {
  const path = join(dir, machineFile)
  const text = await readIfThere(path)
  return text === undefined ? undefined : decode(path, text)
}

function writeMachine(dir: string, { name, version, wire }: MachineFormat): Promise<void> {
  const checksum = checksumOf([name, version, wire])
  return replaceFile(dir, machineFile, `${JSON.stringify({ name, version, wire, checksum }, undefined, 2)}\n`)
}

function decode(path: string, text: string): MachineFormat {
  const { name, version, wire, ...rest }: { readonly [field in 'name' | 'version' | 'wire']?: unknown } = objectIn(path, text)
  if (typeof name !== 'string' || typeof version !== 'number' || typeof wire !== 'string') throw damaged(path, 'it does not name a machine')
  const [[key, checksum] = [], ...more] = Object.entries(rest)
  // The first notes had no checksum.
  if (key === undefined) return { name, version, wire }
  // A bit that flipped in a name must not look like another machine: its way out is another one.
  if (key !== 'checksum' || more.length > 0 || checksum !== checksumOf([name, version, wire]))
    throw damaged(path, 'it does not match its checksum')
  return { name, version, wire }
}
