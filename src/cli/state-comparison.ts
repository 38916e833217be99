// Two replicated states, compared part by part as they are read. All differences are counted, and the first ones kept.
import { readFieldCount, readFieldKind, readPacked } from '../contract/v1/snapshot.ts'
import { InvalidValue } from '../contract/v1/values-invalid.ts'
import { differences, isSame, keyed, named, type Place, placeText } from '../machine/differences.ts'
import { WireError } from '../wire/bytes.ts'
import { unpackValue, type Wire } from '../wire/value.ts'
import { type ReadSession, SessionWalk } from './session-walk.ts'
import type { Pair, Replica } from './snapshot-pair.ts'
import type { SnapshotStream } from './snapshot-stream.ts'
import { areGenerated, compareBytes } from './state-bytes.ts'
import { type FieldReader, sessionValue } from './state-reader.ts'
import { type CompareOptions, type Comparison, merged, Tally, type Values } from './state-tally.ts'
import { differingEntries, openTable } from './table-pairs.ts'
import { timeText, valueText } from './value-text.ts'

const sessionsPlace = named('sessions')
/** Throws a `WireError` where a state cannot be read. */
export async function compareStates(pair: Pair, options: CompareOptions): Promise<Comparison> {
  const around = new Tally(options)
  compareHeads(pair, around)
  compareSkipped(pair, around)
  await compareSessions(pair, around)
  const state = new Tally(options)
  const [a, b] = [pair[0].content, pair[1].content]
  await a.checkMachineState()
  await b.checkMachineState()
  if (options.reader.fields !== undefined || (await areGenerated(pair))) await compareFields(pair, state)
  else await compareBytes(a, b, state)
  return merged(state, around, options.limit)
}

function compareHeads([a, b]: Pair, tally: Tally): void {
  const values = ({ head: { lastApplied, now, ceiling, ceilingTerm } }: Replica): Readonly<Record<string, unknown>> => ({
    lastApplied,
    now: timeText(now),
    ceiling: timeText(ceiling),
    ceilingTerm,
  })
  const [ours, theirs] = [values(a), values(b)]
  for (const [name, value] of Object.entries(ours)) {
    const before = tally.count
    tally.add(differences(named(name), value, theirs[name]))
    if (tally.count > before || name === 'now') tally.parts.push({ kind: 'value', place: named(name), differs: tally.count > before })
  }
}

/** All of both: which of them one lacks shows, and what is around it. */
function compareSkipped([{ head: a }, { head: b }]: Pair, tally: Tally): void {
  const [here, there] = [a.skipped, b.skipped]
  if (here.length === 0 && there.length === 0) return
  const place = named('skipped')
  const differs = !isSame(here, there)
  if (differs) tally.add([{ kind: 'values', place, here, there }])
  tally.parts.push({ kind: 'value', place, differs })
}

async function compareSessions([a, b]: Pair, tally: Tally): Promise<void> {
  const [ours, theirs] = [await SessionWalk.open(a), await SessionWalk.open(b)]
  const found = tally.entries(sessionsPlace, { a: ours.size, b: theirs.size })
  const valueOf = (session: ReadSession | undefined): object | undefined => session && sessionValue(session.record, tally.reader)
  for (;;) {
    const [mine, other] = [ours.current, theirs.current]
    if (mine === undefined && other === undefined) return
    const id = Math.min(mine?.record.id ?? Number.POSITIVE_INFINITY, other?.record.id ?? Number.POSITIVE_INFINITY)
    const [at, there] = [mine?.record.id === id ? mine : undefined, other?.record.id === id ? other : undefined]
    if (at === undefined || there === undefined || !at.bytes.equals(there.bytes)) found(id, { a: valueOf(at), b: valueOf(there) })
    if (at !== undefined) await ours.advance()
    if (there !== undefined) await theirs.advance()
  }
}

async function compareFields([a, b]: Pair, tally: Tally): Promise<void> {
  const { reader } = tally
  const count = await fieldCount(a, reader.fields?.length)
  await fieldCount(b, count)
  for (let i = 0; i < count; i++) await compareField([a, b], reader.fields?.[i] ?? reader.field(i), tally)
  for (const { content } of [a, b]) {
    if (content.left > 0) throw new WireError(`${content.seen.path}: the state is followed by ${content.left} bytes too many`)
  }
}

async function fieldCount({ content, head }: Replica, expected: number | undefined): Promise<number> {
  const count = await content.read((reader) => readFieldCount(reader, head.machine.version))
  if (expected !== undefined && count !== expected)
    throw new WireError(`${content.seen.path}: the state has ${count} fields, not ${expected}`)
  return count
}

async function compareField([a, b]: Pair, field: FieldReader, tally: Tally): Promise<void> {
  const name = placeText(field.place, valueText)
  const kind = await kindOf(a.content, name, field.kind)
  await kindOf(b.content, name, kind)
  const read = valuesOf([a, b], field, tally)
  if (kind === 'cell') return compareCells([await packedIn(a.content, name), await packedIn(b.content, name)], field.place, { read, tally })
  const tables = [await openTable(a.content, { ...field, name }), await openTable(b.content, { ...field, name })] as const
  const found = tally.entries(field.place, { a: tables[0].size, b: tables[1].size })
  for await (const entry of differingEntries(...tables)) {
    found(entry.key, read(keyed(entry.key, field.place), entry))
  }
}

async function kindOf(content: SnapshotStream, name: string, expected: 'table' | 'cell' | undefined): Promise<'table' | 'cell'> {
  const kind = await content.read((reader) => readFieldKind(reader, name))
  if (expected !== undefined && kind !== expected) throw new WireError(`${content.seen.path}: ${name} is a ${kind}, not a ${expected}`)
  return kind
}

const packedIn = (content: SnapshotStream, name: string): Promise<Uint8Array> => content.read((reader) => readPacked(reader, name))

type ReadValues = (place: Place, wires: { readonly a: Wire | undefined; readonly b: Wire | undefined }) => Values

function compareCells(
  [a, b]: readonly [Uint8Array, Uint8Array],
  place: Place,
  { read, tally }: { readonly read: ReadValues; readonly tally: Tally },
): void {
  const before = tally.count
  if (!Buffer.from(a).equals(b)) {
    const values = read(place, { a: unpackValue(a), b: unpackValue(b) })
    tally.add(differences(place, values.a, values.b))
  }
  tally.parts.push({ kind: 'value', place, differs: tally.count > before })
}

/** The first misfit of a field is told. Where one does not fit the schema, both are what is on the wire. Nobody but a bug writes such a thing, and that may be what is looked for. */
function valuesOf(pair: Pair, field: FieldReader, tally: Tally): ReadValues {
  let isTold = false
  return (place, { a, b }) => {
    let dir = pair[0].dir
    try {
      const ours = a === undefined ? undefined : field.value(a)
      dir = pair[1].dir
      return { a: ours, b: b === undefined ? undefined : field.value(b) }
    } catch (thrown) {
      if (!(thrown instanceof InvalidValue)) throw thrown
      const what = field.kind === 'cell' ? 'it' : 'the entry'
      if (!isTold) tally.misfits.push(`in ${dir} ${thrown.from(placeText(place, valueText)).message}: ${what} is shown as it was written`)
      isTold = true
      return { a, b }
    }
  }
}
