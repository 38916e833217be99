// What can be different between two versions of a schema, and what follows from it. `docs/evolution.md` has the same table; a test holds the
// two together.

/** What raftgen can write by itself. */
export interface Plainness {
  /** Older to newer. `bounded`: its shape, but it may be out of bounds. */
  readonly up: 'plain' | 'bounded' | 'user'
  /** Newer to older. `partial`: but for values that the older version did not have. */
  readonly down: 'plain' | 'partial' | 'none'
  /** Whether up and down again gives what it was. */
  readonly keeps: boolean
}
export type Level = 'safe' | 'migration' | 'breaking'
/** Inputs of commands and queries; outputs of both, and errors; the state. */
export type Use = 'input' | 'result' | 'state'

interface ValueRule extends Plainness {
  readonly of: 'value'
  /** In which uses it occurs, where that is not everywhere. */
  readonly only?: Use
  readonly what: string
  readonly wayOut: string
}
/** Of operations and of the lock: always the same level. */
interface MachineRule {
  readonly of: 'machine'
  readonly level: Level
  /** What it is a matter of. */
  readonly in: readonly Use[]
  /** Whether it is a matter of clients of the older version alone, and safe where none is left. */
  readonly readers?: true
  readonly what: string
  readonly wayOut: string
}
export type EvolutionRule = ValueRule | MachineRule

const plain = { of: 'value', up: 'plain', down: 'plain', keeps: true } as const
/** The newer version has values that the older has not. */
const wider = { of: 'value', up: 'plain', down: 'partial', keeps: true } as const
/** The older version had values that the newer has not. */
const narrower = { of: 'value', up: 'user', down: 'plain', keeps: true } as const
const safe = { of: 'machine', level: 'safe', in: ['input'] } as const
const breaking = { of: 'machine', level: 'breaking', in: ['input'] } as const
const always = { of: 'machine', level: 'breaking', in: ['input', 'result', 'state'] } as const

const readersWay = 'Where none of them is left: say so in `retired.clients`.'
const inMigrations = 'Say in `migrations.ts` what becomes of values of the older version'

export const evolutionRules = {
  EVOLVE_FIELD_ADDED: { ...plain, what: 'a new field that is optional or has a default', wayOut: 'None is needed.' },
  EVOLVE_FIELD_ADDED_REQUIRED: {
    ...narrower,
    what: 'a new field that is required',
    wayOut: `Give it a default, or make it optional. Else: ${lower(inMigrations)}.`,
  },
  EVOLVE_FIELD_REMOVED: {
    ...{ ...plain, keeps: false },
    what: 'a field that was optional or had a default is gone',
    wayOut:
      'Say `was` if it has another name now. In the state: keep the field until the older version is retired, or begin a new generation.',
  },
  EVOLVE_FIELD_REMOVED_REQUIRED: {
    ...{ of: 'value', up: 'plain', down: 'none', keeps: false },
    what: 'a field that was required is gone',
    wayOut:
      'Say `was` if it has another name now. In a result: keep the field, or answer otherwise in a new command. In the state: keep it, or begin a new generation.',
  },
  EVOLVE_FIELD_RENAMED: { ...plain, what: 'a field has another name', wayOut: 'None is needed.' },
  EVOLVE_FIELD_MADE_REQUIRED: {
    ...narrower,
    what: 'a field was optional and is required',
    wayOut: `Give it a default. Else: ${lower(inMigrations)} that lack it.`,
  },
  EVOLVE_FIELD_MADE_OPTIONAL: {
    ...wider,
    what: 'a field was required and is optional',
    wayOut: `In a result: go on giving it, or answer otherwise in a new command; clients of the older version need it. ${readersWay}`,
  },
  EVOLVE_FIELD_MADE_DEFAULT: {
    ...{ ...plain, keeps: false },
    what: 'a field was optional and has a default',
    wayOut: 'In the state absent and default were two things and become one: keep it optional, or begin a new generation.',
  },
  EVOLVE_DEFAULT_ADDED: { ...plain, what: 'a field was required and has a default', wayOut: 'None is needed.' },
  EVOLVE_DEFAULT_REMOVED: { ...plain, what: 'a field had a default and has none', wayOut: 'None is needed.' },
  EVOLVE_DEFAULT_CHANGED: {
    ...plain,
    what: 'a field has another default',
    wayOut: 'None is needed: what is written keeps the default that it was written with.',
  },
  EVOLVE_BOUND_WIDENED: { ...plain, what: 'a wider bound', wayOut: 'None is needed.' },
  EVOLVE_BOUND_NARROWED: {
    ...{ of: 'value', up: 'bounded', down: 'plain', keeps: true },
    what: 'a narrower bound',
    wayOut: `Keep the bound, and refuse in the handler. Else: ${lower(inMigrations)} that do not fit.`,
  },
  EVOLVE_LITERAL_ADDED: {
    ...wider,
    what: 'a new literal in a set',
    wayOut: `In a result: answer with it in a new command; clients of the older version cannot read it. ${readersWay}`,
  },
  EVOLVE_LITERAL_REMOVED: { ...narrower, what: 'a literal of a set is gone', wayOut: `Keep it, or: ${lower(inMigrations)} that have it.` },
  EVOLVE_VARIANT_ADDED: {
    ...wider,
    what: 'a new variant of a union',
    wayOut: `In a result: answer with it in a new command; clients of the older version cannot read it. ${readersWay}`,
  },
  EVOLVE_VARIANT_REMOVED: {
    ...narrower,
    what: 'a variant of a union is gone',
    wayOut: `Keep it, or: ${lower(inMigrations)} of that variant.`,
  },
  EVOLVE_NULL_ADDED: {
    ...wider,
    what: 'null is possible',
    wayOut: `In a result: answer with it in a new command; clients of the older version cannot read it. ${readersWay}`,
  },
  EVOLVE_NULL_REMOVED: { ...narrower, what: 'null is not possible any more', wayOut: `Keep it, or: ${lower(inMigrations)} that are null.` },
  EVOLVE_INTEGER_WIDENED: {
    ...wider,
    what: 'an integer became a number',
    wayOut: `In a result: add a field beside it; clients of the older version read integers alone. ${readersWay}`,
  },
  EVOLVE_NUMBER_NARROWED: {
    ...narrower,
    what: 'a number became an integer',
    wayOut: `Keep it, or: ${lower(inMigrations)} that are no integers.`,
  },
  EVOLVE_TYPE_CHANGED: {
    ...{ of: 'value', up: 'user', down: 'none', keeps: false },
    what: 'another type',
    wayOut: `Add a field beside it. Else: ${lower(inMigrations)}; in a result that does not help clients of the older version: use a new command.`,
  },
  EVOLVE_OUTPUT_ADDED: {
    ...{ ...narrower, only: 'result' },
    what: 'an operation that had no output has one',
    wayOut: `${inMigrations}, which have none.`,
  },
  EVOLVE_OUTPUT_REMOVED: {
    ...{ of: 'value', only: 'result', up: 'plain', down: 'none', keeps: false },
    what: 'an operation has no output any more',
    wayOut: 'Keep the output, or answer otherwise in a new command.',
  },
  EVOLVE_STATE_ADDED: {
    ...{ ...plain, only: 'state' },
    what: 'a new table or cell',
    wayOut: 'None is needed: it begins with its initial value.',
  },
  EVOLVE_STATE_REMOVED: {
    ...{ of: 'value', only: 'state', up: 'plain', down: 'none', keeps: false },
    what: 'a table or cell is gone',
    wayOut: 'Say `was` if it has another name now. Keep it until the older version is retired, or begin a new generation.',
  },
  EVOLVE_STATE_RENAMED: { ...{ ...plain, only: 'state' }, what: 'a table or cell has another name', wayOut: 'None is needed.' },
  EVOLVE_STATE_KIND_CHANGED: {
    ...{ of: 'value', only: 'state', up: 'user', down: 'none', keeps: false },
    what: 'a table became a cell, or a cell a table',
    wayOut: `Add another beside it. Else: ${lower(inMigrations)}.`,
  },
  EVOLVE_INITIAL_CHANGED: {
    ...{ ...plain, only: 'state' },
    what: 'another initial value',
    wayOut: 'None is needed: clusters that have begun keep what they began with.',
  },
  EVOLVE_COMMAND_ADDED: { ...safe, what: 'a new command', wayOut: 'None is needed: it waits for the activation.' },
  EVOLVE_COMMAND_RENAMED: { ...safe, what: 'a command has another name', wayOut: 'None is needed.' },
  EVOLVE_COMMAND_RETIRED: { ...safe, what: 'a command is gone, and `retired` says so', wayOut: 'None is needed.' },
  EVOLVE_COMMAND_REMOVED: {
    ...breaking,
    what: 'a command is gone',
    wayOut: 'Logs hold entries of it. Put it back, say `was` if it has another name now, or list it in `retired.commands`.',
  },
  EVOLVE_QUERY_ADDED: { ...safe, what: 'a new query', wayOut: 'None is needed: it waits for the activation.' },
  EVOLVE_QUERY_RENAMED: { ...safe, what: 'a query has another name', wayOut: 'None is needed.' },
  EVOLVE_QUERY_RETIRED: { ...safe, what: 'a query is gone, and `retired` says so', wayOut: 'None is needed.' },
  EVOLVE_QUERY_REMOVED: {
    ...breaking,
    what: 'a query is gone',
    wayOut: 'Clients ask it. Put it back, say `was` if it has another name now, or list it in `retired.queries`.',
  },
  EVOLVE_ERROR_ADDED: {
    ...{ ...breaking, in: ['result'], readers: true },
    what: 'a command may answer with an error more',
    wayOut: `Clients of the older version cannot read it. Answer with one that they know, or add a new command. ${readersWay}`,
  },
  EVOLVE_ERROR_RENAMED: { ...{ ...safe, in: ['result'] }, what: 'an error has another name', wayOut: 'None is needed.' },
  EVOLVE_ERROR_RETIRED: {
    ...{ ...safe, in: ['result'] },
    what: 'a command does not answer with an error any more, and `retired` says so',
    wayOut: 'None is needed.',
  },
  EVOLVE_ERROR_REMOVED: {
    of: 'machine',
    level: 'migration',
    in: ['result'],
    what: 'a command does not answer with an error any more',
    wayOut:
      'Until the activation it is still answered. Keep it in `errors`, list it in `retired.errors`, or say in `migrations.ts` what becomes of it.',
  },
  EVOLVE_TAG_CHANGED: {
    ...always,
    what: 'something has another tag than it had',
    wayOut: 'What is written names it by its tag. Restore the wire lock from version control, then run raftgen again.',
  },
  EVOLVE_TAG_REUSED: {
    ...always,
    what: 'something has the tag of something else',
    wayOut: 'What is written names it by its tag. Restore the wire lock from version control, then run raftgen again.',
  },
  EVOLVE_TOMBSTONE_DELETED: {
    ...always,
    what: 'the tag of what is gone is not kept any more',
    wayOut: 'It could be given away. Restore the wire lock from version control, then run raftgen again.',
  },
  EVOLVE_MACHINE_RENAMED: {
    ...always,
    what: 'the machine has another name',
    wayOut: 'Data belongs to a machine by its name: keep the name.',
  },
  EVOLVE_BASE_OPEN: {
    ...always,
    what: 'the version before is not frozen',
    wayOut: 'It may still change, and this one would not notice. Run `raftgen freeze` on it first.',
  },
} as const satisfies Readonly<Record<string, EvolutionRule>>

export type EvolutionCode = keyof typeof evolutionRules

export function ruleOf(code: EvolutionCode): EvolutionRule {
  return evolutionRules[code]
}

/** What a rule means in a use; none where it does not occur there. */
export function levelIn(rule: EvolutionRule, use: Use): Level | undefined {
  if (rule.of === 'machine') return rule.in.includes(use) ? rule.level : undefined
  return rule.only === undefined || rule.only === use ? levelOf(rule, use) : undefined
}

/** What a change of a value means where it is used so. `readersReady`: no client of the older version is left to read results. */
export function levelOf({ up, down, keeps }: Plainness, use: Use, readersReady = false): Level {
  switch (use) {
    case 'input':
      return up === 'plain' ? 'safe' : 'migration'
    case 'result':
      // Nobody writes a way down: a client of the older version would get what it cannot read. Where nothing goes down, not even with readers that are
      // ready: until the activation the handlers answer in the older version.
      if (down !== 'plain' && !(readersReady && down === 'partial')) return 'breaking'
      return up === 'user' ? 'migration' : 'safe'
    case 'state':
      // Replicas of both versions must have the same state: what went up must come down as it was.
      return up === 'plain' && down !== 'none' && keeps ? 'safe' : 'migration'
  }
}

function lower(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1)
}
