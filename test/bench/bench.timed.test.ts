import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const program = new URL('../../dist/test/bench/run.js', import.meta.url).pathname

test('a short run tells of writes and reads, and leaves a report with charts; the figures are nobody’s to judge here', () => {
  const out = mkdtempSync(join(tmpdir(), 'raftgen-bench-'))
  try {
    const args = ['--vs', 'none', '--only', 'throughput', '--rounds', '1', '--seconds', '0.5', '--out', out]
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', timeout: 60_000 })

    expect(status, stderr).toBe(0)
    const rows = stdout.split('\n').filter((line) => /^\| (writes|linearizable reads) \|/.test(line))
    console.log(
      stdout
        .split('\n')
        .filter((line) => line.startsWith('|'))
        .join('\n'),
    )
    expect(rows).toHaveLength(6)
    for (const row of rows) expect(Number(row.split('|')[3]?.replaceAll(',', ''))).toBeGreaterThan(0)
    expect(readdirSync(out).sort()).toEqual(['reads.svg', 'report.json', 'report.md', 'writes.svg'])
    expect(readFileSync(join(out, 'writes.svg'), 'utf8')).toMatch(/^<svg/)
  } finally {
    rmSync(out, { recursive: true })
  }
}, 90_000)

test('a folder for the report that cannot be made is refused before anything is measured', () => {
  const folder = mkdtempSync(join(tmpdir(), 'raftgen-bench-'))
  try {
    const out = join(folder, 'file')
    writeFileSync(out, '')
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, '--out', out], { encoding: 'utf8', timeout: 20_000 })
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^error: --out .*file: EEXIST/)
  } finally {
    rmSync(folder, { recursive: true })
  }
}, 30_000)
