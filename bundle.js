// `node bundle.js`, after `tsc`: what runs in servers and clients becomes a few files, and what `raftgen` loads before it knows what is asked of it becomes one. Node needs the better part of a millisecond for each module that it loads, and there
// are three hundred. Every module stays where it was, as a door to the file that holds it: whatever imports it gets the one copy there is.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'

const root = fileURLToPath(new URL('.', import.meta.url))
const source = (file) => join(root, 'src', file)
const folders = ['server', 'storage', 'client', 'contract', 'machine', 'node', 'ports', 'session', 'transport', 'wire', 'core']
const modulesIn = (folder) =>
  readdirSync(source(folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => source(join(folder, file)))
const errors = source('errors.ts')
const modules = folders.flatMap(modulesIn).concat(errors)
const nameOf = (file) => relative(source('.'), file).replace(/\.ts$/, '')

/** All that is loaded with one of `files`. */
function loadedWith(files, seen = new Set()) {
  for (const file of files.filter((file) => !seen.has(file))) {
    seen.add(file)
    const imports = readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type )[^'"]*from '(\.[^']+)'/gm)
    loadedWith([...imports].map(([, specifier]) => join(dirname(file), specifier)), seen)
  }
  return seen
}

/** What a schema file and a caller's `catch` need: nothing of Node's, and no package. */
const base = new Set([...modulesIn('core'), errors])
/** What a caller needs, and a machine. */
const shared = loadedWith([source('client/index.ts'), source('contract/v1.ts')])
/** And a server: it alone opens a log, and so LevelDB. What is left looks into directories, mends them, or tries logs of others. */
const server = loadedWith([source('server/index.ts')])

const { output: written } = await build({
  input: Object.fromEntries(modules.map((file) => [nameOf(file), file])),
  platform: 'node',
  external: (id) => !id.startsWith('.') && !isAbsolute(id),
  treeshake: false,
  preserveEntrySignatures: 'strict',
  output: {
    dir: join(root, 'dist/src'),
    format: 'esm',
    sourcemap: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'bundle/[name].js',
    codeSplitting: {
      groups: [
        { name: 'tools', priority: 1, test: (id) => modules.includes(id) },
        { name: 'server', priority: 2, test: (id) => server.has(id) },
        { name: 'shared', priority: 3, test: (id) => shared.has(id) },
        { name: 'base', priority: 4, test: (id) => base.has(id) },
      ],
    },
  },
})

// What is left of sources that are gone, and of chunks that there were once: it would be published.
const chunks = new Set(written.flatMap(({ fileName }) => [fileName, `${fileName}.map`]))
for (const folder of ['src', 'codegen']) {
  const files = readdirSync(join(root, 'dist', folder), { recursive: true, encoding: 'utf8' })
  for (const file of files) {
    const [, name] = /^(.+?)\.(?:js|js\.map|d\.ts)$/.exec(file) ?? []
    if (name === undefined || existsSync(join(root, folder, `${name}.ts`)) || (folder === 'src' && chunks.has(file))) continue
    rmSync(join(root, 'dist', folder, file))
  }
}

// Those of `tsc`: a door has nothing to be found in a source, and what it leads to has a map of its own.
for (const file of modules) rmSync(join(root, 'dist/src', `${nameOf(file)}.js.map`), { force: true })

/** A script, and no module: Node takes 25 ms longer for those. What a command needs besides it imports when it runs, as a module. */
await build({
  input: join(root, 'src/cli/main.ts'),
  platform: 'node',
  plugins: [
    {
      name: 'imported when it is needed',
      resolveId: (id, _, { kind }) => (kind === 'dynamic-import' ? { id: id.replace(/\.ts$/, '.js'), external: true } : null),
    },
  ],
  external: (id) => !id.startsWith('.') && !isAbsolute(id),
  treeshake: false,
  output: { file: join(root, 'dist/src/cli/main.cjs'), format: 'cjs', sourcemap: true, codeSplitting: false },
})
for (const suffix of ['js', 'js.map']) rmSync(join(root, 'dist/src/cli', `main.${suffix}`), { force: true })
