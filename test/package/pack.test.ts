// What is published works from an empty project: packed, installed from the registry, initialised, generated, compiled, tested and run.
import { execFile, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { built, repository } from '../cli/built.ts'
import { temporaryFolder } from '../cli/temporary-folder.ts'
import { freePort } from '../free-port.ts'

const run = promisify(execFile)
const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']

beforeAll(built, 180_000)

test('a packed raftgen makes a service in an empty project, and a node more joins it', { timeout: 240_000 }, async () => {
  const folder = temporaryFolder()
  await run('npm', ['pack', '--pack-destination', folder, '--ignore-scripts', ...quiet], { cwd: repository })
  const [tarball = ''] = readdirSync(folder).filter((file) => file.endsWith('.tgz'))
  await run('npm', ['init', '-y', ...quiet], { cwd: folder })
  await run('npm', ['install', `./${tarball}`, 'typebox', ...quiet], { cwd: folder })
  const installed = join(folder, 'node_modules/raftgen')
  const links = [...readFileSync(join(installed, 'README.md'), 'utf8').matchAll(/\]\(([\w./-]+)\)/g)].map(([, path = '']) => path)
  expect(links).toContain('docs/cluster.md')
  expect(links.filter((path) => !existsSync(join(installed, path)))).toEqual([])
  await run('npx', ['raftgen', 'init', 'svc'], { cwd: folder })

  const svc = join(folder, 'svc')
  expect(readdirSync(svc)).toContain('.gitignore')
  await run('npm', ['install', ...quiet], { cwd: svc })
  await run('npm', ['run', 'generate'], { cwd: svc })
  await run('npm', ['run', 'build'], { cwd: svc })
  const { stdout: tested } = await run('npm', ['test'], { cwd: svc, env: { ...process.env, NO_COLOR: '1' } })
  expect(tested).toMatch(/Tests +14 passed/)

  const ports = await Promise.all(Array.from({ length: 8 }, freePort))
  const listed = JSON.stringify(ports)
  edit(join(svc, 'cluster.ts'), (text) => text.replace('7000 + id', `${listed}[id - 1]`).replace('7100 + id', `${listed}[id + 3]`))
  const dev = spawn('npm', ['run', 'dev'], { cwd: svc, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  onTestFinished(() => void (dev.pid !== undefined && dev.exitCode === null && process.kill(-dev.pid, 'SIGKILL')))
  await said(dev.stdout, /node 3 serves clients/)
  const { stdout: shown } = await run('npm', ['run', 'demo'], { cwd: svc })
  expect(shown).toMatch(/put: version \d+\n/)
  expect(shown).toMatch(/first writer: +won\n/)
  expect(shown).toMatch(/second writer: lost to version \d+\n/)

  const fourth = spawn('npm', ['start', '4'], { cwd: svc, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  onTestFinished(() => void (fourth.pid !== undefined && fourth.exitCode === null && process.kill(-fourth.pid, 'SIGKILL')))
  await said(fourth.stdout, /node 4 serves clients/)
  const status = ['raftgen', 'cluster', 'status', '--server', `127.0.0.1:${ports[4]}`]
  await expect
    .poll(() => run('npx', status, { cwd: svc }), { timeout: 30_000 })
    .toMatchObject({ stdout: expect.stringMatching(/^4 +voter/m) })
})

function edit(file: string, change: (text: string) => string): void {
  const text = readFileSync(file, 'utf8')
  const changed = change(text)
  expect(changed).not.toBe(text)
  writeFileSync(file, changed)
}

async function said(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<void> {
  let text = ''
  await new Promise<void>((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`not said within 60 s: ${pattern}\nbut: ${text}`)), 60_000)
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (!pattern.test(text)) return
      clearTimeout(deadline)
      resolve()
    })
  })
}
