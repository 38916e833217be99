/** What a declared error looks like: its `code` is its name in the schema, beside it are its fields. */
export interface DeclaredError {
  readonly code: string
}
export interface Success<T> {
  readonly ok: true
  readonly value: T
}
export interface Failure<E extends DeclaredError> {
  readonly ok: false
  readonly error: E
}
/** The answer of a command that declares errors. */
export type Result<T, E extends DeclaredError> = Success<T> | Failure<E>

/** What a handler returns when it did what was asked. */
export function ok(): Success<void>
export function ok<T>(value: T): Success<T>
export function ok<T>(value?: T): Success<T | undefined> {
  return { ok: true, value }
}

/** Used by the generated constructors of declared errors. */
export const fail = <E extends DeclaredError>(error: E): Failure<E> => ({ ok: false, error })

/** Whether a checked reply of a command that declares errors is one of them. Of others it says nothing: their bare output may look like one. */
export const isFailure = (reply: unknown): boolean => typeof reply === 'object' && reply !== null && 'ok' in reply && reply.ok === false
