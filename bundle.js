// `node bundle.js`, after `tsc`: what runs in servers and clients becomes a few files, and what `raftgen` loads before it knows what is asked of it becomes one. Node needs the better part of a millisecond for each module that it loads, and there
// are three hundred. Every module stays where it was, as a door to the file that holds it: whatever imports it gets the one copy there is.
import { readdirSync, rmSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'

/** What a server needs besides: it alone opens a log, and so LevelDB. */
const serverFolders = ['server', 'storage']
/** What a schema file and a caller's `catch` need: nothing of Node's, and no package. */
const baseFolders = ['core']
const sharedFolders = ['client', 'contract', 'machine', 'node', 'ports', 'session', 'transport', 'wire']

const root = fileURLToPath(new URL('.', import.meta.url))
const modulesIn = (folder) =>
  readdirSync(join(root, 'src', folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(root, 'src', folder, file))
const errors = join(root, 'src/errors.ts')
const modules = [...serverFolders, ...sharedFolders, ...baseFolders].flatMap(modulesIn).concat(errors)
const nameOf = (file) => relative(join(root, 'src'), file).replace(/\.ts$/, '')
const isIn = (folders) => (id) => folders.some((folder) => id.startsWith(join(root, 'src', folder, '/')))

await build({
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
        { name: 'server', priority: 1, test: isIn(serverFolders) },
        { name: 'shared', priority: 2, test: isIn(sharedFolders) },
        { name: 'base', priority: 3, test: (id) => isIn(baseFolders)(id) || id === errors },
      ],
    },
  },
})

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
