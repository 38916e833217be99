// Programs of the system: whether they are there, and what they say.
import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** What it writes to stdout. Throws when it fails. */
export const output = async (file: string, args: readonly string[]): Promise<string> => (await execute(file, args)).stdout

/** Why programs cannot be used, if they cannot. */
export async function missingTools(names: readonly string[]): Promise<string | undefined> {
  const found = await Promise.all(names.map(isThere))
  const missing = names.filter((_, i) => found[i] === false)
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`
}

async function isThere(name: string): Promise<boolean> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  const found = await Promise.all(
    folders.map((folder) =>
      access(join(folder, name), constants.X_OK)
        .then(() => true)
        .catch(() => false),
    ),
  )
  return found.includes(true)
}

/** The first reason, if there is one. */
export async function firstReason(...probes: readonly (() => Promise<string | undefined>)[]): Promise<string | undefined> {
  for (const probe of probes) {
    const reason = await probe()
    if (reason !== undefined) return reason
  }
  return undefined
}

export const missingRoot = async (): Promise<string | undefined> =>
  process.getuid?.() === 0 ? undefined : 'only root may mount file systems'
