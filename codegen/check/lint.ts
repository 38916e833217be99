// The lint layer of the determinism guard: reads the handlers and what they import, and finds what would make replicas differ. Writes
// nothing, runs nothing. Loads the compiler: import it late.
import { relative, sep } from 'node:path'
import { ts } from 'ts-morph'
import type { Diagnostic } from '../diagnostic.ts'
import type { Position } from '../place.ts'
import { positionBetween } from '../position.ts'
import type { Finding } from './finding.ts'
import { type Ignore, ignoresIn } from './ignores.ts'
import { moduleStateFindings } from './module-state.ts'
import { packageName, packageVerdict } from './modules.ts'
import { type LocalModule, readProgram } from './program.ts'
import { dateRule } from './rules/dates.ts'
import { errorRule } from './rules/errors.ts'
import { globalRule } from './rules/globals.ts'
import { importFindings } from './rules/imports.ts'
import { asyncRule, unseenRule } from './rules/later.ts'
import { memberRule } from './rules/members.ts'
import { powerRule } from './rules/powers.ts'
import { unicodeRule } from './rules/regular-expressions.ts'
import { Scope } from './scope.ts'
import { forEachValueNode } from './walk.ts'

export interface LintOptions {
  /** Absolute. */
  readonly schemaFile: string
  /** Absolute; it exists. */
  readonly handlersFile: string
  /** What else of the user's runs on every replica: functions between versions, handlers of older versions. Absolute; they exist. Default: none. */
  readonly besides?: readonly string[]
  /** What diagnostics name files by. Default: the working directory. */
  readonly cwd?: string
}
export interface Lint {
  /** By position. Warnings are about what does no harm. */
  readonly diagnostics: readonly Diagnostic[]
  /** Files that were looked into, as diagnostics name them. */
  readonly files: readonly string[]
  /** Packages, and modules of which only declarations are there. */
  readonly notLookedInto: readonly string[]
}

const rules = [globalRule, memberRule, dateRule, powerRule, unicodeRule, asyncRule, unseenRule, errorRule] as const

export async function lint({ schemaFile, handlersFile, besides = [], cwd = process.cwd() }: LintOptions): Promise<Lint> {
  const { program, modules } = await readProgram({ schemaFile, handlersFile, besides })
  const scope = new Scope(program)
  const shown = (path: string): string => relative(cwd, path).split(sep).join('/')
  const states = moduleStateFindings(modules, scope)
  const diagnostics = modules.flatMap((module) => {
    const { file } = module
    const findings = [
      ...valueFindings(file, scope),
      ...importFindings(module, scope),
      ...states.filter(({ at }) => at.getSourceFile() === file),
    ]
    const report = new FileReport(file, shown(file.fileName))
    return report.diagnostics(findings, program.getSyntacticDiagnostics(file))
  })
  return {
    diagnostics,
    files: modules.map(({ file }) => shown(file.fileName)),
    notLookedInto: notLookedInto(modules, shown),
  }
}

function valueFindings(file: ts.SourceFile, scope: Scope): readonly Finding[] {
  const findings: Finding[] = []
  forEachValueNode(file, (node) => {
    for (const rule of rules) {
      const finding = rule(node, scope)
      if (finding !== undefined) findings.push(finding)
    }
  })
  return findings
}

function notLookedInto(modules: readonly LocalModule[], shown: (path: string) => string): readonly string[] {
  const names = modules.flatMap(({ imports }) =>
    imports.flatMap(({ target }) => {
      if (target.kind === 'declarations') return [shown(target.path)]
      return target.kind === 'package' && packageVerdict(target.specifier) === 'unknown' ? [packageName(target.specifier)] : []
    }),
  )
  return [...new Set(names)].sort()
}

/** What is said of one file: findings without those that a comment switches off, and comments that are wrong. */
class FileReport {
  readonly #file: ts.SourceFile
  readonly #shown: string

  constructor(file: ts.SourceFile, shown: string) {
    this.#file = file
    this.#shown = shown
  }

  diagnostics(findings: readonly Finding[], syntax: readonly ts.Diagnostic[]): readonly Diagnostic[] {
    const ignores = ignoresIn(this.#file)
    const valid = new Set(ignores.filter(({ problem }) => problem === undefined).map(({ line }) => line))
    const lines = new Set(findings.filter(canBeIgnored).map(({ at }) => this.#lineOf(at.getStart(this.#file))))
    const left = findings.filter((finding) => !canBeIgnored(finding) || !valid.has(this.#lineOf(finding.at.getStart(this.#file))))
    const said = [
      ...left.map((finding) => this.#said(finding)),
      ...ignores.flatMap((ignore) => this.#complaint(ignore, lines)),
      ...syntax.map((problem) => this.#unreadable(problem)),
    ]
    return said.sort((a, b) => a.line - b.line || a.column - b.column || (a.code < b.code ? -1 : 1))
  }

  #said({ at, code, what, why, instead }: Finding): Diagnostic {
    const severity = code === 'OUTPUT' ? 'warning' : 'error'
    return { ...this.#place(at.getStart(this.#file), at.getEnd()), severity, code, message: `${what} ${why}`, hint: instead }
  }

  #complaint({ start, end, line, problem }: Ignore, lines: ReadonlySet<number>): readonly Diagnostic[] {
    const place = { ...this.#place(start, end), severity: 'error' } as const
    const form = '// raftgen-ignore determinism: <reason>'
    if (problem !== undefined) {
      const message = `this comment ${problem}, so it switches nothing off`
      return [{ ...place, code: 'IGNORE_INVALID', message, hint: `Write ${form}` }]
    }
    if (lines.has(line)) return []
    const message = `nothing is found in line ${line + 1}, so this comment switches nothing off`
    return [{ ...place, code: 'IGNORE_UNUSED', message, hint: 'Remove it, or move it to the line before what it is about.' }]
  }

  #unreadable({ start = 0, length = 0, messageText }: ts.Diagnostic): Diagnostic {
    const message = `cannot be read: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    return { ...this.#place(start, start + length), severity: 'error', code: 'UNREADABLE', message, hint: 'Correct the syntax.' }
  }

  #place(start: number, end: number): Position & { readonly file: string } {
    return { file: this.#shown, ...positionBetween(this.#file, start, end) }
  }

  #lineOf(offset: number): number {
    return this.#file.getLineAndCharacterOfPosition(offset).line
  }
}

/** What could not be read is no matter of opinion. */
const canBeIgnored = ({ code }: Finding): boolean => code !== 'UNREADABLE'
