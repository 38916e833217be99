// `dist/`, built when it is older than the sources. Types are judged by `npm run types`; here only what is emitted matters.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const repository = resolve(import.meta.dirname, '../..')
/** What `npx raftgen` runs. */
export const builtMain = join(repository, 'dist/src/cli/main.cjs')

const buildInfo = join(repository, 'dist/.tsbuildinfo')
const lock = join(repository, 'dist/.building')
const lockAgeMaxMs = 120_000

/** Call it in `beforeAll`. Several test files may do so at the same time: one builds, the others wait for it. */
export async function built(): Promise<void> {
  while (!isFresh()) {
    if (!locked()) {
      await new Promise((resume) => setTimeout(resume, 100))
      continue
    }
    try {
      if (!isFresh()) build()
    } finally {
      rmSync(lock, { recursive: true, force: true })
    }
  }
}

function build(): void {
  // Without what it wrote last time the compiler must not believe that it did.
  if (!existsSync(builtMain)) rmSync(buildInfo, { force: true })
  const started = new Date()
  const { stdout } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    cwd: repository,
    encoding: 'utf8',
  })
  const bundled = spawnSync('npm', ['run', '--silent', 'bundle'], { cwd: repository, encoding: 'utf8' })
  if (bundled.status !== 0 || !existsSync(builtMain)) throw new Error(`the build gave no ${builtMain}:\n${stdout}${bundled.stderr}`)
  builtAt = started.getTime()
}

/** When this process built: the compiler leaves its files alone when a change did not matter. */
let builtAt = 0

function isFresh(): boolean {
  if (!existsSync(builtMain) || !existsSync(buildInfo)) return false
  return newestSource() <= Math.max(builtAt, statSync(buildInfo).mtimeMs)
}

function newestSource(): number {
  const times = ['src', 'codegen'].flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  )
  return Math.max(...times, statSync(join(repository, 'tsconfig.build.json')).mtimeMs)
}

function locked(): boolean {
  mkdirSync(join(repository, 'dist'), { recursive: true })
  try {
    mkdirSync(lock)
    return true
  } catch {
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (age > lockAgeMaxMs) rmSync(lock, { recursive: true, force: true })
    return false
  }
}
