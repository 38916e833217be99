import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { built } from './built.ts'
import { linkPackages, raftgen } from './raftgen.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { typeErrors } from './type-errors.ts'

beforeAll(built, 180_000)

test('the project that init hands over compiles against the code generated from its schema', async () => {
  const folder = temporaryFolder()
  await raftgen(folder, ['init', 'svc'])
  const svc = join(folder, 'svc')
  linkPackages(svc, ['typebox', 'vitest', '@types/node'])
  expect(await raftgen(svc, ['schema.ts'])).toMatchObject({ code: 0, err: 'store: 7 created, 0 updated, 0 removed, 0 unchanged\n' })
  const files = readdirSync(svc).filter((file) => file.endsWith('.ts'))
  expect(files).toContain('handlers.ts')
  expect(
    typeErrors(svc, [...files, 'generated/index.ts'], {
      types: ['node'],
      typeRoots: [join(svc, 'node_modules/@types')],
      skipLibCheck: true,
    }),
  ).toEqual([])
})
