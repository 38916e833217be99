// What a caller is told when there is no answer. The one rule: nothing that may be in the log is ever called "not applied".
import { type ErrorCode, RaftgenError } from '../errors.ts'
import type { Call } from './call.ts'
import type { Lateness } from './congestion.ts'

/** What is known besides the call itself. */
export interface Circumstances {
  /** Which servers were tried and what came of it. */
  readonly tried: string
  /** Why servers refuse for want of room at present. */
  readonly overload: string | undefined
  /** The session in which the call was numbered. */
  readonly session: number | undefined
}

/** Refusals that were decided where the command has its place in the log: earlier attempts are taken into account. */
const decidedInLog: ReadonlySet<ErrorCode> = new Set(['NOT_APPLIED', 'HANDLER_FAILED', 'REPLY_DROPPED', 'OUTCOME_UNKNOWN'])

export function expired(call: Call, { tried, overload, session }: Circumstances): RaftgenError {
  switch (call.operation) {
    case 'connect':
      return verdict('UNAVAILABLE', `no member of the cluster answered before the deadline; tried ${tried}`)
    case 'query':
      if (overload !== undefined) return verdict('OVERLOADED', `the query was refused until its deadline: ${overload}`)
      return verdict('UNAVAILABLE', `the query was not answered before its deadline; tried ${tried}`)
    default:
  }
  if (call.mayBeInLog) return unknown(call, session, 'its deadline passed before an answer came')
  if (overload !== undefined) return verdict('OVERLOADED', `the command was refused until its deadline, and was not applied: ${overload}`)
  return verdict('UNAVAILABLE', `no leader took the command before its deadline, so it was not applied; tried ${tried}`)
}

/** Of a command that was never sent. */
export function overdue({ ahead, patienceMs, waitMs, perSecond }: Lateness): RaftgenError {
  const waiting = `${ahead} commands of this client are not answered yet`
  const [wait, patience] = [Math.round(waitMs), Math.round(patienceMs)]
  const why =
    perSecond === undefined
      ? `the oldest has waited for ${wait} ms`
      : `at ${Math.max(1, Math.round(perSecond))} a second that takes ${wait} ms`
  return overloaded(`${waiting}, ${why}, which is more than half of the ${patience} ms that this one has`)
}

export const overloaded = (message: string): RaftgenError => verdict('OVERLOADED', message)

/**
 * Without the frames of a stack: they would be those of this client alone, whoever has called it, and cost ten times of all the rest. Where there is too
 * much to do, there are many of these.
 */
function verdict(code: ErrorCode, message: string): RaftgenError {
  const { stackTraceLimit } = Error
  limitStacks(0)
  const error = new RaftgenError(code, message)
  limitStacks(stackTraceLimit)
  return error
}

function limitStacks(frames: number): void {
  try {
    Error.stackTraceLimit = frames
  } catch {
    // A program may have frozen what is built in.
  }
}

export function aborted(call: Call, session: number | undefined): RaftgenError {
  if (call.mayBeInLog) return unknown(call, session, 'its caller gave it up before an answer came')
  if (call.operation === 'connect') return verdict('ABORTED', 'the caller gave up connecting')
  return verdict('ABORTED', `the caller gave the ${call.operation} up before it took effect`)
}

export function closed(call: Call, session: number | undefined): RaftgenError {
  if (call.mayBeInLog) return unknown(call, session, 'the client was closed before an answer came')
  return verdict('CLOSED', `the client was closed before the ${call.operation} was answered`)
}

export function refused(
  call: Call,
  { code, message, session }: { readonly code: ErrorCode; readonly message: string; readonly session: number | undefined },
): RaftgenError {
  if (!call.mayBeInLog || decidedInLog.has(code)) return verdict(code, message)
  return unknown(call, session, `sending it again ended with ${code}: ${message}`)
}

/** The session is gone and nobody can tell any more what became of an earlier attempt. */
export function sessionLost(call: Call, session: number): RaftgenError {
  return unknown(call, session, 'the session ended before an answer came')
}

function unknown(call: Call, session: number | undefined, why: string): RaftgenError {
  const name = call.seq === 0 || session === undefined ? 'the command' : `command ${call.seq} of session ${session}`
  return verdict('OUTCOME_UNKNOWN', `${name} was sent, and ${why}: it is applied once, or not at all`)
}
