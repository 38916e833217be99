// `raftgen state ...`: the words and options. What they do is loaded when one of them runs.
import type { Command } from 'commander'

export interface StateDiffOptions {
  readonly schema?: string
  readonly at?: string
  readonly limit?: string
  readonly json?: true
}
/** One command line, as it was written. */
export interface StateCommandLine {
  readonly name: 'diff'
  readonly dirs: readonly [string, string]
  readonly options: StateDiffOptions
}

export const limitDefault = 20

export function addStateCommands(program: Command, run: (line: StateCommandLine) => Promise<void>): void {
  const state = program
    .command('state')
    .description('compare what two replicas hold, in the words of the schema')
    .usage('<command> <dirs> [options]')
    .addHelpText('after', examples('diff data/1 data/2'))

  state
    .command('diff')
    .description('print where the states of two replicas differ, as their snapshots of the same entry have them; changes nothing')
    .argument('<dirA>', 'the data directory of a node, or a copy of one: of its `snapshots` folder at least')
    .argument('<dirB>', 'that of another node of the same cluster')
    .option('--schema <file>', 'says what the state means: the schema, or the wire lock beside it (default: what the nodes keep of it)')
    .option('--at <index>', 'the entry of the snapshots (default: the newest of which both have one)')
    .option('--limit <n>', `print so many differences at most; all are counted (default: ${limitDefault})`)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `${diffText}${examples(
        'diff n1/data n2/data --schema src/schema.ts',
        'diff n1/data n2/data --at 120000 --limit 100',
        'diff n1/data n2/data --json | jq .count',
      )}`,
    )
    .action((dirA: string, dirB: string, options: StateDiffOptions) => run({ name: 'diff', dirs: [dirA, dirB], options }))
}

const diffText = `
The nodes may run meanwhile: snapshots do not change once they are there. Nothing of your program is run.
`

const examples = (...lines: readonly string[]): string =>
  `\nExample${lines.length === 1 ? '' : 's'}:\n${lines.map((line) => `  raftgen state ${line}`).join('\n')}\n\n${exitCodes}`

const exitCodes = `Exit codes:
  0  the states are the same
  1  they differ
  2  wrong use: no snapshots of the same entry, damaged ones, other machines, a mistyped option
  3  a bug in raftgen`
