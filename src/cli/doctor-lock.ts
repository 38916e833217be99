// Whether version control keeps a wire lock.
import { existsSync } from 'node:fs'
import type { DoctorFinding } from './doctor-check.ts'
import { stateInGit } from './git.ts'
import { shownPath } from './terminal.ts'

type Trouble = Pick<DoctorFinding, 'state' | 'message' | 'wayOut'>

export async function lockFinding(lockFile: string, schemaFile: string): Promise<DoctorFinding> {
  const file = shownPath(lockFile)
  const found = await troubleOf(lockFile, file, schemaFile)
  return { check: 'lock', file, ...(found ?? { state: 'ok', message: 'committed' }) }
}

async function troubleOf(lockFile: string, file: string, schemaFile: string): Promise<Trouble | undefined> {
  if (!existsSync(lockFile)) {
    return {
      state: 'error',
      message: 'there is no wire lock',
      wayOut: `Take it from version control; if there never was one: raftgen ${shownPath(schemaFile)}`,
    }
  }
  const commit = `git add ${file} && git commit`
  switch (await stateInGit(lockFile)) {
    case 'committed':
      return undefined
    case 'changed':
      return { state: 'warning', message: 'it has changes that are not committed', wayOut: commit }
    case 'untracked':
      return { state: 'error', message: 'it is not under version control: others would begin another', wayOut: commit }
    case 'ignored':
      return { state: 'error', message: 'git ignores it: others would begin another', wayOut: 'Take it out of .gitignore, and commit it.' }
    case 'none':
      return {
        state: 'warning',
        message: 'it is in no git repository',
        wayOut: 'Put the project under version control: what the lock keeps cannot be made again.',
      }
  }
}
