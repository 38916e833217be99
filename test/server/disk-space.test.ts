// Servers whose disks are said to be nearly full, and what is set aside for a start on one that is.
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { RaftgenError } from '../../src/errors.ts'
import { SpaceWatch, withReserve } from '../../src/server/space-watch.ts'
import { heldBytes, holdBytes, type MeasuredSpace, reserveFileBytes, SpaceGauge } from '../../src/storage/index.ts'
import { bytes, eventually, refusal, Servers, string } from './servers.ts'

const mebibyte = 1_048_576
const space = (mebibytes: number): MeasuredSpace => ({ freeBytes: mebibytes * mebibyte, heldBytes: 0, neededBytes: 0 })
const quiet = { info: () => {}, warn: () => {}, error: () => {} }

let servers: Servers
afterEach(async () => await servers?.dispose())

describe('a cluster whose disks are nearly full', () => {
  test('refuses commands with STORAGE_FULL, answers queries, and takes commands again without a restart', async () => {
    servers = await Servers.bootstrap(3)
    let free = space(1_000)
    const watch = { measure: async () => free, everyMs: 20, holdAfterMs: Number.POSITIVE_INFINITY }
    await Promise.all(servers.members.map(({ id }) => servers.run(id, {}, { watch })))
    const client = await servers.connect()
    await client.propose(bytes('before'))

    free = space(40)
    await eventually('nobody to have room', () => servers.running.every((one) => one.status().disk.isFull) || undefined)
    const refused = await eventually('a refusal', async () => await refusal(client.propose(bytes('during'))).catch(() => undefined))
    expect(refused).toEqual({
      code: 'STORAGE_FULL',
      message: expect.stringMatching(/^node [123] takes no commands: 40 MiB of its disk are left, and it waits for 70\.4 MiB$/),
    })
    const error: unknown = await client.propose(bytes('during')).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ retryable: true, outcome: 'notApplied' })
    expect(string((await client.query(bytes(''))).reply)).toMatch(/^before/)

    free = space(80)
    await eventually('room', () => servers.running.every((one) => !one.status().disk.isFull) || undefined)
    const again = async () => await client.propose(bytes('after')).catch((thrown: RaftgenError) => (thrown.retryable ? undefined : thrown))
    expect(await eventually('a command to be taken', again)).not.toBeInstanceOf(Error)
    expect(string((await client.query(bytes(''))).reply)).toMatch(/^before,.*after$/)
    const told = servers.warnings.filter((warning) => warning.startsWith('the disk of node 2'))
    expect(told).toEqual([
      'the disk of node 2 is nearly full: 40 MiB are left, and 64 MiB are its reserve. ' +
        'Until 70.4 MiB are left it takes no commands and no snapshots, and leads only where nobody else can',
      'the disk of node 2 has room again: 80 MiB are left',
    ])
  })

  test('knows it from the first moment on', async () => {
    servers = await Servers.bootstrap(1)
    const server = await servers.run(1, {}, { watch: { measure: async () => space(1) } })
    await server.ready()
    const client = await servers.connect()
    expect(await refusal(client.propose(bytes('a')))).toMatchObject({ code: 'STORAGE_FULL' })
  })

  test('takes commands where free space cannot be seen, and says so once', async () => {
    servers = await Servers.bootstrap(1)
    let looks = 0
    const measure = async () => {
      looks += 1
      throw new Error('statfs: EPERM')
    }
    await servers.run(1, {}, { watch: { measure, everyMs: 5 } })
    const client = await servers.connect()
    await client.propose(bytes('a'))
    await eventually('a few looks', () => (looks > 5 ? true : undefined))
    expect(servers.warnings).toEqual([`cannot see how much room there is in ${servers.dir(1)}: statfs: EPERM`])
  })
})

describe('space is set aside', () => {
  const watchOf = async (measure: (dir: string) => Promise<MeasuredSpace>) => {
    servers = await Servers.bootstrap(1)
    const dir = servers.dir(1)
    const told: number[] = []
    const options = { dir, reserveBytes: 8 * mebibyte, logger: quiet, everyMs: 5, holdAfterMs: 0, measure: () => measure(dir) }
    const watch = new SpaceWatch(options)
    await watch.start(({ freeBytes }) => void told.push(freeBytes))
    return { watch, dir, told }
  }

  test('in a file of a quarter of the reserve, 64 MiB at most, which counts as free', async () => {
    const measure = async (dir: string) => {
      const held = await heldBytes(dir)
      return { freeBytes: 100 * mebibyte - held, heldBytes: held, neededBytes: 0 }
    }
    const { watch, dir, told } = await watchOf(measure)
    await eventually('the file', async () => ((await heldBytes(dir)) === 2 * mebibyte ? true : undefined))
    const looks = told.length
    await eventually('a look', () => (told.length > looks ? true : undefined))
    await watch.close()
    expect(new Set(told)).toEqual(new Set([100 * mebibyte]))
    expect((await stat(join(dir, 'reserve'))).mode & 0o777).toBe(0o600)
    expect([8, 64, 1_024].map((reserve) => reserveFileBytes(reserve * mebibyte) / mebibyte)).toEqual([2, 16, 64])
  })

  test('not while there is no room, and not where nothing is to be kept', async () => {
    let looks = 0
    const measure = async () => {
      looks += 1
      return space(8)
    }
    const { watch, dir } = await watchOf(measure)
    await eventually('a few looks', () => (looks > 5 ? true : undefined))
    await watch.close()
    expect(await readdir(dir)).not.toContain('reserve')
    await holdBytes(dir, 1_000, new AbortController())
    await new SpaceWatch({ dir, reserveBytes: 0, logger: quiet }).start(() => {})
    expect(await readdir(dir)).not.toContain('reserve')
  })

  test('is given back to a start that finds no space, which is tried again', async () => {
    servers = await Servers.bootstrap(1)
    const dir = servers.dir(1)
    await holdBytes(dir, 3 * mebibyte, new AbortController())
    const warnings: string[] = []
    const logger = { ...quiet, warn: (message: string) => void warnings.push(message) }
    const noSpace = new RaftgenError('STORAGE_FAILED', 'cannot open', { cause: new Error('IO error: 000005.ldb: No space left on device') })
    let attempts = 0
    const open = async () => {
      attempts += 1
      if ((await heldBytes(dir)) > 0) throw noSpace
      return 'open'
    }
    expect(await withReserve(dir, logger, open)).toBe('open')
    expect(attempts).toBe(2)
    expect(warnings).toEqual([`the disk of ${dir} is full: it is opened with the 3 MiB that were set aside for that. Free some space`])
  })

  test('is no help where that is not enough: the error says how much is needed', async () => {
    servers = await Servers.bootstrap(1)
    const dir = servers.dir(1)
    const fail = async () => await Promise.reject(Object.assign(new Error('write'), { code: 'ENOSPC' }))
    expect(await refusal(withReserve(dir, quiet, fail))).toEqual({
      code: 'STORAGE_FULL',
      message: `cannot open ${dir}: there is no space left on its disk, and that takes about 1 MiB. Free some, then start the node again`,
    })
  })

  test('and kept by a start that fails for another reason', async () => {
    servers = await Servers.bootstrap(1)
    const dir = servers.dir(1)
    await holdBytes(dir, 1_000, new AbortController())
    const fail = async () => await Promise.reject(new RaftgenError('STORAGE_LOCKED', 'cannot open'))
    expect(await refusal(withReserve(dir, quiet, fail))).toMatchObject({ code: 'STORAGE_LOCKED' })
    expect(await heldBytes(dir)).toBe(1_000)
  })
})

test('what is free, and what is set aside, is what the system says', async () => {
  servers = await Servers.bootstrap(1)
  const dir = servers.dir(1)
  await holdBytes(dir, 5_000, new AbortController())
  const measured = await new SpaceGauge(dir).measure()
  expect(measured.freeBytes).toBeGreaterThan(0)
  expect(measured.heldBytes).toBe(5_000)
})
