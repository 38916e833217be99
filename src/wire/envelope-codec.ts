// Envelopes as the data of entries. Fixed-width: a command costs 27 bytes beside its own.
import type { Index } from '../core/types.ts'
import type { Envelope, SessionTouch } from '../machine/envelope.ts'
import { ByteReader, ByteWriter, WireError } from './bytes.ts'
import { readU48, writeU48 } from './u48.ts'

/** By their number, for good. */
const kinds = ['command', 'openSession', 'closeSession', 'keepAlive', 'renewSessions', 'clock', 'check', 'skip', 'activate'] as const
export const commandOverheadBytes = 27
const commandKind = kinds.indexOf('command')

export interface CommandHeader {
  readonly session: number
  readonly seq: number
  readonly ackedBelow: number
}
/** What is known of a command when it is proposed. */
export interface Stamp {
  readonly now: number
  readonly version: number
}

/** The hot one, apart from the others: one allocation, exactly as large as needed. */
export function encodeCommand(header: CommandHeader & Stamp, command: Uint8Array): Uint8Array {
  const data = Buffer.allocUnsafe(commandOverheadBytes + command.length)
  writeCommand(data, header, command)
  stampCommand(data, header)
  return data
}

/** The same into `data`, which has `commandOverheadBytes` more than `command`, but for its stamp. */
export function writeCommand(data: Uint8Array, { session, seq, ackedBelow }: CommandHeader, command: Uint8Array): void {
  data[0] = commandKind
  writeU48(data, 7, session)
  writeU48(data, 13, seq)
  writeU48(data, 19, ackedBelow)
  data.set(command, commandOverheadBytes)
}

export function stampCommand(data: Uint8Array, { now, version }: Stamp): void {
  writeU48(data, 1, now)
  data[25] = version >>> 8
  data[26] = version
}

export function encodeEnvelope(envelope: Envelope): Uint8Array {
  if (envelope.kind === 'command') return encodeCommand(envelope, envelope.command)
  const writer = new ByteWriter(64)
  writer.u8(kinds.indexOf(envelope.kind))
  writer.u48(envelope.now)
  switch (envelope.kind) {
    case 'openSession':
      writer.u32(envelope.ttlMs)
      break
    case 'closeSession':
      writer.u48(envelope.session)
      break
    case 'keepAlive':
      writer.u32(envelope.sessions.length)
      for (const { session, ackedBelow } of envelope.sessions) {
        writer.u48(session)
        writer.u48(ackedBelow)
      }
      break
    case 'clock':
      writer.u48(envelope.ceiling)
      break
    case 'check':
      writer.u8(envelope.isEvidence ? 1 : 0)
      break
    case 'skip':
      writer.u48(envelope.skipped)
      break
    case 'activate':
      writer.u16(envelope.version)
      break
    default:
  }
  return writer.take()
}

/** Of the envelope in `data`; `undefined` where that is none of ours. */
export const envelopeKind = (data: Uint8Array): Envelope['kind'] | undefined => kinds[data[0] ?? kinds.length]

const skipKind = kinds.indexOf('skip')
const skipBytes = 13

/** Index of the command that the envelope in `data` skips; `undefined` where it is another one, or none. */
export function skippedBy(data: Uint8Array): Index | undefined {
  if (data[0] !== skipKind || data.length !== skipBytes) return undefined
  return new ByteReader(data.subarray(7)).u48('index of the command skipped')
}

/** `command` is a view of `data`. Throws a `WireError`: the entry was written by a version that this one does not know. */
export function decodeEnvelope(data: Uint8Array): Envelope {
  if (data[0] === commandKind && data.length >= commandOverheadBytes) {
    return {
      kind: 'command',
      now: readU48(data, 1),
      session: readU48(data, 7),
      seq: readU48(data, 13),
      ackedBelow: readU48(data, 19),
      version: ((data[25] ?? 0) << 8) | (data[26] ?? 0),
      command: data.subarray(commandOverheadBytes),
    }
  }
  const reader = new ByteReader(data)
  const kind = kinds[reader.u8('kind of an envelope')]
  const now = reader.u48('time of an envelope')
  if (kind === 'command') throw new WireError(`a command has ${data.length} bytes, its envelope alone needs ${commandOverheadBytes}`)
  const envelope = decodeRare(reader, kind, now)
  reader.end(`envelope ${envelope.kind}`)
  return envelope
}

function decodeRare(reader: ByteReader, kind: (typeof kinds)[number] | undefined, now: number): Envelope {
  switch (kind) {
    case 'openSession':
      return { kind, now, ttlMs: reader.u32('time to live of a session') }
    case 'closeSession':
      return { kind, now, session: reader.u48('session') }
    case 'keepAlive': {
      const sessions: SessionTouch[] = []
      const count = reader.count(12, 'sessions')
      for (let i = 0; i < count; i++) sessions.push({ session: reader.u48('session'), ackedBelow: reader.u48('ackedBelow') })
      return { kind, now, sessions }
    }
    case 'renewSessions':
      return { kind, now }
    case 'clock':
      return { kind, now, ceiling: reader.u48('ceiling of the clock') }
    case 'check':
      return { kind, now, isEvidence: reader.boolean('evidence') }
    case 'skip':
      return { kind, now, skipped: reader.positive('index of the command skipped') }
    case 'activate':
      return { kind, now, version: reader.u16('schema version') }
    default:
      throw new WireError('an entry holds an envelope of a kind that this version does not know')
  }
}
