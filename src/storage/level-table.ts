// A table of LevelDB (`.ldb`), looked through before LevelDB opens it. LevelDB does not verify the checksums of its tables, and asserts what it
// expects in them: a damaged one would end the process (SIGABRT, SIGSEGV) at each start, without a word; or a damaged filter hide records.
//
//   table   data blocks | filter | metaindex | index | footer: handles of metaindex and index (varints), zeros, magic u64
//   block   records | restarts u32* | number of restarts u32     each block is followed by its compression u8 and its checksum u32
//   record  bytes of the key shared with the one before, others, bytes of the value (varints) | others | value
//
// Of data blocks only the structure is verified: what is damaged in values is found by the checksums of our own, and the rest is of use.
import { WireError } from '../wire/bytes.ts'
import { type Limits, levelChecksum, readVarint } from './level-format.ts'

const footerBytes = 48
const magicBytes = 8
const magic = 0xdb4775248b80fb57n
const trailerBytes = 5
const wordBytes = 4
/** Behind each key: number of the write, and whether it is a value (1) or a deletion (0). */
const suffixBytes = 8
/** As all of ours are. What is compressed LevelDB refuses by itself when it is damaged. */
const uncompressed = 0
const noKey: Buffer = Buffer.alloc(0)

/** A block in its table, without compression and checksum. */
interface Handle {
  readonly start: number
  readonly bytes: number
}
interface BlockRecord {
  readonly key: Buffer
  readonly value: Buffer
}

/** Throws a `WireError` where LevelDB could not read all of `table` in safety. */
export function checkTable(table: Buffer): void {
  const footer = table.length - footerBytes
  if (footer < 0 || table.readBigUInt64LE(table.length - magicBytes) !== magic) throw new WireError('it does not end as a table does')
  const limits = { end: table.length - magicBytes }
  const metaindex = readHandle(table, { at: footer, ...limits })
  const index = readHandle(table, { at: metaindex.end, ...limits })
  for (const { value } of sealedRecords(table, metaindex.handle)) checkSealed(table, readHandle(value, { at: 0, end: value.length }).handle)
  let last = noKey
  for (const { key, value } of sealedRecords(table, index.handle)) {
    const { handle } = readHandle(value, { at: 0, end: value.length })
    last = checkData(table, handle, last)
    // It separates this block from the next.
    if (compareKeys(last, key) > 0) throw damagedAt(index.handle)
    last = key
  }
}

/** Of a block that matches its checksum. */
function sealedRecords(table: Buffer, handle: Handle): readonly BlockRecord[] {
  checkSealed(table, handle)
  return isPlain(table, handle) ? recordsOf(blockOf(table, handle)) : []
}

/** Gives the last key. All must be larger than `before`. */
function checkData(table: Buffer, handle: Handle, before: Buffer): Buffer {
  const block = blockOf(table, handle)
  if (!isPlain(table, handle)) return before
  let last = before
  for (const { key } of recordsOf(block)) {
    if (compareKeys(last, key) >= 0) throw damagedAt(handle)
    last = key
  }
  return last
}

function checkSealed(table: Buffer, handle: Handle): void {
  const end = handle.start + handle.bytes
  blockOf(table, handle)
  if (levelChecksum(table.subarray(handle.start, end + 1)) !== table.readUInt32LE(end + 1)) throw damagedAt(handle)
}

const isPlain = (table: Buffer, { start, bytes }: Handle): boolean => table[start + bytes] === uncompressed

function blockOf(table: Buffer, handle: Handle): Buffer {
  const end = handle.start + handle.bytes
  if (!(handle.bytes >= wordBytes && end + trailerBytes <= table.length - footerBytes)) throw damagedAt(handle)
  return table.subarray(handle.start, end)
}

/** Records begin with a whole key at each restart, and end where the restarts begin. */
function recordsOf(block: Buffer): readonly BlockRecord[] {
  const restarts = block.readUInt32LE(block.length - wordBytes)
  const end = block.length - wordBytes - restarts * wordBytes
  if (end < 0 || restarts === 0) throw new WireError('a block has more restarts than bytes')
  const records: BlockRecord[] = []
  const whole = new Set([0])
  let key = noKey
  for (let at = 0; at < end; ) {
    const shared = readVarint(block, { at, end })
    const others = readVarint(block, { at: shared.end, end })
    const bytes = readVarint(block, { at: others.end, end })
    const keyEnd = bytes.end + others.value
    const valueEnd = keyEnd + bytes.value
    if (shared.value > key.length || valueEnd > end) throw new WireError(`a record at byte ${at} of a block ends outside of it`)
    if (shared.value === 0) whole.add(at)
    const rest = block.subarray(bytes.end, keyEnd)
    key = shared.value === 0 ? rest : Buffer.concat([key.subarray(0, shared.value), rest])
    records.push({ key, value: block.subarray(keyEnd, valueEnd) })
    at = valueEnd
  }
  for (let i = 0; i < restarts; i++) {
    if (!whole.has(block.readUInt32LE(end + i * wordBytes))) throw new WireError(`restart ${i} of a block is not at a record`)
  }
  return records
}

/** By what we call the key; then the newest write first. The empty one is before all. */
function compareKeys(a: Buffer, b: Buffer): number {
  if (b.length < suffixBytes) throw new WireError(`a key has ${b.length} bytes, fewer than ${suffixBytes}`)
  if (a.length === 0) return -1
  const [x, y] = [a.length - suffixBytes, b.length - suffixBytes]
  const order = a.compare(b, 0, y, 0, x)
  if (order !== 0) return order
  const [newer, older] = [a.readBigUInt64LE(x), b.readBigUInt64LE(y)]
  return newer > older ? -1 : newer < older ? 1 : 0
}

function readHandle(bytes: Buffer, { at, end }: Limits): { readonly handle: Handle; readonly end: number } {
  const start = readVarint(bytes, { at, end })
  const length = readVarint(bytes, { at: start.end, end })
  return { handle: { start: start.value, bytes: length.value }, end: length.end }
}

const damagedAt = ({ start }: Handle): WireError => new WireError(`its block at byte ${start} is damaged`)
