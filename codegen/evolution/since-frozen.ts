// What has been edited since the version that was frozen last.
import type { Diagnostic } from '../diagnostic.ts'
import type { Lock } from '../lock.ts'
import type { LockedSchema } from '../locked-schema.ts'
import { compareVersions, lockedVersionOf } from './compare.ts'
import type { Finding } from './finding.ts'

/** With its place in the schema. */
export interface LocatedFinding extends Finding {
  /** Relative to the working directory, with `/`. */
  readonly file: string
  readonly line: number
  readonly column: number
  readonly endLine?: number
  readonly endColumn?: number
}
export interface Evolution {
  /** The version that it was compared with. */
  readonly since: number
  readonly findings: readonly LocatedFinding[]
}

/** The newest frozen version before `version`; none where it is the first. */
export function frozenBefore(lock: Lock | undefined, version: number): number | undefined {
  const frozen = Object.entries(lock?.versions ?? {}).flatMap(([number, { status }]) => (status === 'frozen' ? [Number(number)] : []))
  const older = frozen.filter((number) => number < version)
  return older.length === 0 ? undefined : Math.max(...older)
}

/** None where there is no frozen version before, or nobody needs it any more. */
export function evolutionSince(schema: LockedSchema): Evolution | undefined {
  const { draft, found, where, reporter } = schema
  const since = frozenBefore(found, draft.version)
  if (found === undefined || since === undefined || draft.retired.versions.includes(since)) return undefined
  if (found.versions[since]?.partial === true) {
    reporter.report(where.position({ kind: 'machine', key: 'version' }), { severity: 'warning', ...partialVersion(since) })
    return undefined
  }
  return { since, findings: comparedWith(found, since, schema) }
}

/** Of a version that was frozen without bounds. */
export const partialVersion = (version: number): Pick<Diagnostic, 'code' | 'message' | 'hint'> => ({
  code: 'LOCK_PARTIAL',
  message: `version ${version} was frozen by a release that did not keep bounds in the wire lock, so edits since are not looked at`,
  hint: 'Check out the commit that froze it, run raftgen there, and take over the wire lock.',
})

/** Version `since` of `lock` and the schema as it is. */
export function comparedWith(lock: Lock, since: number, { draft, model, locked, where, file }: LockedSchema): readonly LocatedFinding[] {
  const findings = compareVersions(lockedVersionOf(lock, since), { model, locked }, draft.retired)
  return findings.map((finding) => ({ ...finding, file, ...where.position(finding.where) }))
}
