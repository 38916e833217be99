import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { emit } from '../../codegen/emit/index.ts'
import { type GeneratedFile, type Generation, generate } from '../../codegen/generate.ts'
import type { Lock } from '../../codegen/lock.ts'
import { modelOf } from '../../codegen/locked-model.ts'
import { problemsIn } from './strict.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** And how their tsconfig wants imports to end. */
const extensions = {
  'examples/locks': 'js',
  'examples/counter': 'js',
  'examples/bank': 'js',
  'examples/queue': 'js',
  'test/codegen/golden/kitchen-sink': 'ts',
  'test/codegen/golden/indexes': 'ts',
} as const
type Folder = keyof typeof extensions
const folders = [
  'examples/locks',
  'examples/counter',
  'examples/bank',
  'examples/queue',
  'test/codegen/golden/kitchen-sink',
  'test/codegen/golden/indexes',
] as const satisfies readonly Folder[]
const generateIn = (folder: Folder, importExtension: 'js' | 'ts' = extensions[folder]): Promise<Generation> =>
  generate({ schemaFile: join(root, folder, 'schema.ts'), importExtension })

describe.each(folders)('%s', (folder) => {
  test('is what the generator makes of its schema today (UPDATE_GOLDEN=1 rewrites it)', async () => {
    const { files, diagnostics, stale } = await generateIn(folder)

    expect(diagnostics).toEqual([])
    expect(stale).toEqual([])
    for (const { path, text } of files) {
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text)
      expect(existsSync(path), path).toBe(true)
      expect(readFileSync(path, 'utf8'), path).toBe(text)
    }
    expect(readdirSync(join(root, folder, 'generated')).sort()).toEqual([
      'client.ts',
      'codec.ts',
      'errors.ts',
      'index.ts',
      'machine.ts',
      'schema-text.ts',
      'types.ts',
    ])
  })

  test('imports nothing but the contract and its own files', async () => {
    const { files } = await generateIn(folder)

    const imported = files.flatMap(({ text }) => [...text.matchAll(/from '([^']+)'/g)].map(([, module]) => module))
    expect(new Set(imported.filter((module) => module?.startsWith('./') !== true))).toEqual(new Set(['raftgen/contract/v1']))
  })

  test('needs no eval', async () => {
    const { files } = await generateIn(folder)

    for (const { text } of files) expect(text).not.toMatch(/\beval\b|new Function|import\(/)
  })
})

test('the same schema gives the same bytes from any working directory', async () => {
  const relative = await generate({ schemaFile: 'locks/schema.ts', cwd: join(root, 'examples') })
  const absolute = await generate({ schemaFile: join(root, 'examples/locks/schema.ts'), cwd: '/' })

  expect(relative.files).toEqual(absolute.files)
  expect(JSON.stringify(relative.files.map(({ text }) => text))).not.toContain(root)
})

const emittedIn = async (folder: Folder, extension: 'js' | 'ts'): Promise<readonly GeneratedFile[]> =>
  (await generateIn(folder, extension)).files.filter(({ path }) => path.endsWith('.ts'))

/** As code of an older version is made, whose schema is gone. */
async function emittedFromLock(folder: Folder): Promise<readonly GeneratedFile[]> {
  const { files } = await generateIn(folder)
  const lock: Lock = JSON.parse(files.find(({ path }) => path.endsWith('.wire.json'))?.text ?? '')
  const { files: emitted } = emit(modelOf(lock, 1), { toolVersion: '1', source: './schema.ts', extension: 'js' })
  return emitted.map(({ name, text }) => ({ path: join(root, folder, 'generated', name), text }))
}

describe('the emitted code compiles under every strict flag', () => {
  test.each([
    ['with imports that end in .js', (folder: Folder) => emittedIn(folder, 'js')],
    ['with imports that end in .ts', (folder: Folder) => emittedIn(folder, 'ts')],
    ['where it is made of the wire lock alone', (folder: Folder) => emittedFromLock(folder)],
  ])(
    '%s',
    async (_, emittedOf) => {
      const texts = new Map<string, string>()
      // Beside the committed ones: packages must resolve.
      for (const folder of folders) for (const { path, text } of await emittedOf(folder)) texts.set(path, text)

      expect(problemsIn(texts)).toEqual([])
    },
    60_000,
  )
})
