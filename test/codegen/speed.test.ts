import { expect, test } from 'vitest'
import { machine, Project } from './project.ts'

const fields = Array.from({ length: 10 }, (_, i) => `f${i}: Type.String({ minLength: 1, maxLength: ${100 + i} })`).join(', ')
const command = (i: number): string =>
  `    /** Does ${i}. */\n    do${i}: { input: Type.Object({ ${fields}, lease: Lease }), output: Lease, errors: ['Held'] },`

test('a hundred commands are generated in less than two seconds, the compiler and TypeBox once loaded', async () => {
  const project = new Project()
  const schema = machine(
    `  state: Type.Object({}),\n  errors: { Held: Type.Object({}) },\n  commands: {\n${Array.from({ length: 100 }, (_, i) => command(i)).join('\n')}\n  },`,
    'const Lease = Type.Object({ owner: Type.String(), token: Type.Integer() })',
  )
  await project.generate(machine('  state: Type.Object({}),'))

  const start = process.cpuUsage()
  const { model, diagnostics } = await project.generate(schema)
  const { user } = process.cpuUsage(start)

  expect(diagnostics).toEqual([])
  expect(model?.commands).toHaveLength(100)
  expect(model?.operations[7]).toEqual({ name: 'do7', handlerKey: 'do7', kind: 'command', docs: 'Does 7.' })
  // Of our own work; the clock also counts what else the machine does.
  expect(user / 1_000).toBeLessThan(2_000)
})
