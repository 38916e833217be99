// Operational errors: everything that can go wrong between a caller and a cluster, or at start. Errors that a schema declares are values.

/**
 * What is known of the command or query when the error arrives: `notApplied`: it had no effect and never will; `applied`: it took
 * effect (or ran and was rolled back, for HANDLER_FAILED), only its reply is not what was asked for; `unknown`: applied once, or not at
 * all, and nobody can tell any more; `none`: there was no operation.
 */
export type Outcome = 'notApplied' | 'applied' | 'unknown' | 'none'

interface CodeFacts {
  /** `byReason`: the error itself says. */
  readonly retryable: boolean | 'byReason'
  readonly outcome: Outcome
  /** When it happens, and what to do: the README's error table is made from these. */
  readonly when: string
  readonly todo: string
}

export const errorCodes = {
  UNAVAILABLE: {
    retryable: true,
    outcome: 'notApplied',
    when: 'No leader could be reached before the deadline; the command was never sent.',
    todo: 'Call again.',
  },
  OUTCOME_UNKNOWN: {
    retryable: false,
    outcome: 'unknown',
    when: 'The command was sent and its deadline passed, its session ended, or the client was closed, before an answer came.',
    todo: 'Ask the state with a query; use an idempotency key of your own where that is not enough.',
  },
  ABORTED: {
    retryable: true,
    outcome: 'notApplied',
    when: 'The AbortSignal fired before the command was sent.',
    todo: 'Nothing happened.',
  },
  SESSION_EXPIRED: {
    retryable: true,
    outcome: 'notApplied',
    when: 'The session is unknown to the cluster, so this command was not executed.',
    todo: 'Call again: the client opens a new session by itself.',
  },
  NOT_APPLIED: {
    retryable: true,
    outcome: 'notApplied',
    when: 'A later command of the same client took effect first, so this one was refused to keep the order of calls.',
    todo: 'Call again if it is still wanted.',
  },
  REPLY_DROPPED: {
    retryable: false,
    outcome: 'applied',
    when: "The command was applied, but its reply no longer fitted the session's limit when it was asked for again.",
    todo: 'Read the state with a query.',
  },
  OVERLOADED: {
    retryable: true,
    outcome: 'notApplied',
    when: 'A queue of the client or of the server is full.',
    todo: 'Call again later, or keep fewer calls in flight.',
  },
  STORAGE_FULL: {
    retryable: true,
    outcome: 'notApplied',
    when: 'The disk of the leader, or those of so many nodes that no majority has room, is nearly full. At start: there is no room to open the log.',
    todo: 'Free some space on the nodes that the message names; queries go on meanwhile, and commands are taken again without a restart.',
  },
  INVALID_INPUT: {
    retryable: false,
    outcome: 'notApplied',
    when: 'The input does not fit its schema. The message has the path and the bound.',
    todo: 'Correct the input.',
  },
  TOO_LARGE: {
    retryable: false,
    outcome: 'notApplied',
    when: 'The encoded command or query exceeds the limit named in the message.',
    todo: 'Send less, or raise the limit on every server.',
  },
  HANDLER_FAILED: {
    retryable: false,
    outcome: 'applied',
    when: 'The handler of the command threw, or returned what its schema does not allow. Its changes were rolled back on every replica.',
    todo: 'Mend the handler. What it threw, and where, is in the first reply; the log of the server has the stack.',
  },
  APPLY_HALTED: {
    retryable: true,
    outcome: 'notApplied',
    when: "With `onHandlerError: 'halt'`, or after HANDLER_FATAL: the node has stopped applying before a command whose handler fails, or before a version of the schema whose migration fails. This one was not taken; a query would have to reflect that command.",
    todo: 'Mend the handler and start the nodes again, or skip that command: the message has its index. `stale` queries are answered meanwhile.',
  },
  HANDLER_FATAL: {
    retryable: false,
    outcome: 'none',
    when: 'A handler overflowed the stack or exhausted the memory. That may not happen on every replica, so this node has stopped.',
    todo: 'Start the node again: it applies nothing from that command on, and takes part otherwise. Mend the handler and start it with `retryHalted: true`, or skip the command. The message names it and its index.',
  },
  QUERY_FAILED: {
    retryable: false,
    outcome: 'none',
    when: 'The handler of the query threw, or returned what its schema does not allow.',
    todo: 'Mend the handler.',
  },
  CLOSED: { retryable: false, outcome: 'notApplied', when: 'The client or server was closed before this call.', todo: 'Connect anew.' },
  CLUSTER_MISMATCH: {
    retryable: false,
    outcome: 'notApplied',
    when: 'The other side belongs to another cluster.',
    todo: 'Correct the addresses.',
  },
  MACHINE_MISMATCH: {
    retryable: false,
    outcome: 'notApplied',
    when: 'The server runs another machine, or an incompatible version of it. At start: the data directory holds the log of one.',
    todo: 'Correct the address or the path, or generate from the schema that the other side has.',
  },
  NOT_YET_ACTIVE: {
    retryable: true,
    outcome: 'notApplied',
    when: 'The call needs a schema version that the cluster does not use yet: not all of its servers know it, or nobody has activated it.',
    todo: 'Call again once it is active; `raftgen cluster status` says what it waits for.',
  },
  OPERATION_RETIRED: {
    retryable: false,
    outcome: 'notApplied',
    when: 'The client was generated for an older schema version, and the one that is in force has no such operation any more.',
    todo: 'Generate the client again from the schema of today.',
  },
  RESULT_TOO_NEW: {
    retryable: false,
    outcome: 'applied',
    when: 'The command was applied, or the query answered; the schema version that the client was generated for has no words for the result.',
    todo: 'Generate the client again from the schema of today.',
  },
  VERSION_UNKNOWN: {
    retryable: false,
    outcome: 'none',
    when: 'The data or the cluster use a schema version that this build does not know: it is older, or has given that version up. The node stops, and nothing is lost.',
    todo: 'Start it with a build that knows the version.',
  },
  MIGRATION_FAILED: {
    retryable: false,
    outcome: 'none',
    when: 'A function that takes the state, or a call, to the next schema version threw, or made what does not fit it. The version before stays in force; a node that cannot raise a call of the log stops.',
    todo: 'Correct the function, or what it does not fit, and start every server again: then the version can be put in force.',
  },
  PROTOCOL_MISMATCH: {
    retryable: false,
    outcome: 'notApplied',
    when: 'The other side does not speak this protocol, or no version that both know.',
    todo: 'Correct the address, or upgrade the older side.',
  },
  STATE_DIVERGED: {
    retryable: false,
    outcome: 'notApplied',
    when: 'The replicas differ, and no majority of them is the same, so that nobody answers. Of a node: its state is not what was written to it.',
    todo: 'Find the handler that is not deterministic (`raftgen cluster status` names the command, `raftgen state diff` what differs); restart the replica.',
  },
  BAD_OPTIONS: { retryable: false, outcome: 'none', when: 'An option is missing or out of its bounds.', todo: 'Correct the option named.' },
  BAD_SCHEMA: { retryable: false, outcome: 'none', when: 'The schema file was refused.', todo: 'Correct what the message names.' },
  HANDLER_MISSING: {
    retryable: false,
    outcome: 'none',
    when: 'An operation of the machine has no handler.',
    todo: 'Write it; `raftgen <schema.ts>` inserts a stub.',
  },
  SCHEMA_OPEN: {
    retryable: false,
    outcome: 'none',
    when: 'The version of the machine is still open, so its wire format may change.',
    todo: 'Freeze it, or run with `development: true`.',
  },
  DATA_DIR_EMPTY: {
    retryable: false,
    outcome: 'none',
    when: 'The data directory holds no node. A wiped voter must not come back as a fresh one.',
    todo: 'If the cluster is new, bootstrap every node once. If the node is new in a running one, or has lost its disk, start it with `join`. Never restore an old copy, never bootstrap a member again.',
  },
  DATA_DIR_EXISTS: {
    retryable: false,
    outcome: 'none',
    when: 'Bootstrap was called on a directory that already holds something.',
    todo: 'Choose another directory, or run the node that is there.',
  },
  DATA_DIR_FOREIGN: {
    retryable: false,
    outcome: 'none',
    when: 'The data directory belongs to another node or cluster, or is of a newer format; or the others know this node with another disk.',
    todo: 'Correct the path. A member that was bootstrapped again is refused by the others: remove its directory and start it with `join`.',
  },
  STORAGE_LOCKED: {
    retryable: true,
    outcome: 'none',
    when: 'Another process holds the data directory.',
    todo: 'Stop the other process.',
  },
  STORAGE_DAMAGED: {
    retryable: false,
    outcome: 'none',
    when: 'The log or a snapshot is damaged. The message names the file and the index.',
    todo: 'Start the node again: what it can, it gets back from the others. Where it refuses to start, the message names the way out, and `raftgen log verify` says what is there.',
  },
  STORAGE_FAILED: {
    retryable: false,
    outcome: 'none',
    when: 'A write or a sync of the log failed. The node has stopped: what reached the disk is unknown.',
    todo: 'Mend the disk, then start the node again.',
  },
  NODE_REMOVED: {
    retryable: false,
    outcome: 'none',
    when: 'This node is no member of its cluster any more: it was removed, or its id has come back with another disk.',
    todo: 'Stop starting it. To use the machine again, start it on an empty directory with `join` and an id that was never used; a directory that was replaced can be deleted.',
  },
  CHANGE_REFUSED: {
    retryable: 'byReason',
    outcome: 'notApplied',
    when: 'The cluster refused a change of its members, a transfer of leadership, a node that wants to join, or to skip a command. The message says why.',
    todo: 'Where it is retryable (a change is under way, a majority is away): try again later. Otherwise ask for something else.',
  },
  ADDRESS_IN_USE: {
    retryable: true,
    outcome: 'none',
    when: 'Another process listens on the address.',
    todo: 'Stop it, or choose another port.',
  },
  INTERNAL: {
    retryable: false,
    outcome: 'none',
    when: 'A rule that always holds was broken: a bug in raftgen. The node has stopped.',
    todo: 'Report it, with the message.',
  },
} as const satisfies Record<string, CodeFacts>

export type ErrorCode = keyof typeof errorCodes

/** What is left to do on a machine whose node is no member any more: the end of what NODE_REMOVED says. */
export const afterRemoval = {
  removed: 'stop starting it; to use this machine again, `join` on an empty directory with a new id',
  replaced: 'delete this directory',
} as const

/** Whether `code`, as it came from the wire, is one of ours. */
export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errorCodes, code)

export interface RaftgenErrorOptions {
  readonly cause?: unknown
  /** Overrides the usual outcome of the code where more is known. */
  readonly outcome?: Outcome
  /** Of a code that is retryable by its reason: whether this one is. Default false. */
  readonly retryable?: boolean
}

/** An operational error. `code` is public and stable; the message is a sentence for people, with the values in it. */
export class RaftgenError extends Error {
  override readonly name = 'RaftgenError'
  readonly code: ErrorCode
  /** Whether the same call may be made again: with a chance that it succeeds, and without the danger of its taking effect twice. */
  readonly retryable: boolean
  readonly outcome: Outcome

  constructor(code: ErrorCode, message: string, options: RaftgenErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    const { retryable } = errorCodes[code]
    this.retryable = retryable === 'byReason' ? options.retryable === true : retryable
    this.outcome = options.outcome ?? errorCodes[code].outcome
  }
}
