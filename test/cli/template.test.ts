import { execFile, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { until } from '../bench/systems/until.ts'
import { freeAddress } from '../free-port.ts'
import { built, builtMain, repository } from './built.ts'
import { linkPackages, raftgen } from './raftgen.ts'
import { temporaryFolder, writeFiles } from './temporary-folder.ts'
import { typeErrors } from './type-errors.ts'

const run = promisify(execFile)

beforeAll(built, 180_000)

test('the project that init hands over compiles against the code generated from its schema', async () => {
  const folder = temporaryFolder()
  await raftgen(folder, ['init', 'svc'])
  const svc = join(folder, 'svc')
  linkPackages(svc, ['typebox', 'vitest', '@types/node'])
  expect(await raftgen(svc, ['schema.ts'])).toMatchObject({ code: 0, err: 'store: 8 created, 0 updated, 0 removed, 0 unchanged\n' })
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

test('the compiler does not judge the types of packages, which would take it half a minute', async () => {
  const folder = temporaryFolder()
  await raftgen(folder, ['init', 'svc'])
  expect(JSON.parse(readFileSync(join(folder, 'svc/tsconfig.json'), 'utf8'))).toMatchObject({ compilerOptions: { skipLibCheck: true } })
})

test('each script of the project works by itself: what it needs is made first', async () => {
  const folder = temporaryFolder()
  await raftgen(folder, ['init', 'svc'])
  const svc = join(folder, 'svc')
  linkPackages(svc, ['typebox', 'vitest', 'typescript', '@types/node'])
  linkCommands(svc)
  const { stdout: tested } = await run('npm', ['test'], { cwd: svc, env: { ...process.env, NO_COLOR: '1' } })
  expect(tested).toMatch(/Tests +14 passed/)
  expect((await run('npm', ['run', 'check'], { cwd: svc })).stderr).toContain('lint: handlers.ts; nothing found\n')

  rmSync(join(svc, 'generated'), { recursive: true })
  writeFiles(svc, { 'client.ts': "import { StoreClient } from './generated/index.js'\n\nconsole.log('the demo of', StoreClient.name)\n" })
  expect((await run('npm', ['run', 'demo'], { cwd: svc })).stdout).toMatch(/\nthe demo of StoreClient\n$/)

  // Some nodes have their directory, one has lost its own: it must not be bootstrapped again.
  for (const id of [1, 3]) mkdirSync(join(svc, 'data', String(id)), { recursive: true })
  const refused = await run(process.execPath, ['dist/dev.js'], { cwd: svc }).catch((error: unknown) => error)
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^data\/2 is missing, .* `npm start 2 join`\.\nOr remove data\/ /),
  })
  expect(readdirSync(join(svc, 'data'))).toEqual(['1', '3'])

  rmSync(join(svc, 'data'), { recursive: true })
  const members = await Promise.all([1, 2, 3].map(async (id) => ({ id, peer: await freeAddress(), client: await freeAddress() })))
  const addresses = `const members = ${JSON.stringify(members)}\nconst addressesOf = (id) => members[id - 1]\n`
  writeFiles(svc, { 'dist/cluster.js': `${addresses}export const clusterId = 'dev'\nexport { addressesOf, members }\n` })
  await expectNodesEndWith(svc)
}, 120_000)

/** Whatever ends `npm run dev`, no node stays behind. */
async function expectNodesEndWith(svc: string): Promise<void> {
  const dev = spawn(process.execPath, ['dist/dev.js'], { cwd: svc, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  createInterface({ input: dev.stdout }).on('line', (line) => lines.push(line))
  const pids = (): readonly number[] => lines.flatMap((line) => Number(/^\d \| process (\d+)$/.exec(line)?.[1] ?? 0) || [])
  try {
    // Whoever writes a line to nobody ends as well, so none may be due.
    const isQuiet = (): boolean =>
      lines.some((line) => line.includes('leader in term')) &&
      new Set(lines.flatMap((line) => /^(\d) \| follower in term/.exec(line)?.[1] ?? [])).size >= 2
    await until('a leader and its followers', 30_000, () => Promise.resolve(isQuiet() || undefined))
    expect(pids()).toHaveLength(3)
  } finally {
    dev.kill('SIGKILL')
  }
  try {
    await until('their end', 10_000, () => Promise.resolve(pids().every((pid) => !isRunning(pid)) || undefined))
  } finally {
    for (const pid of pids().filter(isRunning)) process.kill(pid, 'SIGKILL')
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a node of the project that is not told which it is says what it may be told', async () => {
  const folder = temporaryFolder()
  await raftgen(folder, ['init', 'svc'])
  const svc = join(folder, 'svc')
  linkPackages(svc, ['typebox', 'vitest', 'typescript', '@types/node'])
  linkCommands(svc)
  await run('npm', ['run', 'build'], { cwd: svc })
  await expect(run(process.execPath, ['dist/server.js', 'four'], { cwd: svc })).rejects.toMatchObject({
    code: 2,
    stderr: 'which node? 1, 2, 3, or a new id, which joins the others: npm start 4\n',
  })
}, 120_000)

/** As `npm install` leaves them for the scripts of a package. */
function linkCommands(folder: string): void {
  const bin = join(folder, 'node_modules/.bin')
  mkdirSync(bin)
  for (const name of ['tsc', 'vitest']) symlinkSync(join(repository, 'node_modules/.bin', name), join(bin, name))
  writeFileSync(join(bin, 'raftgen'), `#!/bin/sh\nexec '${process.execPath}' '${builtMain}' "$@"\n`, { mode: 0o755 })
}
