// One entry of a log in words, and as an object. What a command means is for the decoder to say; without one it is bytes.
import type { Entry } from '../core/index.ts'
import type { Envelope } from '../machine/envelope.ts'
import { WireError } from '../wire/bytes.ts'
import { decodeEnvelope } from '../wire/envelope-codec.ts'
import { type CommandDecoder, readCall } from './command-decoder.ts'
import { confText } from './log-words.ts'
import { plainValue, rawText, timeText, valueText } from './value-text.ts'

/** An entry, as far as it can be read. */
export interface ShownEntry {
  readonly entry: Entry
  /** None of an entry without one, or that this version does not know. */
  readonly envelope: Envelope | undefined
  /** Name and input of a command, where they are known. */
  readonly call: { readonly name: string; readonly input: unknown } | undefined
  /** Why something cannot be read. */
  readonly problem: string | undefined
}
type Command = Extract<Envelope, { readonly kind: 'command' }>

export function readEntry(entry: Entry, decoder: CommandDecoder | undefined): ShownEntry {
  if (entry.kind !== 'command') return { entry, envelope: undefined, call: undefined, problem: undefined }
  let envelope: Envelope
  try {
    envelope = decodeEnvelope(entry.data)
  } catch (thrown) {
    if (!(thrown instanceof WireError)) throw thrown
    return { entry, envelope: undefined, call: undefined, problem: thrown.message }
  }
  if (envelope.kind !== 'command' || decoder === undefined) return { entry, envelope, call: undefined, problem: undefined }
  try {
    return { entry, envelope, call: decoder.decode(envelope.command, envelope.version), problem: undefined }
  } catch (thrown) {
    return { entry, envelope, call: undefined, problem: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}

/** As wide as the largest of each. */
export interface Columns {
  readonly index: number
  readonly term: number
  readonly session: number
}
const timeWidth = 24
const seqWidth = 6
/** Sessions that are named in one line. */
const sessionsMax = 20

export const columnsFor = (last: { readonly index: number; readonly term: number }): Columns => ({
  index: Math.max('index'.length, `${last.index}`.length),
  term: Math.max('term'.length, `${last.term}`.length),
  session: Math.max('session'.length, `${last.index}`.length),
})

export const headLine = (columns: Columns): string => line(columns, ['index', 'term', 'time', 'session', 'seq', 'what'])

export function entryLine(shown: ShownEntry, columns: Columns): string {
  const { entry, envelope } = shown
  const [session, seq] = envelope?.kind === 'command' ? [`${envelope.session}`, `${envelope.seq}`] : ['', '']
  return line(columns, [
    `${entry.index}`,
    `${entry.term}`,
    envelope === undefined ? '' : timeText(envelope.now),
    session,
    seq,
    whatText(shown),
  ])
}

function line(
  columns: Columns,
  [index, term, time, session, seq, what]: readonly [string, string, string, string, string, string],
): string {
  const numbers = `${index.padStart(columns.index)}  ${term.padStart(columns.term)}`
  return `${numbers}  ${time.padEnd(timeWidth)}  ${session.padStart(columns.session)}  ${seq.padStart(seqWidth)}  ${what}`
}

/** `acquire { name: "orders" }` */
export function whatText({ entry, envelope, call, problem }: ShownEntry): string {
  if (entry.conf !== undefined) return `configuration: ${confText(entry.conf)}`
  if (entry.kind === 'noop') return 'a leader begins'
  if (envelope === undefined) return `unknown, ${entry.data.length} bytes: ${rawText(entry.data)} (${problem})`
  switch (envelope.kind) {
    case 'command':
      return call === undefined ? bareText(envelope, problem) : `${call.name} ${valueText(call.input)}`
    case 'openSession':
      return `session ${entry.index} opens, for ${envelope.ttlMs} ms`
    case 'closeSession':
      return `session ${envelope.session} closes`
    case 'keepAlive':
      return keptText(envelope.sessions.map(({ session }) => session))
    case 'renewSessions':
      return 'all sessions are renewed'
    case 'clock':
      return `queries may see times up to ${timeText(envelope.ceiling)}`
    case 'skip':
      return `entry ${envelope.skipped} is skipped: it counts as failed`
    case 'check':
      return envelope.isEvidence ? 'replicas differ: each takes a snapshot of its state here' : 'replicas compare their states'
    case 'activate':
      return `version ${envelope.version} of the schema is put in force`
  }
}

function keptText(sessions: readonly number[]): string {
  if (sessions.length === 0) return 'time passes'
  const more = sessions.length > sessionsMax ? ` and ${sessions.length - sessionsMax} more` : ''
  return `kept alive: ${sessions.length === 1 ? 'session' : 'sessions'} ${sessions.slice(0, sessionsMax).join(', ')}${more}`
}

/** Without its name. */
function bareText({ command, version }: Command, problem: string | undefined): string {
  const why = problem === undefined ? '' : ` (${problem})`
  const call = readCall(command, version)
  if (call === undefined) return `command, ${command.length} bytes: ${rawText(command)}${why}`
  return `command with tag ${call.tag} of version ${version}, ${command.length} bytes: ${valueText(call.input)}${why}`
}

/** The same, with nothing left out. Public: fields are added, none goes. */
export function entryObject({ entry, envelope, call, problem }: ShownEntry): object {
  const { index, term, conf } = entry
  const head = { index, term }
  if (conf !== undefined) return { kind: 'configuration', ...head, conf }
  if (entry.kind === 'noop') return { kind: 'noop', ...head }
  if (envelope === undefined) return { kind: 'unknown', ...head, bytes: hex(entry.data), problem }
  const { now, kind, ...rest } = envelope
  const stamped = { kind, ...head, time: timeText(now) }
  if (envelope.kind !== 'command') return { ...stamped, ...rest, ...(kind === 'openSession' ? { session: index } : {}) }
  const { session, seq, ackedBelow, version, command } = envelope
  const from = { ...stamped, session, seq, ackedBelow, version }
  if (call !== undefined) return { ...from, command: call.name, input: plainValue(call.input) }
  const bare = readCall(command, version)
  return { ...from, tag: bare?.tag, wire: bare === undefined ? undefined : plainValue(bare.input), bytes: hex(command), problem }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
