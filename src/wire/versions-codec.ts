// Versions of a schema that a machine can be of, as bytes.
import type { KnownVersion } from '../core/types.ts'
import { type ByteReader, type ByteWriter, WireError } from './bytes.ts'

/** Versions that one node tells another of; the newest of more. */
export const knownVersionsMax = 64

export function writeVersions(writer: ByteWriter, versions: readonly KnownVersion[]): void {
  const told = versions.slice(-knownVersionsMax)
  writer.u8(told.length)
  for (const { version, wire } of told) {
    writer.u16(version)
    writer.text(wire)
  }
}

export function readVersions(reader: ByteReader): readonly KnownVersion[] {
  const count = reader.u8('number of versions')
  if (count > knownVersionsMax) throw new WireError(`a node knows ${count} versions, at most ${knownVersionsMax} are told`)
  const versions: KnownVersion[] = []
  for (let i = 0; i < count; i++) {
    const version = reader.u16('schema version')
    if (version <= (versions.at(-1)?.version ?? 0)) throw new WireError(`schema version ${version} does not come after the one before`)
    versions.push({ version, wire: reader.text('hash of the wire format') })
  }
  return versions
}
