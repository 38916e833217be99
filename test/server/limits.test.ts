import { afterEach, describe, expect, test } from 'vitest'
import type { Entry } from '../../src/core/index.ts'
import { limitBounds, Server, type ServerOptions } from '../../src/server/index.ts'
import { writeClientMessage } from '../../src/wire/client-codec.ts'
import { encodeCommand } from '../../src/wire/envelope-codec.ts'
import { FrameWriter, frameBytesMax } from '../../src/wire/frame.ts'
import { writeMessage } from '../../src/wire/peer-codec.ts'
import { bytes, lines, refusal, Servers, string } from './servers.ts'

let servers: Servers | undefined
afterEach(async () => {
  await servers?.dispose()
  servers = undefined
})

const listen = { peer: '127.0.0.1:0', client: '127.0.0.1:0' }
const base = { dir: 'none', machine: lines(), listen, insecure: true as const }
const logger = { info: () => {}, warn: () => {}, error: () => {} }

describe('an option out of its bounds is refused at the start, with what it may be', () => {
  test.each([
    [{ timing: { electionTimeoutMs: 1_000.5 } }, 'timing.electionTimeoutMs is 1000.5, it must be a whole number from 50 to 60,000'],
    [
      { timing: { heartbeatMs: 100, tickMs: 50 } },
      'timing.tickMs is 50, it must be a whole number from 1 to 20, which is a fifth of timing.heartbeatMs',
    ],
    [{ timing: { tickMs: '5' } }, 'timing.tickMs is "5", it must be a whole number from 1 to 20, which is a fifth of timing.heartbeatMs'],
    [{ timing: { tick: 5 } }, 'timing.tick is unknown, known are electionTimeoutMs, heartbeatMs, tickMs'],
    [{ timing: 100 }, 'timing is 100, it must be an object'],
    [{ limits: { sessionTtlMs: 5 } }, 'limits.sessionTtlMs is 5, it must be a whole number from 1,000 to 86,400,000'],
    [{ limits: { sessionTtlMs: 2 ** 32 } }, 'limits.sessionTtlMs is 4294967296, it must be a whole number from 1,000 to 86,400,000'],
    [{ limits: { commandBytesMax: 5_001_000 } }, 'limits.commandBytesMax is 5001000, it must be a whole number from 1 to 3,145,728'],
    [{ limits: { messageBytesMax: 8_388_608 } }, 'limits.messageBytesMax is 8388608, it must be a whole number from 1,024 to 3,145,728'],
    [{ limits: { readsMax: 0 } }, 'limits.readsMax is 0, it must be a whole number from 1 to 1,048,576'],
    [{ limits: { cacheBytesMax: Number.NaN } }, 'limits.cacheBytesMax is NaN, it must be a whole number from 1,024 to 1,073,741,824'],
    [
      { limits: { pendingBytesMax: 1_000 } },
      'limits.pendingBytesMax is 1000, it must be a whole number from 1,048,576, which is limits.commandBytesMax, to 1,073,741,824',
    ],
    [
      { limits: { snapshotBytesPerSecond: 1_000 } },
      'limits.snapshotBytesPerSecond is 1000, it must be a whole number from 65,536 to 17,179,869,184',
    ],
    [{ limits: { diskReserveBytes: -1 } }, 'limits.diskReserveBytes is -1, it must be a whole number from 0 to 1,099,511,627,776'],
    [{ limits: { logTailEntries: -1 } }, 'limits.logTailEntries is -1, it must be a whole number from 0 to 1,000,000,000'],
    [{ limits: { applySliceMs: 200 } }, 'limits.applySliceMs is 200, it must be a whole number from 1 to 100, which is timing.heartbeatMs'],
    [
      { limits: { comandBytesMax: 1 } },
      'limits.comandBytesMax is unknown, known are commandBytesMax, pendingCommandsMax, pendingBytesMax, pendingMsMax, pendingQueriesMax, applySliceMs, ' +
        'sessionTtlMs, messageBytesMax, inflightMessagesMax, inflightBytesMax, uncommittedBytesMax, cacheBytesMax, readsMax, ' +
        'pinnedEntriesMax, snapshotEntries, snapshotLogBytes, logTailEntries, snapshotBytesPerSecond, diskReserveBytes, digestEntries',
    ],
    [{ limits: null }, 'limits is null, it must be an object'],
    [
      { limit: {} },
      'option limit is unknown, known are dir, id, clusterId, join, voter, advertise, log, identity, snapshots, machine, listen, insecure, ' +
        'development, onHandlerError, retryHalted, activation, timing, limits, logger',
    ],
    [{ dir: undefined }, 'dir is missing, it must name the data directory; or give a log and its identity'],
    [{ dir: 7 }, 'dir is 7, it must name a directory'],
    [{ logger: { info: () => {}, warn: () => {} } }, 'logger.error is undefined, it must be a function'],
  ])('%j', async (options, message) => {
    // @ts-expect-error: what TypeScript would refuse, and JavaScript would not
    expect(await refusal(Server.run({ ...base, ...options }))).toEqual({ code: 'BAD_OPTIONS', message })
  })

  test('each limit is refused one below its least and one above its most, and taken at both', async () => {
    servers = await Servers.bootstrap(1)
    for (const [name, { min, max }] of Object.entries(limitBounds)) {
      if (name === 'pendingBytesMax' || name === 'applySliceMs') continue // bounded by other options besides
      for (const value of [min - 1, max + 1]) {
        const { message } = await refusal(Server.run({ ...base, limits: { [name]: value } }))
        expect(message).toMatch(new RegExp(`^limits\\.${name} is ${value}, it must be a whole number from `))
      }
      for (const value of [min, max]) {
        const limits = { pendingBytesMax: limitBounds.pendingBytesMax.max, [name]: value }
        await (await Server.run({ ...servers.options(1), limits })).close()
      }
    }
  })

  test('undefined is the same as not given', async () => {
    servers = await Servers.bootstrap(1)
    // @ts-expect-error: as it comes from JavaScript
    const options: ServerOptions = { ...servers.options(1), limits: { sessionTtlMs: undefined }, timing: { tickMs: undefined } }
    const server = await Server.run(options)
    await server.ready()
    await server.close()
  })
})

describe('what the limits allow fits a frame', () => {
  const data = encodeCommand({ now: 1, session: 1, seq: 1, ackedBelow: 1, version: 1 }, new Uint8Array(limitBounds.commandBytesMax.max))
  const append = (entries: readonly Entry[]): number => {
    const frames = new FrameWriter()
    const prev = { term: 1, index: 1 }
    writeMessage(frames.begin(), { kind: 'AppendEntries', from: 1, to: 2, term: 1, prev, entries, commitIndex: 1 })
    frames.end()
    return frames.length
  }

  test('the largest command, on its way to the leader and to the followers', () => {
    const command = new Uint8Array(limitBounds.commandBytesMax.max)
    const frames = new FrameWriter()
    writeClientMessage(frames, { kind: 'Commands', session: 1, ackedBelow: 1, items: [{ seq: 1, command }] })
    expect(frames.length).toBeLessThan(frameBytesMax)
    expect(append([{ term: 1, index: 2, kind: 'command', data, conf: undefined }])).toBeLessThan(frameBytesMax)
  })

  test('reaches all nodes, comes back after a restart, and does not stop anybody', async () => {
    const limits = { commandBytesMax: limitBounds.commandBytesMax.max }
    servers = await Servers.bootstrap(3)
    for (const id of [1, 2, 3]) await servers.run(id, { limits })
    const client = await servers.connect()
    await client.propose(new Uint8Array(limits.commandBytesMax).fill(97))
    expect(await refusal(client.propose(new Uint8Array(limits.commandBytesMax + 1)))).toMatchObject({ code: 'TOO_LARGE' })
    for (const id of [1, 2, 3]) await servers.stop(id)
    for (const id of [1, 2, 3]) await servers.run(id, { limits })
    expect(string((await client.propose(bytes('b'))).reply)).toBe('2')
    expect((await client.query(bytes(''))).reply.length).toBe(limits.commandBytesMax + 2)
  })

  test('messages of the largest size, under load', async () => {
    const limits = { messageBytesMax: limitBounds.messageBytesMax.max }
    servers = await Servers.bootstrap(3)
    for (const id of [1, 2, 3]) await servers.run(id, { limits })
    // Three nodes and their client share one thread: 30 MB, copied some ten times by each, are 2 s of user and 2 s of system time of it where nothing else runs.
    const client = await servers.connect({ timeoutMs: 25_000 })
    const answers = await Promise.all(Array.from({ length: 60 }, () => client.propose(new Uint8Array(500_000))))
    expect(string(answers.at(-1)?.reply ?? bytes(''))).toBe('60')
    expect(servers.running.map((server) => server.status().role).sort()).toEqual(['follower', 'follower', 'leader'])
  })
})

test('a wrong option leaves the directory free for the next try', async () => {
  servers = await Servers.bootstrap(1)
  const timing = { electionTimeoutMs: 1_000.5 }
  expect(await refusal(servers.run(1, { timing, logger }))).toMatchObject({ code: 'BAD_OPTIONS' })
  await (await servers.run(1)).ready()
})
