// Why something was not done, as bytes: a code, for programs, and a sentence, for people.
import { type ErrorCode, isErrorCode } from '../errors.ts'
import { type ByteReader, type ByteWriter, WireError } from './bytes.ts'
import type { Goodbye, Refused } from './client-messages.ts'

/** Sentences on the wire, bytes; longer ones are cut. */
export const sentenceBytesMax = 2_048
/** What a code of any release looks like. */
const codeForm = /^[A-Z][A-Z0-9_]{0,63}$/

export function writeRefused(body: ByteWriter, refused: Refused | undefined): void {
  body.u8(refused === undefined ? 0 : 1)
  if (refused === undefined) return
  body.text(refused.code)
  body.text(cutSentence(refused.message))
}

/** A code that only a newer server knows becomes `unknown`, with its name in the message: it must not cost the connection. */
export function readRefused(reader: ByteReader, unknown: ErrorCode): Refused | undefined {
  if (!reader.boolean('refused')) return undefined
  const code = reader.text('code')
  if (code === 'NOT_LEADER' || code === 'RETRY' || isErrorCode(code)) return { code, message: readSentence(reader) }
  return readUnknown(reader, { code, unknown })
}

export function writeGoodbye(body: ByteWriter, { code, message }: Pick<Goodbye, 'code' | 'message'>): void {
  body.text(code)
  body.text(cutSentence(message))
}

/** A code that is not known here says that this server will not serve us, and that another may. */
export function readGoodbye(reader: ByteReader): Goodbye {
  const code = reader.text('code')
  if (isErrorCode(code)) return { kind: 'Goodbye', code, message: readSentence(reader) }
  return { kind: 'Goodbye', ...readUnknown(reader, { code, unknown: 'UNAVAILABLE' }) }
}

function readUnknown(
  reader: ByteReader,
  { code, unknown }: { readonly code: string; readonly unknown: ErrorCode },
): { readonly code: ErrorCode; readonly message: string } {
  if (!codeForm.test(code)) throw new WireError(`${JSON.stringify(code)} is not the code of an error`)
  return { code: unknown, message: `${readSentence(reader)} (${code}, which this release does not know)` }
}

const readSentence = (reader: ByteReader): string => reader.text('message', sentenceBytesMax)

/** `sentence`, cut to what a reader accepts. */
export function cutSentence(sentence: string): string {
  if (Buffer.byteLength(sentence) <= sentenceBytesMax) return sentence
  // A character takes three bytes at most, counted by UTF-16 code units.
  return `${sentence.slice(0, Math.floor(sentenceBytesMax / 3) - 1)}…`
}
