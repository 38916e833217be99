// What a build takes along of its wire lock.
import { expect, test } from 'vitest'
import type { Lock } from '../../codegen/lock.ts'
import { buildsOf } from './evolution/builds.ts'
import { machine, Project } from './project.ts'

const go = { commands: 'go: { input: Type.Object({ name: Type.String() }) },' }
const textIn = (texts: ReadonlyMap<string, string>, end: string): string =>
  [...texts].find(([path]) => path.endsWith(end))?.[1] ?? `there is no ${end}`

test('is every version of it, frozen ones and the own one', async () => {
  const { first, second } = await buildsOf(go, { commands: `${go.commands} stop: { input: Type.Object({}) },` })
  const handlers = { find: () => 0, go: () => {}, stop: () => {} }
  const versions = (build: typeof first): readonly number[] | undefined => build.code.shop(handlers).schema?.map(({ version }) => version)
  expect(versions(second)).toEqual([1, 2])
  const [one, two] = second.code.shop(handlers).schema ?? []
  expect(JSON.parse(one?.text ?? '')).toMatchObject({ status: 'frozen', wire: first.model.wire })
  expect(JSON.parse(two?.text ?? '')).toMatchObject({ status: 'open', wire: second.model.wire, commands: { stop: { tag: 2 } } })
})

test('says the same as the wire lock, whatever is in its texts', async () => {
  const project = new Project()
  const odd = `'it\\'s', '"', '\\\\', '\\u2028', '\\u0000', '\${x}'`
  const { files } = await project.generate(
    machine(
      `  state: Type.Object({ odd: Type.Enum([${odd}]) }),\n  initial: { odd: '"' },\n  commands: { go: { input: Type.Object({}) } },`,
    ),
  )
  const texts = new Map(files.map(({ path, text }) => [path, text]))
  const lock: Lock = JSON.parse(textIn(texts, 'shop.wire.json'))
  const [, emitted = ''] = /= (\[\n.*\n\])\n$/s.exec(textIn(texts, 'schema-text.ts')) ?? []
  const schema: readonly { readonly version: number; readonly text: string }[] = new Function(`return ${emitted}`)()
  expect(Object.fromEntries(schema.map(({ version, text }) => [version, JSON.parse(text)]))).toEqual(lock.versions)
  expect(lock.versions[1]?.state).toHaveLength(1)
})
