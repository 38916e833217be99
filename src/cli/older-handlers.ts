// Handlers of generations that are over, which a run copies where they are missing: as version control has them from before the next version, or as they are.
import { existsSync } from 'node:fs'
import type { Diagnostic } from '../../codegen/diagnostic.ts'
import type { EndedGeneration } from '../../codegen/generate.ts'
import { olderHandlersFile } from '../../codegen/beside-handlers.ts'
import type { PlannedFile } from '../../codegen/write.ts'
import { lastCommitBefore, textAt } from './git.ts'
import { shownPath } from './terminal.ts'

export interface OlderHandlersRequest {
  /** Ascending. */
  readonly ended: readonly EndedGeneration[]
  readonly handlersFile: string
  /** What is in it now; none when it does not exist. */
  readonly text: string | undefined
  readonly outDir: string
  readonly lockFile: string
}
export interface OlderHandlersPlan {
  readonly files: readonly PlannedFile[]
  /** Where the text of each is from. */
  readonly copied: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
}

export async function planOlderHandlers({ ended, handlersFile, text, outDir, lockFile }: OlderHandlersRequest): Promise<OlderHandlersPlan> {
  const files: PlannedFile[] = []
  const copied: string[] = []
  const diagnostics: Diagnostic[] = []
  for (const { version } of ended) {
    const path = olderHandlersFile(handlersFile, version)
    if (existsSync(path)) continue
    // Without version control the file is all there is, and that of the newest version but one at most.
    const isLast = version === ended.at(-1)?.version
    const found =
      (await committed(handlersFile, lockFile, version)) ?? (isLast && text !== undefined ? { text, source: undefined } : undefined)
    if (found === undefined) {
      diagnostics.push(missing(shownPath(path), version))
      continue
    }
    const { olderHandlersText } = await import('../../codegen/older-handlers.ts')
    files.push({ path, text: olderHandlersText({ version, ...found, handlersFile, outDir }), basis: { text: undefined } })
    if (found.source === undefined) diagnostics.push(unsure(shownPath(path), version))
    copied.push(`${shownPath(path)} from ${found.source ?? shownPath(handlersFile)}`)
  }
  return { files, copied, diagnostics }
}

/** The handlers as they were last before the lock had a newer version. */
async function committed(handlersFile: string, lockFile: string, version: number): Promise<{ text: string; source: string } | undefined> {
  const { readLock } = await import('../../codegen/lock-file.ts')
  const isBefore = (text: string): boolean => {
    const read = readLock(text, undefined)
    return read.kind === 'read' && Object.keys(read.lock?.versions ?? {}).every((number) => Number(number) <= version)
  }
  const commit = await lastCommitBefore(lockFile, isBefore)
  const text = commit === undefined ? undefined : await textAt(handlersFile, commit)
  return commit === undefined || text === undefined ? undefined : { text, source: `commit ${commit.slice(0, 12)}` }
}

const missing = (file: string, version: number): Diagnostic => ({
  severity: 'warning',
  code: 'OLDER_HANDLERS_MISSING',
  file,
  line: 0,
  column: 0,
  message: `the state has another shape since version ${version}, and there are no handlers of that version`,
  hint: `Put the handlers here that version ${version} was deployed with. Or list it in \`retired.versions\`, if no data of it is left.`,
})

/** Version control has none from before the next version, or there is none. */
const unsure = (file: string, version: number): Diagnostic => ({
  severity: 'warning',
  code: 'OLDER_HANDLERS_UNSURE',
  file,
  line: 0,
  column: 0,
  message: `it is a copy of the handlers as they are now: version control has none of before the wire lock knew a later version`,
  hint: `Entries of version ${version} are applied by it. Compare it with what version ${version} was deployed with.`,
})
