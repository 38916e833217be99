// A snapshot: header, pieces of 64 KiB each with length and checksum, footer. See `snapshot-format.ts`.
import { footerBytes, pieceBytes, prefixBytes, readHeaderBytes } from '../../../src/storage/snapshot-format.ts'
import { fields, named, type Place, threeOf } from './place.ts'

const sealBytes = 4
const lengthBytes = 4

export function snapshotPlaces(content: Buffer): readonly Place[] {
  const headerBytes = readHeaderBytes(content.subarray(0, prefixBytes))
  const footer = content.length - footerBytes
  return [
    ...named('header', headerPlaces(headerBytes)),
    ...threeOf(pieces(content, { start: headerBytes, end: footer })).flatMap(([name, piece]) => named(`${name} piece`, piece)),
    ...named(
      'footer',
      fields(footer, [
        ['magic', 4],
        ['bytes of the content', 6],
        ['checksum of the content', 4],
        ['checksum', sealBytes],
      ]),
    ),
    { name: 'second half', ranges: [{ start: content.length >> 1, end: content.length }] },
  ]
}

const headerPlaces = (bytes: number): readonly Place[] =>
  fields(0, [
    ['magic', 4],
    ['format', 1],
    ['length', lengthBytes],
    ['index', 6],
    ['term', 6],
    ['bytes of a piece', 4],
    ['configuration', bytes - prefixBytes - 16 - sealBytes],
    ['checksum', sealBytes],
  ])

function pieces(content: Buffer, { start, end }: { start: number; end: number }): readonly (readonly Place[])[] {
  const found: (readonly Place[])[] = []
  for (let at = start; at < end; ) {
    const bytes = Math.min(content.readUInt32BE(at), pieceBytes)
    found.push(
      fields(at, [
        ['length', lengthBytes],
        ['content', bytes],
        ['checksum', sealBytes],
      ]),
    )
    at += lengthBytes + bytes + sealBytes
  }
  return found
}
