// `raftgen log ...`: the words and options. What they do is loaded when one of them runs.
import type { Command } from 'commander'

export interface LogVerifyOptions {
  readonly json?: true
}
export interface LogShowOptions extends LogVerifyOptions {
  readonly schema?: string
  readonly from?: string
  readonly to?: string
  readonly last?: string
  readonly command?: string
}
export interface LogRepairOptions extends LogVerifyOptions {
  readonly schema?: string
  readonly from?: readonly string[]
  readonly acceptLoss?: true
  readonly after?: string
  readonly yes?: true
}
/** One command line, as it was written. */
export type LogCommandLine =
  | { readonly name: 'verify'; readonly dir: string; readonly options: LogVerifyOptions }
  | { readonly name: 'show'; readonly dir: string; readonly options: LogShowOptions }
  | { readonly name: 'repair'; readonly dir: string; readonly options: LogRepairOptions }

const dirText = 'the data directory of a node that does not run, or a copy of one'
const schemaText = 'says what the commands mean: the schema, or the wire lock beside it (default: what the node keeps of it)'

export function addLogCommands(program: Command, run: (line: LogCommandLine) => Promise<void>): void {
  const log = program
    .command('log')
    .description('look into the data directory of a stopped node: verify, show, repair')
    .usage('<command> <dir> [options]')
    .addHelpText('after', examples('verify data/1', 'show data/1 --last 20', 'repair data/1 --from data/2'))

  log
    .command('verify')
    .description('read and verify everything in a data directory, and say what a node would do at its start; changes nothing')
    .argument('<dir>', dirText)
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples('verify data/1', 'verify data/1 --json | jq .outcome.kind'))
    .action((dir: string, options: LogVerifyOptions) => run({ name: 'verify', dir, options }))

  log
    .command('show')
    .description('print the entries of a log, a line each, also of a damaged one; changes nothing')
    .argument('<dir>', dirText)
    .option('--schema <file>', schemaText)
    .option('--from <index>', 'the first entry (default: the first that is kept)')
    .option('--to <index>', 'the last entry (default: the last)')
    .option('--last <n>', 'only so many, the last ones')
    .option('--command <name>', 'only calls of this command')
    .option('--json', 'print one JSON object a line, with nothing left out')
    .addHelpText(
      'after',
      examples('show data/1 --last 20', 'show data/1 --from 1000 --to 1100', 'show data/1 --command acquire --last 5 --json'),
    )
    .action((dir: string, options: LogShowOptions) => run({ name: 'show', dir, options }))

  log
    .command('repair')
    .description('say what is missing and how to get it back, and do it when told to')
    .argument('<dir>', dirText)
    .option('--from <dir>', "take what is missing from here: another member's directory, or a copy of this one; repeat it", appended)
    .option('--accept-loss', 'give up what nobody has any more, for good: the last resort')
    .option('--after <index>', 'with --accept-loss: the last entry that stays, as the plan says')
    .option('--schema <file>', schemaText)
    .option('--yes', 'do it; without it the plan is printed, and on a terminal you are asked')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `${repairText}${examples('repair data/1', 'repair data/1 --from data/2 --from data/3', 'repair data/1 --from data/2 --yes')}`,
    )
    .action((dir: string, options: LogRepairOptions) => run({ name: 'repair', dir, options }))
}

const appended = (value: string, previous: readonly string[] | undefined): readonly string[] => [...(previous ?? []), value]

const repairText = `
A member of a running cluster needs none of this: start it, and the others give back what it lacks.
This is for the only member of a cluster, and for when too many members are damaged at once.
Before anything is changed, database, high-water and journal are kept in <dir>/before-repair-<n>.
`

const examples = (...lines: readonly string[]): string =>
  `\nExample${lines.length === 1 ? '' : 's'}:\n${lines.map((line) => `  raftgen log ${line}`).join('\n')}\n\n${exitCodes}`

const exitCodes = `Exit codes:
  0  all is well; after repair: it is whole
  1  something was found: damage, holes, modes; after repair: it is not whole yet
  2  wrong use: no data directory, a node runs on it, a mistyped option
  3  a bug in raftgen`
