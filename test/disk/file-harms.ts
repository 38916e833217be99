// What may happen to a file as a whole.
import { copyFile, readFile, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { damageFile } from './damage.ts'
import { type FileKind, newest } from './files.ts'
import type { Harm, Target } from './harm.ts'

const noiseBytes = 512

export const fileHarms = (kind: FileKind): readonly Harm[] => [
  whole(kind, 'deleted', async ({ dir }) => await rm(await newest(kind, dir))),
  whole(kind, 'emptied', async ({ dir }) => await damageFile(await newest(kind, dir), () => Buffer.alloc(0))),
  whole(kind, 'noise in its place', async ({ dir, chance }) => {
    await damageFile(await newest(kind, dir), ({ length }) => noise(Math.max(length, noiseBytes), chance))
  }),
  whole(kind, 'noise behind it', async ({ dir, chance }) => {
    await damageFile(await newest(kind, dir), (content) => Buffer.concat([content, noise(noiseBytes, chance)]))
  }),
  whole(kind, "a peer's in its place", async ({ dir, peer }) => await replace(await newest(kind, dir), await newest(kind, peer))),
  whole(kind, 'an older one in its place', async ({ dir, older }) => await replace(await newest(kind, dir), await newest(kind, older))),
  ...(kind.name.includes('*') ? severalHarms(kind) : []),
]

/** Of kinds of which there may be several files. */
const severalHarms = (kind: FileKind): readonly Harm[] => [
  whole(kind, 'all of them deleted', async ({ dir }) => {
    await each(kind, dir, async (path) => await rm(path))
  }),
  whole(kind, 'a copy under the next number', async ({ dir }) => {
    const path = await newest(kind, dir)
    await copyFile(path, nextName(path))
  }),
  whole(kind, "a peer's under the next number", async ({ dir, peer }) => {
    await copyFile(await newest(kind, peer), nextName(await newest(kind, dir)))
  }),
  whole(kind, 'all of them cut in half', async ({ dir }) => {
    await each(kind, dir, async (path) => await damageFile(path, (content) => content.subarray(0, content.length >> 1)))
  }),
]

/** One that its owner has removed meanwhile is not there to be damaged. */
async function each(kind: FileKind, dir: string, harm: (path: string) => Promise<void>): Promise<void> {
  for (const path of await kind.find(dir)) {
    try {
      await harm(path)
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause
    }
  }
}

function whole(kind: FileKind, what: string, harm: (target: Target) => Promise<void>): Harm {
  const name = `${kind.name}: ${what}`
  return { kind: kind.name, place: name, name, harm }
}

/** In place: whoever has the file open sees it. */
async function replace(path: string, source: string): Promise<void> {
  const content = await readFile(source)
  await damageFile(path, () => content)
}

function nextName(path: string): string {
  const digits = /\d+/.exec(basename(path))?.[0] ?? ''
  const next = String(Number(digits) + 1).padStart(digits.length, '0')
  return join(dirname(path), basename(path).replace(digits, next))
}

const noise = (length: number, chance: Target['chance']): Buffer => Buffer.from(Array.from({ length }, () => chance.whole(0, 255)))
