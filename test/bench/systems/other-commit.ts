// Another commit of raftgen, built with the benchmark of this one, so that both are loaded in the same way.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BenchRefused } from '../command.js'

const root = fileURLToPath(new URL('../../../..', import.meta.url))

const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()

export interface BuiltCommit {
  readonly commit: string
  /** Of its benchmark. */
  readonly built: string
  remove(): void
}

/** `folder` must not exist. Throws where there is no such commit, or it does not build. */
export function buildCommit(ref: string, folder: string): BuiltCommit {
  const commit = commitOf(ref)
  run('git', ['worktree', 'add', '--detach', '--quiet', folder, commit], root)
  const remove = (): void => void run('git', ['worktree', 'remove', '--force', folder], root)
  try {
    if (isSame('package-lock.json', folder)) symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    else run('npm', ['ci', '--no-audit', '--no-fund', '--silent'], folder)
    // Its own machine, with the code that its own generator wrote.
    const kept = join(folder, 'test/bench/kv')
    const own = join(folder, 'kv-of-it')
    cpSync(kept, own, { recursive: true })
    rmSync(join(folder, 'test/bench'), { recursive: true })
    cpSync(join(root, 'test/bench'), join(folder, 'test/bench'), {
      recursive: true,
      filter: (path) => path !== join(root, 'test/bench/kv'),
    })
    cpSync(own, kept, { recursive: true })
    rmSync(own, { recursive: true })
    run('npx', ['tsc', '-p', 'tsconfig.build.json', '--noCheck'], folder)
    run('npx', ['tsc', '-p', 'tsconfig.examples.json', '--noCheck'], folder)
    if (existsSync(join(folder, 'bundle.js'))) run('npm', ['run', '--silent', 'bundle'], folder)
    return { commit, built: join(folder, 'dist/test/bench'), remove }
  } catch (error) {
    remove()
    throw error
  }
}

function commitOf(ref: string): string {
  const { status, stdout } = spawnSync('git', ['rev-parse', '--short', '--verify', '--quiet', `${ref}^{commit}`], {
    cwd: root,
    encoding: 'utf8',
  })
  if (status !== 0) throw new BenchRefused(`there is no commit ${ref} here`)
  return stdout.trim()
}

const isSame = (file: string, folder: string): boolean => readFileSync(join(root, file)).equals(readFileSync(join(folder, file)))
