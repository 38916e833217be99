// The replicated machine of the disk suite: numbers in the order in which they were appended. Each travels, and is kept in snapshots, with a
// text that follows from it, so that logs and snapshots have some size and a byte that changed on its way is seen.
import type { StateMachine } from 'raftgen/server'

const numberBytes = 4
/** 200 to 700 bytes: several commands to a block of a table, several blocks of 32 KiB to a log file. */
const textBytes = (number: number): number => 200 + ((number * 97) % 500)

export function encodeCommand(number: number): Buffer {
  const bytes = Buffer.alloc(numberBytes + textBytes(number))
  bytes.writeUInt32BE(number)
  for (let at = numberBytes; at < bytes.length; at++) bytes[at] = (number * 31 + at * 7) & 0xff
  return bytes
}

/** What a query answers with: how many numbers there are, and those from a position on, counted from 0. */
export interface Page {
  readonly count: number
  readonly numbers: readonly number[]
}

export const encodeQuery = (from: number): Buffer => encodeNumbers([from])

export function decodePage(bytes: Uint8Array): Page {
  const [count = 0, ...numbers] = decodeNumbers(bytes)
  return { count, numbers }
}

/** Position of the number that was appended, counted from 1; 0 when it came with another text than its own. */
export const decodeReply = (bytes: Uint8Array): number => decodeNumbers(bytes)[0] ?? 0

export function ledger(): StateMachine {
  let numbers: number[] = []
  return {
    name: 'ledger',
    version: 1,
    wire: 'u32',
    apply: (command) => encodeNumbers([isWhole(command) ? numbers.push(viewOf(command).readUInt32BE()) : 0]),
    query: (query) => encodeNumbers([numbers.length, ...numbers.slice(decodeNumbers(query)[0])]),
    snapshot: () => Buffer.concat(numbers.map(encodeCommand)),
    restoreSnapshot: (snapshot) => {
      numbers = decodeSnapshot(viewOf(snapshot))
    },
  }
}

function decodeSnapshot(snapshot: Buffer): number[] {
  const numbers: number[] = []
  for (let at = 0; at < snapshot.length; ) {
    const number = snapshot.readUInt32BE(at)
    const end = at + numberBytes + textBytes(number)
    if (!isWhole(snapshot.subarray(at, end))) throw new Error(`the snapshot is not one of a ledger: see byte ${at}`)
    numbers.push(number)
    at = end
  }
  return numbers
}

const isWhole = (command: Uint8Array): boolean =>
  command.length > numberBytes && encodeCommand(viewOf(command).readUInt32BE()).equals(command)

function encodeNumbers(numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * numberBytes)
  for (const [i, number] of numbers.entries()) bytes.writeUInt32BE(number, i * numberBytes)
  return bytes
}

const decodeNumbers = (bytes: Uint8Array): number[] =>
  Array.from({ length: Math.floor(bytes.length / numberBytes) }, (_, i) => viewOf(bytes).readUInt32BE(i * numberBytes))

const viewOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
