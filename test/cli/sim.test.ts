import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { shownPath } from '../../src/cli/terminal.ts'
import { command } from './in-process.ts'
import { counterSchema, project } from './project.ts'
import { temporaryFolder, writeFiles } from './temporary-folder.ts'

const withInvariant = counterSchema().replace('  initial:', '  invariants: { even: ({ value }) => value % 2 === 0 },\n  initial:')
const handlers = (amount: string): string => `import type { CounterHandlers } from './generated/index.js'
export const handlers: CounterHandlers = {
  add(state, { by }) {
    if (Math.abs(state.value + by) < 1_000_000) state.value += ${amount}
    return state.value
  },
  read: (state) => state.value,
}
`

/** What is drawn is added twice, so that the sum stays even; or it is not. */
async function counter({ isRight }: { readonly isRight: boolean }): Promise<string> {
  const folder = project({ 'schema.ts': withInvariant })
  await command([join(folder, 'schema.ts')])
  writeFiles(folder, { 'handlers.ts': handlers(isRight ? '2 * by' : 'by') })
  return folder
}

async function sim(
  folder: string,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const { code, out, err } = await command(['sim', join(folder, 'schema.ts'), ...args])
  const near = (text: string): string => text.replaceAll(`${shownPath(folder)}/`, '').replaceAll(`${folder}/`, '')
  return { code, out: near(out), err: near(err) }
}

describe('raftgen sim', () => {
  test('what holds: the faults on stdout, a summary on stderr, the code is 0', async () => {
    const { code, out, err } = await sim(await counter({ isRight: true }), '--seeds', '4', '--from', '7')
    expect(code).toBe(0)
    expect(out).toMatch(/^faults: loss [\d,]+, .*crash \d+.*; never: .*\n$/)
    expect(err).toMatch(/sim: 4 seeds, [\d,]+ steps \([\d,]+ a second\), [\d,]+ calls \([\d,]+ answered\); everything holds\n$/)
  })

  test('nothing breaks where nothing is to', async () => {
    const { code, out } = await sim(await counter({ isRight: true }), '--seed', '7', '--faults', 'none', '--json')
    expect(code).toBe(0)
    const { ok, seeds, calls, answered, faults } = JSON.parse(out)
    expect({ ok, seeds }).toEqual({ ok: true, seeds: 1 })
    expect(faults).toMatchObject({ loss: 0, partition: 0, crash: 0, logDamage: 0 })
    expect(answered).toBe(calls)
  })

  test('a run that fails is made small, told as a chart in the words of the schema, drawn, and repeated by the command that it names', async () => {
    const folder = await counter({ isRight: false })
    const svg = join(temporaryFolder(), 'run.svg')
    const { code, out, err } = await sim(folder, '--from', '3', '--svg', svg)
    expect(code).toBe(1)
    const lines = out.trimEnd().split('\n')
    const [title = ''] = lines
    expect(title).toMatch(
      /^seed 3\/.*, after [\d.]+ s: invariants of the machine: after entry \d+, add\(\{ by: -?[\d_]+ \}\): even does not hold$/,
    )
    expect(out).toMatch(/^ +\d+\.\d{3} .* client \d+ learns of call \d+: add\(\{ by: -?[\d_]+ \}\) -> -?[\d_]+ at \d+$/m)
    expect(readFileSync(svg, 'utf8')).toContain('even does not hold')
    expect(err).toContain('sim: seed 3 fails, after 0 that held\n')

    const [, seed = ''] = /^repeat it with: raftgen sim schema\.ts --seed (\S+)$/.exec(lines.at(-1) ?? '') ?? []
    const again = await sim(folder, '--seed', seed, '--svg', svg, '--json')
    expect(again.code).toBe(1)
    const { ok, run, finding } = JSON.parse(again.out)
    expect({ ok, run }).toEqual({ ok: false, run: seed })
    expect(title).toContain(finding)
  })

  test.each([
    [['--seeds', '0'], "raftgen: --seeds: '0' is not a whole number from 1 to 1,000,000\n  Default: 100.\n"],
    [
      ['--seed', '1/acts='],
      "raftgen: --seed: '1/acts=' is no seed\n  Use a whole number, or a run as a failure names it: 12/acts=1-3/calls=7.\n",
    ],
    [['--seed', '1', '--seeds', '5'], 'raftgen: --seed is one run, --seeds and --from are many\n  Give one or the other.\n'],
    [['--faults', 'crush'], "raftgen: --faults: 'crush' is no class of faults\n  Did you mean crash?\n"],
  ])('wrong use, exit code 2: %j', async (args, err) => {
    expect(await sim(await counter({ isRight: true }), ...args)).toEqual({ code: 2, out: '', err })
  })
})
