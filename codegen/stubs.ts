// The one thing raftgen does to a file of the user's: insert stubs for operations that have no handler. It never changes or deletes a
// character; where it is not sure of the place it writes nothing and prints the text.
import type { Diagnostic } from './diagnostic.ts'
import type { Position } from './place.ts'
import type { HandlersLiteral, Member } from './stub-place.ts'
import { type Indentation, type NewHandlers, newHandlersText, plainIndentation, type StubOperation, stubsText } from './stub-text.ts'

export interface StubsRequest extends NewHandlers {
  /** The handlers file, as diagnostics name it. */
  readonly file: string
  /** What is in it; none when it does not exist. */
  readonly text: string | undefined
}
export interface StubsPlan {
  /** What the file is to hold; none when it stays as it is. */
  readonly text: string | undefined
  /** Names of the operations that got a stub. */
  readonly added: readonly string[]
  /** Warnings: the rest is generated all the same. */
  readonly diagnostics: readonly Diagnostic[]
}

/** Creates the handlers file, or inserts what it lacks. Writes nothing. */
export async function planStubs(request: StubsRequest): Promise<StubsPlan> {
  const { file, text, operations, handlersType } = request
  if (text === undefined || text === '')
    return { text: newHandlersText(request), added: operations.map(({ name }) => name), diagnostics: [] }

  const { findHandlers } = await import('./stub-place.ts')
  const places = findHandlers(text, handlersType)
  if (places.kind === 'syntaxError') {
    const { kind: _, message, ...position } = places
    return nothing([
      {
        severity: 'warning',
        code: 'HANDLERS_UNREADABLE',
        file,
        ...position,
        message: `cannot look for missing handlers: ${message}`,
        hint: 'Correct the syntax, then run raftgen again.',
      },
    ])
  }

  const { literals } = places
  const unused = literals.flatMap(({ members }) => unusedMembers(members, request))
  const missing = operations.filter(({ name }) => literals.length === 0 || literals.some(({ members }) => !hasMember(members, name)))
  if (missing.length === 0) return nothing(unused)

  const [literal, ...others] = literals
  if (literal === undefined || others.length > 0 || literal.open) return nothing([missingDiagnostic(request, missing, literals), ...unused])
  const added = missing.map(({ name }) => name)
  return { text: insertStubs(text, literal, missing), added, diagnostics: unused }
}

const nothing = (diagnostics: readonly Diagnostic[]): StubsPlan => ({ text: undefined, added: [], diagnostics })

const hasMember = (members: readonly Member[], name: string): boolean => members.some((member) => member.name === name)

function unusedMembers(members: readonly Member[], { file, operations }: StubsRequest): readonly Diagnostic[] {
  return members
    .filter(({ name }) => operations.every((operation) => operation.name !== name))
    .map(({ name, ...position }) => ({
      severity: 'warning',
      code: 'HANDLER_UNUSED',
      file,
      ...position,
      message: `the schema has no command or query '${name}'; TypeScript will refuse this handler too`,
      hint: 'Delete the handler, or put the operation back into the schema.',
    }))
}

function missingDiagnostic(
  { file, handlersType }: StubsRequest,
  missing: readonly StubOperation[],
  literals: readonly HandlersLiteral[],
): Diagnostic {
  const [first] = literals
  const names = missing.map(({ name }) => name).join(', ')
  return {
    severity: 'warning',
    code: 'HANDLER_MISSING',
    file,
    ...(first === undefined ? { line: 0, column: 0 } : spanOf(first)),
    message: `${whyNot(handlersType, literals)}, so no stub was inserted for: ${names}`,
    hint: `Where they are not there yet, paste these into your handlers:\n\n${stubsText(missing, plainIndentation)}`,
  }
}

const spanOf = ({ line, column, endLine = line, endColumn = column }: Position): Position => ({ line, column, endLine, endColumn })

function whyNot(handlersType: string, literals: readonly HandlersLiteral[]): string {
  if (literals.length === 0) return `no object literal in this file is typed ${handlersType}`
  if (literals.length === 1) return `raftgen cannot see what is spread or computed into the object literal typed ${handlersType}`
  return `${literals.length} object literals in this file are typed ${handlersType} (lines ${literals.map(({ line }) => line).join(', ')})`
}

function insertStubs(text: string, literal: HandlersLiteral, missing: readonly StubOperation[]): string {
  const before = text.slice(0, literal.bodyOffset)
  const after = text.slice(literal.bodyOffset)
  const indentation = indentationOf(text, literal)
  const { newline } = indentation
  return before + newline + stubsText(missing, indentation) + separator(after, literal, text, indentation) + after
}

/** What stands between the last stub and the user's next character, so that this one starts a line of its own. */
function separator(after: string, literal: HandlersLiteral, text: string, { member, newline }: Indentation): string {
  const blanks = /^[ \t]*/.exec(after)?.[0] ?? ''
  const next = after.slice(blanks.length)
  const isEmpty = literal.firstMemberOffset === undefined
  if (/^\r?\n/.test(next)) return isEmpty ? '' : newline
  const indent = next.startsWith('}') ? lineIndent(text, literal.bodyOffset) : member
  return newline + (isEmpty ? '' : newline) + indent.slice(Math.min(blanks.length, indent.length))
}

/** As the file has it: of its first member if that starts a line, else one unit more than the line of the brace. */
function indentationOf(text: string, { bodyOffset, firstMemberOffset }: HandlersLiteral): Indentation {
  const base = lineIndent(text, bodyOffset)
  const newline = /\r?\n/.exec(text)?.[0] ?? '\n'
  const member = firstMemberOffset === undefined ? undefined : startsLine(text, firstMemberOffset)
  if (member?.startsWith(base) && member.length > base.length) return { member, unit: member.slice(base.length), newline }
  const unit = /^\t/m.test(text) ? '\t' : plainIndentation.unit
  return { member: base + unit, unit, newline }
}

/** The blanks before `offset` if nothing else precedes it in its line. */
function startsLine(text: string, offset: number): string | undefined {
  const before = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset)
  return /^[ \t]*$/.test(before) ? before : undefined
}

function lineIndent(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', offset - 1) + 1))?.[0] ?? ''
}
