// What a server leaves beside its log for who looks into it.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { locksDescriptor } from '../../examples/locks/generated/index.ts'
import { handlers } from '../../examples/locks/handlers.ts'
import { bind, type StateMachine, type VersionSchema } from '../../src/contract/v1.ts'
import { readSchema } from '../../src/storage/schema-file.ts'
import { Servers } from './servers.ts'

let servers: Servers
afterEach(() => servers.dispose())

const machine = (schema: readonly VersionSchema[] | undefined): StateMachine => {
  const { schema: _, ...bare } = locksDescriptor
  return bind(schema === undefined ? bare : { ...bare, schema }, handlers)
}
const version = (number: number): VersionSchema => ({ version: number, text: JSON.stringify({ status: 'frozen', wire: `w${number}` }) })
const kept = async (): Promise<readonly number[] | undefined> => (await readSchema(servers.dir(1)))?.versions.map((one) => one.version)
const run = async (schema: readonly VersionSchema[] | undefined): Promise<void> => {
  await servers.run(1, { machine: machine(schema), development: true })
  await servers.stop(1)
}

test('is the schema that its machine brings along, from the start on', async () => {
  servers = await Servers.bootstrap(1)
  await servers.run(1, { machine: bind(locksDescriptor, handlers), development: true })
  expect(await readSchema(servers.dir(1))).toEqual({ machine: 'locks', versions: locksDescriptor.schema })
})

test('is not taken away by a build that goes back, nor by one of an older release, which brings none', async () => {
  servers = await Servers.bootstrap(1)
  await run([version(1), version(2)])
  await run([version(1)])
  await run(undefined)
  expect(await kept()).toEqual([1, 2])
})

test('is written anew where it is damaged, which is told, and stops nobody', async () => {
  servers = await Servers.bootstrap(1)
  await run([version(1)])
  const path = join(servers.dir(1), 'schema.json')
  await writeFile(path, (await readFile(path, 'utf8')).replace('frozen', 'frosen'))
  await run([version(1)])
  expect(servers.warnings).toContain(`${path}: it does not match its checksum; it is written anew, without the versions that only it had`)
  expect(await kept()).toEqual([1])
})

test('is missing where it cannot be written, which is told, and stops nobody', async () => {
  servers = await Servers.bootstrap(1)
  await mkdir(join(servers.dir(1), 'schema.json.next'))
  await run([version(1)])
  expect(servers.warnings.join()).toContain('so its log says less to who looks into it: ')
  expect(await kept()).toBeUndefined()
})
