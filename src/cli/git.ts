// What version control knows of a file. Nothing here changes anything of it.
import { execFile } from 'node:child_process'
import { basename, dirname, join } from 'node:path'
import { WrongUse } from './wrong-use.ts'

/** A text in a repository is ours, or generated: more than this is neither. */
const outputBytesMax = 64 * 1024 * 1024

export interface CheckOut {
  /** Of whom it is, for messages: `--old`. */
  readonly option: string
  /** An empty directory. */
  readonly target: string
}

/**
 * Puts all files of a commit below `target`, and returns where: `root`, and where the repository is, `top`. Neither its index nor its files are touched.
 * Throws `WrongUse`.
 */
export async function checkOut(
  folder: string,
  ref: string,
  { option, target }: CheckOut,
): Promise<{ readonly root: string; readonly top: string }> {
  const top = (await git(folder, ['rev-parse', '--show-toplevel']))?.replace(/\n$/, '')
  if (top === undefined || top === '')
    throw new WrongUse(`${option}: ${folder} is in no git repository`, 'Name a schema file instead of a commit.')
  const commit = await git(top, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`])
  if (commit === undefined) {
    const hint = 'Correct it; in a shallow clone fetch it first: git fetch origin main, then git:FETCH_HEAD.'
    throw new WrongUse(`${option}: '${ref}' is no commit of this repository`, hint)
  }
  const root = join(target, 'tree')
  const env = { GIT_INDEX_FILE: join(target, 'index') }
  const isRead = (await git(top, ['read-tree', commit.trim()], env)) !== undefined
  if (isRead && (await git(top, ['checkout-index', '--all', `--prefix=${root}/`], env)) !== undefined) return { root, top }
  throw new WrongUse(`${option}: git cannot check out ${ref}`, 'Check it out yourself (git worktree add), and name the schema file there.')
}

/** The full name of the commit that `ref` is, as seen from `folder`. Throws `WrongUse` where there is none. */
export async function commitOf(folder: string, ref: string): Promise<string> {
  const inside = await git(folder, ['rev-parse', '--is-inside-work-tree'])
  if (inside === undefined) {
    throw new WrongUse(
      `--against: there is no file ${ref}, and the schema is in no git repository`,
      'Name a wire lock, or run it where the schema is under version control.',
    )
  }
  const commit = await git(folder, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`])
  if (commit !== undefined) return commit.trim()
  throw new WrongUse(
    `--against: '${ref}' is neither a file nor a commit of this repository`,
    'Correct it; in a shallow clone fetch it first: git fetch origin main, then --against FETCH_HEAD.',
  )
}

/** The last commit that both come from; none where they have nothing in common. */
export async function commonCommit(folder: string, commit: string): Promise<string | undefined> {
  return (await git(folder, ['merge-base', 'HEAD', commit]))?.trim()
}

/** The text of `file` at `commit`; none where it was not there. */
export async function textAt(file: string, commit: string): Promise<string | undefined> {
  const object = `${commit}:./${basename(file)}`
  const kind = await git(dirname(file), ['cat-file', '-t', object])
  return kind?.trim() === 'blob' ? await git(dirname(file), ['cat-file', 'blob', object]) : undefined
}

/**
 * The last commit before `file` was changed so that `isBefore` does not hold of it any more: the newest of all where it holds of that. None where it never held, or
 * where the file is not under version control, or git is not installed.
 */
export async function lastCommitBefore(file: string, isBefore: (text: string) => boolean): Promise<string | undefined> {
  const folder = dirname(file)
  const listed = await git(folder, ['log', '--format=%H', '--', basename(file)]).catch(() => undefined)
  const commits = listed?.split('\n').filter((line) => line !== '') ?? []
  for (const [i, commit] of commits.entries()) {
    const text = await textAt(file, commit)
    if (text === undefined || !isBefore(text)) continue
    const next = commits[i - 1]
    return (await git(folder, ['rev-parse', '--verify', '--quiet', next === undefined ? 'HEAD' : `${next}^`]))?.trim()
  }
  return undefined
}

export type StateInGit = 'committed' | 'changed' | 'untracked' | 'ignored' | 'none'

/** Of a file that is there. `none`: in no repository, or git is not installed. */
export async function stateInGit(file: string): Promise<StateInGit> {
  const name = basename(file)
  const inGit = async (args: readonly string[]): Promise<string | undefined> => await git(dirname(file), args).catch(() => undefined)
  if ((await inGit(['rev-parse', '--is-inside-work-tree'])) === undefined) return 'none'
  if ((await inGit(['ls-files', '--error-unmatch', '--', name])) === undefined) {
    return (await inGit(['check-ignore', '--quiet', '--', name])) === undefined ? 'untracked' : 'ignored'
  }
  return (await inGit(['--no-optional-locks', 'status', '--porcelain', '--', name])) === '' ? 'committed' : 'changed'
}

/** What it prints; none where it says no. */
function git(folder: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    execFile(
      'git',
      ['-C', folder, ...args],
      { encoding: 'utf8', maxBuffer: outputBytesMax, env: { ...process.env, ...env } },
      (error, stdout) => {
        if (error === null) return resolve(stdout)
        if (error.code !== 'ENOENT') return resolve(undefined)
        reject(new WrongUse('git is not installed', 'Install it, or name a file instead of a commit.'))
      },
    )
  })
}
