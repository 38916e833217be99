import { type ErrorCode, errorCodes, RaftgenError } from '../errors.ts'
import { ChangeRefused, type ChangeRefusalReason } from '../transport/change-refused.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { Advised, WrongUse } from './wrong-use.ts'
import { ownPackage } from './own-package.ts'
import { shownPath, type Terminal } from './terminal.ts'

interface Explained {
  readonly code: ExitCode
  readonly message: string
  readonly hint: string
  /** Of an operational error: what a script can act on. */
  readonly of?: { readonly code: ErrorCode; readonly reason: ChangeRefusalReason | undefined; readonly retryable: boolean }
}

/** Asked rightly, and not done. */
const findings: ReadonlySet<ErrorCode> = new Set(['BAD_SCHEMA', 'CHANGE_REFUSED', 'UNAVAILABLE', 'OUTCOME_UNKNOWN', 'OVERLOADED'])

/** Says what ended a command, and chooses its exit code. */
export function explainFailure(error: unknown, { terminal, asJson }: { readonly terminal: Terminal; readonly asJson: boolean }): ExitCode {
  const { code, message, hint, of } = explained(error)
  if (asJson) terminal.out(JSON.stringify({ ok: false, error: { exitCode: code, ...of, message, hint } }))
  terminal.err(`raftgen: ${message}\n${terminal.paint('dim', `  ${hint.replaceAll('\n', '\n  ')}`)}`)
  return code
}

function explained(error: unknown): Explained {
  if (error instanceof WrongUse) return { code: exitCode.wrongUse, message: error.message, hint: error.hint }
  if (error instanceof Advised) return operational(error.error, error.hint)
  if (error instanceof RaftgenError && error.code !== 'INTERNAL') return operational(error, errorCodes[error.code].todo)
  if (isSystemError(error)) return { code: exitCode.wrongUse, message: systemMessage(error), hint: 'Correct it, then run again.' }
  return {
    code: exitCode.bug,
    message: 'met a bug of its own. Please report it, with the text below and your schema.',
    hint: report(error),
  }
}

function operational(error: RaftgenError, todo: string): Explained {
  const { code, message, retryable } = error
  const reason = error instanceof ChangeRefused ? error.reason : undefined
  const ends = findings.has(code) ? exitCode.findings : exitCode.wrongUse
  return { code: ends, message, hint: `${code}. ${todo}`, of: { code, reason, retryable } }
}

interface SystemError extends Error {
  readonly code: string
  readonly syscall: string
  readonly path?: string
}

/** The file system or the network said no: not a bug. */
function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && 'syscall' in error
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOSPC: 'the disk is full',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is a file',
  EISDIR: 'it is a folder',
  EEXIST: 'there is a file of that name',
}

function systemMessage({ code, syscall, path, message }: SystemError): string {
  const reason = reasons[code]
  if (reason === undefined || path === undefined) return message
  return `cannot ${syscall} ${shownPath(path)}: ${reason} (${code})`
}

function report(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return `raftgen ${ownPackage().version}, Node ${process.version}, ${process.platform}-${process.arch}\n${text}`
}
