// Every code that a diagnostic may have: public, and stable. `docs/diagnostics.md` is made of it; a test holds the two together.
import type { RuleCode } from './check/finding.ts'
import type { Diagnostic } from './diagnostic.ts'
import { type EvolutionCode, evolutionRules } from './evolution/rules.ts'

export interface DiagnosticKind {
  readonly severity: Diagnostic['severity']
  /** What it means: goes after "that". */
  readonly what: string
  /** In general; the hint of a diagnostic knows more. */
  readonly wayOut: string
}

const error = (what: string, wayOut: string): DiagnosticKind => ({ severity: 'error', what, wayOut })
const warning = (what: string, wayOut: string): DiagnosticKind => ({ severity: 'warning', what, wayOut })

/** The schema file as a program. */
export const fileCodes = {
  SCHEMA_NOT_FOUND: error('There is no such file, or it cannot be read.', 'Correct the path; `raftgen init` makes a first schema.'),
  SCHEMA_SYNTAX: error('The file, or one that it imports, cannot be parsed.', 'Correct the syntax; the place is where TypeScript noticed.'),
  SCHEMA_DOES_NOT_LOAD: error(
    'It throws while it is loaded, or imports what is not there.',
    'A schema is run like any module: correct it, or install what is missing.',
  ),
  NO_MACHINE: error('Its default export is no machine.', 'Write `export default defineMachine({ ... })`.'),
} as const

/** What the definition says. */
export const schemaCodes = {
  KEY_UNKNOWN: error('The machine or an operation has a key that raftgen does not know.', 'Correct or remove it.'),
  KEY_RESERVED: error('The key is reserved for a later release.', 'Leave it out.'),
  DEFINITION_INVALID: error('A part of the definition is no object, or no list.', 'Write it as the hint says.'),
  MACHINE_NAME: error(
    'The machine has no name, or one that cannot be used in code.',
    'Use up to 64 ASCII letters, digits and dashes, beginning with a letter; no word of the language.',
  ),
  MACHINE_VERSION: error('The version is no whole number from 1.', 'Begin with 1.'),
  NAME_RESERVED: error(
    'A name is used by JavaScript or by generated code, or is no name.',
    'Choose another; a type gets one with `title`.',
  ),
  NAME_TAKEN: error('Two things would have the same name in generated code.', 'Rename one of them, or give one a `title`.'),
  STATE_INVALID: error('The state is missing, or no object.', 'Write `Type.Object({ ... })`; a Record in it becomes a table.'),
  INITIAL_INVALID: error('The initial state does not fit its schema.', 'Correct it, or the schema of the state.'),
  INITIAL_MISSING: error(
    'A property of the state has no value at the start.',
    'Give it one in `initial`, or a default, or make it optional.',
  ),
  INPUT_INVALID: error(
    'The input of an operation is missing, or no object.',
    'Write `Type.Object({ ... })`: an object can get more fields later.',
  ),
  OUTPUT_MISSING: error('A query has no output.', 'Add `output`.'),
  ERROR_INVALID: error('A declared error is no object.', 'Write `Type.Object({ ... })`.'),
  ERROR_UNKNOWN: error('A command lists an error that the machine does not declare.', 'Declare it in `errors`, or correct the name.'),
  ERROR_UNUSED: warning('No command lists a declared error.', 'List it where it may be answered, or remove it.'),
  NO_OPERATIONS: warning('The machine has no commands and no queries.', 'Add some.'),
  INDEX_INVALID: error(
    'An index is of no table, or of fields that cannot be sorted by.',
    'Name fields of the records of a table, as in the hint.',
  ),
  INVARIANT_INVALID: error('An invariant is no function.', 'Write one of the state that says whether it holds.'),
  TYPE_UNSUPPORTED: error('A type cannot be replicated, or not be checked by generated code.', 'Use what the hint names in its place.'),
  KEYWORD_UNSUPPORTED: error('A keyword of a schema would not be checked.', 'Leave it out, and check it in the handler.'),
  LITERAL_UNSUPPORTED: error('A literal is no string, boolean or safe number.', 'Use text, or a BigInt with equal bounds.'),
  KEY_UNSUPPORTED: error('The keys of a Record are neither strings nor integers.', 'Use `Type.String` or `Type.Integer`.'),
  KEY_CONSTRAINT_LOST: warning('TypeBox drops the bounds of the keys of a `Type.Record`.', "Use `Record` of 'raftgen', which keeps them."),
  UNION_AMBIGUOUS: error(
    'The variants of a union cannot be told apart.',
    'Give each object a required literal of its own, or put what differs into one object.',
  ),
  INTERSECT_CONFLICT: error('Two parts of an intersection have the same field, and differ in it.', 'Leave it out of one with `Type.Omit`.'),
  REFERENCE_UNKNOWN: error('A `Type.Ref` names what is not defined around it.', 'Put both into one `Type.Cyclic`.'),
  RECURSION_ENDLESS: error(
    'A type contains itself in every value, so none could end.',
    'Make the field that leads back optional, nullable, or an array.',
  ),
  BOUND_INVALID: error('A bound is no number of the kind that is needed there.', 'Correct it.'),
  BOUNDS_EMPTY: error('A lower bound is above the upper one, so nothing fits.', 'Correct one of the two.'),
  FORMAT_UNKNOWN: error('raftgen does not know the format of a string.', 'Use one that it knows, or a pattern.'),
  PATTERN_UNSUPPORTED: error(
    'A pattern is no regular expression, or has flags that keep a position.',
    'Correct it; `i`, `m`, `s` and `u` are possible.',
  ),
  PATTERN_UNSAFE: error(
    'A pattern repeats a repetition, so that a hostile input could keep the leader busy for minutes.',
    'Write it without a repetition inside a repetition.',
  ),
  PATTERN_UNBOUNDED: warning(
    'A string has a pattern and no `maxLength`.',
    'Add one: it is checked first, so that the pattern never runs on megabytes.',
  ),
  DEFAULT_INVALID: error('A default does not fit its own schema.', 'Correct the default, or the bound.'),
} as const

/** The schema beside its wire lock, and what older versions need. */
export const lockCodes = {
  LOCK_UNREADABLE: error(
    'The wire lock is no wire lock, or of another machine or a newer release.',
    'Take it from version control; never write it by hand.',
  ),
  LOCK_VERSION: error(
    'The version of the schema does not follow those in the wire lock.',
    'Freeze the open one first, or set the version that the hint names.',
  ),
  LOCK_FROZEN: error('A frozen version has changed.', 'Raise `version`.'),
  LOCK_PARTIAL: warning(
    'A version was frozen by a release that kept no bounds in the wire lock.',
    'Check out the commit that froze it, run raftgen there, and take over the wire lock.',
  ),
  LOCK_CONFLICT: error(
    'Two wire locks do not go together, or one has been merged by hand.',
    'Take that of the branch you merge into, and run raftgen again.',
  ),
  RENAME_INVALID: error(
    '`was` is no name, or stands where nothing has a name.',
    'Give it to a field, a command, a query, an error or a property of the state.',
  ),
  RENAME_TAKEN: error('`was` names what is still there, or two name the same.', 'Leave it out of one of them.'),
  RENAME_UNKNOWN: error('`was` names what the wire lock does not know.', 'Correct it, or leave it out.'),
  RETIRED_GAP: error('A version is retired, and one before it is not.', 'Retire that one as well.'),
  RETIRED_IN_USE: error('`retired` has what the schema has.', 'Take it out of one of the two.'),
  RETIRED_INVALID: error('`retired` has something else than lists.', 'Write lists.'),
  RETIRED_UNKNOWN: error('`retired` has what no version in the wire lock has.', 'Correct it, or leave it out.'),
} as const

/** Generated code and handlers. */
export const outputCodes = {
  OUT_TAKEN: error('The folder for generated code holds that of another machine.', 'Give each machine its own `--out` and `--handlers`.'),
  HANDLERS_TAKEN: error('The file for handlers holds those of another machine.', 'Give each machine its own `--out` and `--handlers`.'),
  HANDLERS_UNREADABLE: warning(
    'The file of the handlers cannot be parsed, so no stubs were inserted.',
    'Correct its syntax, and run raftgen again.',
  ),
  HANDLER_MISSING: warning(
    'An operation has no handler, and raftgen cannot see where a stub would go.',
    'Paste the text that the hint has.',
  ),
  OLDER_HANDLERS_MISSING: warning(
    'The state has another shape since an older version, whose handlers are nowhere to be found.',
    'Put them beside the handlers, as they were deployed; or list the version in `retired.versions`.',
  ),
  OLDER_HANDLERS_UNSURE: warning(
    'Handlers of an older version were copied from those of today, since version control has no older ones.',
    'Compare the copy with what that version was deployed with.',
  ),
  HANDLER_UNUSED: warning('A handler has no operation any more.', 'Delete it, or put the operation back into the schema.'),
} as const

/** Of `raftgen check`: what would make replicas differ. docs/determinism.md says what is found in particular. */
export const determinismCodes = {
  CLOCK: error('The clock of the machine is read.', 'Use `ctx.now`.'),
  LOCAL_TIME: error('The time zone of the machine matters.', 'Use `getUTC*`, `toISOString()`, or milliseconds.'),
  RANDOM: error('It is something else on each replica.', 'Use `ctx.random()` or `ctx.id()`.'),
  FLOAT: error('Its last bits may differ between machines and versions of Node.', 'Use exact operations, or integers.'),
  LOCALE: error('The language of the machine and its ICU matter.', 'Compare by code unit; leave the wording to the caller.'),
  UNICODE: error('The version of Unicode matters.', 'Name the characters.'),
  SHARED_MEMORY: error('It reads memory beside the bytes that it was given.', 'Say where they are, by `byteOffset`.'),
  MACHINE: error('It tells something of its own process or machine.', 'Let it be an input.'),
  IO: error('It reaches outside of the log.', 'Let the caller do it, and send what came of it.'),
  TIMER: error('It runs when the event loop has time for it.', 'Keep a deadline in the state, and compare it with `ctx.now`.'),
  ASYNC: error('It goes on when other entries may have been applied.', 'Return the value itself.'),
  UNSEEN: error('It runs or reaches what cannot be looked into.', 'Import what is needed by name.'),
  GARBAGE_COLLECTION: error('It shows when the garbage collector ran.', 'Keep what is needed in the state.'),
  ERROR_TEXT: error('The engine words it, and other versions word it otherwise.', 'Use declared errors, or fields of a class of your own.'),
  MODULE_STATE: error('State of a module is in no snapshot, and not rolled back.', 'Keep it in the state.'),
  IMPURE_PACKAGE: error('A package is known for one of these.', 'Let the caller use it.'),
  OUTPUT: warning('Each replica prints it, and again at each replay.', 'Print where the command is called.'),
  UNREADABLE: error('A module is not there, or cannot be parsed.', 'Correct the path or the syntax.'),
  IGNORE_INVALID: error('A comment is to switch a finding off, and gives no reason.', 'Write `// raftgen-ignore determinism: <reason>`.'),
  IGNORE_UNUSED: error('A comment switches nothing off.', 'Remove or move it.'),
} as const satisfies Readonly<Record<RuleCode, DiagnosticKind>>

/** Of `raftgen check`: the handlers at work. */
export const propertyCodes = {
  PROPERTY_BROKEN: error('A case was found in which the handlers do not do what they must.', 'The hint has a test that repeats it.'),
} as const

/** Of `raftgen check`: what was written once, read by today's code. */
export const corpusCodes = {
  CORPUS_BROKEN: error(
    'Bytes that a frozen version has written are not read any more, or mean something else.',
    'Put back what has changed the codec, or the step between the versions.',
  ),
  CORPUS_MISSING: warning(
    'Nothing is kept of what a frozen version writes.',
    'Run `raftgen check <schema> --only corpus --write`, and commit it.',
  ),
} as const

/** Tables of the page, in its order. Those of evolution, which docs/evolution.md explains, come last. */
export const diagnosticTables = {
  file: fileCodes,
  schema: schemaCodes,
  lock: lockCodes,
  output: outputCodes,
  determinism: determinismCodes,
  properties: propertyCodes,
  corpus: corpusCodes,
} as const

type Codes<T> = T extends unknown ? keyof T : never
export type DiagnosticCode = Codes<(typeof diagnosticTables)[keyof typeof diagnosticTables]> | EvolutionCode

/** All of them, those of evolution too. */
export const diagnosticCodes: readonly string[] = [
  ...Object.values(diagnosticTables).flatMap((table) => Object.keys(table)),
  ...Object.keys(evolutionRules),
]
