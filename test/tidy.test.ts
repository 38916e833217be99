import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

/**
 * The architecture, as it is enforced. A folder may import itself and what stands behind it: other folders, `node:` modules and packages.
 * Nothing is implied. `src/errors.ts` may be imported by everyone; it imports nothing.
 */
const layers: Readonly<Record<string, readonly string[]>> = {
  'src/core': [],
  'src/machine': ['src/core', 'sorted-btree', 'node:worker_threads'],
  'src/ports': ['src/core'],
  'src/wire': ['src/core', 'src/machine', 'node:zlib', 'msgpackr'],
  'src/storage': ['src/core', 'src/ports', 'src/wire', 'level', 'node:assert', 'node:fs', 'node:fs/promises', 'node:path', 'node:zlib'],
  'src/transport': ['src/core', 'src/ports', 'src/wire', 'node:net'],
  'src/node': ['src/core', 'src/machine', 'src/ports', 'src/wire'],
  'src/session': ['src/core', 'src/wire'],
  'src/client': ['src/core', 'src/machine', 'src/wire', 'src/session', 'src/transport'],
  'src/sim': ['src/core', 'src/machine', 'src/ports', 'src/node', 'src/wire', 'src/session', 'src/storage'],
  'src/contract': ['src/core', 'src/machine', 'src/wire', 'src/session', 'src/client'],
  'src/schema': ['src/machine', 'typebox'],
  'src/server': [
    'src/core',
    'src/machine',
    'src/ports',
    'src/wire',
    'src/storage',
    'src/transport',
    'src/node',
    'node:crypto',
    'node:events',
  ],
  // What is proved of a user's machine starts from its schema.
  'src/prove': ['src/core', 'src/machine', 'src/wire', 'src/schema', 'src/contract', 'src/sim', 'codegen', 'fast-check'],
  'src/cli': ['src', 'codegen', 'commander', 'jiti', 'ts-morph', 'node:'],
  codegen: ['src/schema', 'src/contract', 'src/wire', 'ts-morph', 'jiti', 'sucrase', 'typebox', 'node:'],
}

/** No clock, no randomness, no event loop, no environment: the same inputs give the same run. */
const pure = new Set(['src/core', 'src/machine', 'src/ports', 'src/node', 'src/sim', 'src/session'])
const ambient =
  /\b(Date|Math\.random|performance|process|setTimeout|setInterval|setImmediate|queueMicrotask|async|await|console)\b|Promise\.(?!resolve\(\))/
/** A file that outgrows a sitting wants to be split by role. */
const linesMax = 400

const layerOf = (path: string): string => (path.startsWith('codegen/') ? 'codegen' : path.split('/').slice(0, 2).join('/'))

const files = ['src', 'codegen'].flatMap((root) =>
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(root, file)),
)
const layered = files.filter((file) => layers[layerOf(file)] !== undefined)

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
const withoutStrings = (code: string): string => code.replace(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, "''")

test('every file stands in a folder of the layer table, or is an entry at the root of src', () => {
  const strays = files.filter((file) => !layered.includes(file))
  expect(strays.filter((file) => !['src/errors.ts', 'src/index.ts'].includes(file))).toEqual([])
})

describe('every file imports only what its layer may', () => {
  test.each(layered)('%s', (file) => {
    const code = withoutComments(readFileSync(file, 'utf8'))
    const layer = layerOf(file)
    const allowed = [layer, 'src/errors.ts', ...(layers[layer] ?? [])]
    for (const [, fixed, late] of code.matchAll(/^(?:import|export)\b[^'`;]*?from '([^']+)'|\bimport\('([^']+)'\)/gm)) {
      const from = fixed ?? late ?? ''
      const target = from.startsWith('.') ? relative('.', join(dirname(file), from)) : from
      const may = allowed.some((one) => target === one || target.startsWith(one.endsWith(':') ? one : `${one}/`))
      expect(may, `${file} imports ${from}`).toBe(true)
    }
  })
})

describe('a pure folder knows no clock, no chance, no event loop', () => {
  test.each(layered.filter((file) => pure.has(layerOf(file))))('%s', (file) => {
    expect(withoutStrings(withoutComments(readFileSync(file, 'utf8'))).match(ambient)?.[0]).toBeUndefined()
  })
})

test.each(files)('%s can be read in a sitting', (file) => {
  expect(readFileSync(file, 'utf8').split('\n').length).toBeLessThanOrEqual(linesMax)
})

/** The arguments of each call of `name`, over as many lines as it takes. */
function callsOf(name: string, code: string): readonly string[] {
  return [...code.matchAll(new RegExp(`\\b${name}\\(`, 'g'))].map(({ index, 0: { length } }) => {
    let [end, depth] = [index + length, 1]
    for (; depth > 0 && end < code.length; end++) depth += code[end] === '(' ? 1 : code[end] === ')' ? -1 : 0
    return code.slice(index + length, end - 1)
  })
}

test('the calls of a function are found, over several lines too', () => {
  expect(callsOf('assert', 'assert(a(1), b)\nreassert(2)\nassert(\n  c(3),\n)')).toEqual(['a(1), b', '\n  c(3),\n'])
})

test('a check whose words hold values builds them only where it fails', () => {
  const hot = [
    'src/core',
    'src/machine',
    'src/node',
    'src/storage',
    'src/wire',
    'src/transport',
    'src/session',
    'src/contract',
    'src/server',
  ]
  const eager = files
    .filter((file) => hot.includes(layerOf(file)))
    .filter((file) => callsOf('assert', withoutComments(readFileSync(file, 'utf8'))).some((call) => /`[^`]*\$\{/.test(call)))
  // `if (...) broken(...)` instead: see `src/core/invariant.ts`.
  expect(eager).toEqual([])
})
