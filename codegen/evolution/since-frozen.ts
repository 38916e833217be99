// What has been edited since the version that was frozen last.
import type { Reporter } from '../build/reporter.ts'
import type { Where } from '../build/where.ts'
import type { Draft } from '../draft.ts'
import type { Lock, LockedVersion } from '../lock.ts'
import type { Model } from '../model.ts'
import { compareVersions, lockedVersionOf } from './compare.ts'
import type { Finding } from './finding.ts'

/** With its place in the schema. */
export interface LocatedFinding extends Finding {
  /** Relative to the working directory, with `/`. */
  readonly file: string
  readonly line: number
  readonly column: number
}
export interface Evolution {
  /** The version that it was compared with. */
  readonly since: number
  readonly findings: readonly LocatedFinding[]
}

export interface Compared {
  readonly draft: Draft
  readonly model: Model
  readonly locked: LockedVersion
  readonly where: Where
  /** The schema, as messages name it. */
  readonly file: string
}

/** The newest frozen version before `version`; none where it is the first. */
export function frozenBefore(lock: Lock | undefined, version: number): number | undefined {
  const frozen = Object.entries(lock?.versions ?? {}).flatMap(([number, { status }]) => (status === 'frozen' ? [Number(number)] : []))
  const older = frozen.filter((number) => number < version)
  return older.length === 0 ? undefined : Math.max(...older)
}

/** None where there is no frozen version before, or nobody needs it any more. */
export function evolutionSince(lock: Lock | undefined, compared: Compared, reporter: Reporter): Evolution | undefined {
  const { draft } = compared
  const since = frozenBefore(lock, draft.version)
  if (lock === undefined || since === undefined || draft.retired.versions.includes(since)) return undefined
  if (lock.versions[since]?.partial === true) {
    reporter.report(compared.where.place({ kind: 'machine', key: 'version' }).namePosition, {
      severity: 'warning',
      code: 'LOCK_PARTIAL',
      message: `version ${since} was frozen by a release that did not keep bounds in the wire lock, so edits since are not looked at`,
      hint: 'Check out the commit that froze it, run raftgen there, and take over the wire lock.',
    })
    return undefined
  }
  return { since, findings: comparedWith(lock, since, compared) }
}

/** Version `since` of `lock` and the schema as it is. */
export function comparedWith(lock: Lock, since: number, { draft, model, locked, where, file }: Compared): readonly LocatedFinding[] {
  const findings = compareVersions(lockedVersionOf(lock, since), { model, locked }, draft.retired)
  return findings.map((finding) => ({ ...finding, file, ...where.position(finding.where) }))
}
