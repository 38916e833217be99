// A node on a small file system that really gets full. It takes the right to mount one.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Client } from '../../src/client/index.ts'
import type { RaftgenError } from '../../src/errors.ts'
import { Server, type ServerOptions, type StateMachine } from '../../src/server/index.ts'
import { heldBytes } from '../../src/storage/index.ts'
import { eventually, newMember, refusal, string } from './servers.ts'

const mebibyte = 1_048_576
const reserveBytes = 32 * mebibyte
const root = mkdtempSync(join(tmpdir(), 'raftgen-full-'))
const mounted = join(root, 'disk')
const dir = join(mounted, 'node')
const problem = mount()
if (problem !== undefined) console.warn(`SKIPPED: a disk that really gets full: ${problem}`)

function mount(): string | undefined {
  try {
    mkdirSync(mounted)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=192m', 'raftgen', mounted], { stdio: 'pipe' })
    return undefined
  } catch (error) {
    return `a file system cannot be mounted here: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Counts commands, whatever they hold: a small state behind a large log. */
function counter(): StateMachine {
  let count = 0
  const encoded = () => new TextEncoder().encode(String(count))
  const restoreSnapshot = (snapshot: Uint8Array) => {
    count = Number(string(snapshot))
  }
  const apply = () => {
    count += 1
    return encoded()
  }
  return { name: 'counter', version: 1, wire: 'any', apply, query: encoded, snapshot: encoded, restoreSnapshot }
}

let server: Server | undefined
let client: Client | undefined
afterAll(async () => {
  await stop()
  if (problem === undefined) execFileSync('umount', [mounted])
  rmSync(root, { recursive: true, force: true })
})

const warnings: string[] = []
async function start(): Promise<void> {
  const note = (message: string) => void warnings.push(message)
  const options: ServerOptions = {
    dir,
    machine: counter(),
    listen: member,
    insecure: true,
    timing: { electionTimeoutMs: 300, heartbeatMs: 50, tickMs: 5 },
    limits: { diskReserveBytes: reserveBytes, uncommittedBytesMax: 4 * mebibyte },
    logger: { info: () => {}, warn: note, error: note },
  }
  server = await Server.run(options, { watch: { everyMs: 10, holdAfterMs: 0 } })
  server.closed.catch(() => {})
  await server.ready()
  client = await Client.connect({ servers: [member.client] })
}
async function stop(): Promise<void> {
  await client?.close()
  await server?.close()
  client = undefined
  server = undefined
}
const member = await newMember(1)
const isFull = () => server?.status().disk.isFull
const count = async (): Promise<number> => Number(string((await client?.query(new Uint8Array(0)))?.reply ?? new Uint8Array(0)))

/** Until they are refused: how many were taken. */
async function writeUntilFull(bytesEach: number): Promise<number> {
  const command = Buffer.alloc(bytesEach)
  for (let written = 0; ; written++) {
    for (let at = 0; at < bytesEach; at++) command[at] = 97 + Math.floor(Math.random() * 26)
    const error = await client?.propose(command).then(
      () => undefined,
      (thrown: RaftgenError) => thrown,
    )
    if (error === undefined) continue
    expect([error.code, error.outcome]).toEqual(['STORAGE_FULL', 'notApplied'])
    return written
  }
}

/** Somebody else takes all that is left. */
async function fill(name = 'filler'): Promise<() => Promise<void>> {
  const path = join(mounted, name)
  const handle = await open(path, 'w')
  const piece = Buffer.alloc(4_096, 1)
  const isTaken = async () =>
    await handle.write(piece).then(
      () => true,
      () => false,
    )
  while (await isTaken());
  await handle.close()
  return async () => await rm(path)
}

const noSpace = /no space left on its disk, and that takes about \d+(\.\d)? MiB|No space left on device/

/** Whether it starts; where it does not, `words` say why. */
async function startsUnless(words: RegExp): Promise<boolean> {
  const failure: unknown = await start().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (failure === undefined) return true
  expect(failure).toMatchObject({ code: expect.stringMatching(/^STORAGE_(FULL|FAILED)$/), message: expect.stringMatching(words) })
  return false
}

test.skipIf(problem !== undefined)(
  'a node on a full disk goes on answering, starts again with what was set aside, and takes commands once there is room',
  async () => {
    await Server.bootstrap({ dir, id: 1, clusterId: 'full', members: [member] })
    await start()
    await eventually('space to be set aside', async () => ((await heldBytes(dir)) === reserveBytes / 4 ? true : undefined))

    // With little in the log of the database: what was set aside is enough to open it.
    await client?.propose(Buffer.from('first'))
    let emptied = await fill()
    await eventually('it to notice', () => isFull() || undefined)
    expect(await refusal(client?.propose(Buffer.from('refused')) ?? Promise.resolve())).toMatchObject({ code: 'STORAGE_FULL' })
    expect(await count()).toBe(1)
    await stop()
    await start()
    expect(warnings).toContain(`the disk of ${dir} is full: it is opened with the 8 MiB that were set aside for that. Free some space`)
    expect([await count(), isFull(), await heldBytes(dir)]).toEqual([1, true, 0])
    await emptied()
    await eventually('space to be set aside again', async () => ((await heldBytes(dir)) === reserveBytes / 4 ? true : undefined))
    expect(isFull()).toBe(false)

    // With much of it: the node stops in time by itself, and what was set aside is enough where that is no more than LevelDB's buffer.
    const written = await writeUntilFull(512 * 1_024)
    expect(written).toBeGreaterThan(50)
    expect(await count()).toBe(1 + written)
    emptied = await fill()
    await stop()
    if (await startsUnless(noSpace)) expect([await count(), isFull(), await heldBytes(dir)]).toEqual([1 + written, true, 0])

    // Where others take that as well it says what stands in its way, and loses nothing.
    const emptiedToo = await fill('rest')
    await stop()
    expect(await startsUnless(noSpace)).toBe(false)
    await emptiedToo()
    await stop()
    await emptied()
    await start()
    expect(await count()).toBe(1 + written)
    execFileSync('mount', ['-o', 'remount,size=512m', mounted])
    await eventually('room', () => (isFull() === false ? true : undefined))
    await client?.propose(Buffer.from('last'))
    expect(await count()).toBe(2 + written)
    expect((await stat(dir)).mode & 0o777).toBe(0o700)
  },
  60_000,
)
