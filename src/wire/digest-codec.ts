// What replicas tell each other of what they add up to, as bytes.
import type { Digest, DigestMessage } from '../core/types.ts'
import { type ByteReader, type ByteWriter, WireError } from './bytes.ts'
import { bodyKinds } from './kinds.ts'

/** Digests in one message: 32 KiB of them. */
export const digestsMax = 4_096

type Header = Pick<DigestMessage, 'from' | 'to' | 'term'>

export function writeDigestMessage(writer: ByteWriter, message: DigestMessage): void {
  switch (message.kind) {
    case 'DigestReport':
      writer.u48(message.index)
      writeDigest(writer, message.digest)
      writer.u8(message.asks ? 1 : 0)
      break
    case 'DigestsRequest':
      writer.u48(message.firstIndex)
      writer.u48(message.lastIndex)
      writer.u32(message.stride)
      break
    case 'DigestsChunk':
      writer.u48(message.firstIndex)
      writer.u32(message.stride)
      writer.u32(message.digests.length)
      for (const digest of message.digests) writeDigest(writer, digest)
      break
    default:
  }
}

/** `undefined`: it is of another kind. */
export function readDigestMessage(reader: ByteReader, kind: number, header: Header): DigestMessage | undefined {
  switch (kind) {
    case bodyKinds.DigestReport:
      return {
        kind: 'DigestReport',
        ...header,
        index: reader.positive('index of a digest'),
        digest: readDigest(reader),
        asks: reader.boolean('asks'),
      }
    case bodyKinds.DigestsRequest: {
      const [firstIndex, lastIndex] = [reader.positive('first index'), reader.positive('last index')]
      return { kind: 'DigestsRequest', ...header, firstIndex, lastIndex, stride: readStride(reader) }
    }
    case bodyKinds.DigestsChunk: {
      const [firstIndex, stride] = [reader.positive('first index'), readStride(reader)]
      const count = reader.count(8, 'digests')
      if (count > digestsMax) throw new WireError(`${count} digests, at most ${digestsMax} are allowed`)
      return { kind: 'DigestsChunk', ...header, firstIndex, stride, digests: Array.from({ length: count }, () => readDigest(reader)) }
    }
    default:
      return undefined
  }
}

export function writeDigest(writer: ByteWriter, { low, high }: Digest): void {
  writer.u32(low >>> 0)
  writer.u32(high >>> 0)
}

export const readDigest = (reader: ByteReader): Digest => ({ low: reader.u32('digest') | 0, high: reader.u32('digest') | 0 })

function readStride(reader: ByteReader): number {
  const stride = reader.u32('stride')
  if (stride === 0) throw new WireError('a stride of 0')
  return stride
}
