// `raftgen replay`: its words and options. What it does is loaded when it runs.
import type { Command } from 'commander'

export interface ReplayOptions {
  readonly old: string
  readonly new: string
  readonly from?: string
  readonly to?: string
  readonly limit?: string
  readonly json?: true
}
/** The command line, as it was written. */
export interface ReplayLine {
  readonly dir: string
  readonly options: ReplayOptions
}

export const limitDefault = 20

export function addReplayCommand(program: Command, run: (line: ReplayLine) => Promise<void>): void {
  program
    .command('replay')
    .description('apply a log with two builds, and print where they come to something else: before a change of the handlers is deployed')
    .argument('<dir>', 'the data directory of a node that does not run, or a copy of one; nothing in it is changed')
    .requiredOption('--old <build>', 'the schema file of the build that runs now, or git:<commit>: the same schema, as it was there')
    .requiredOption('--new <build>', 'that of the build that is to run')
    .option('--from <index>', 'the first entry that matters: begin with the last snapshot before it (default: as early as can be)')
    .option('--to <index>', 'the last entry (default: the last)')
    .option('--limit <n>', `print so many differences at most; all are counted (default: ${limitDefault})`)
    .option('--json', 'print one JSON object')
    .addHelpText('after', replayText)
    .action((dir: string, options: ReplayOptions) => run({ dir, options }))
}

const replayText = `
A build is a schema file with its handlers (handlers.ts) and generated code (generated/) beside it. With git:<commit> all files of the repository as they
were there are put into a temporary folder; packages are those that are installed now.

Both begin with the same state: that of a snapshot which both can read, or none, at the beginning of the log. After each entry their replies, their states and
the version in force are compared. The first entry after which these differ ends it.

Examples:
  raftgen replay --old git:v1.4.0 --new src/schema.ts data/1
  raftgen replay --old ../main/src/schema.ts --new src/schema.ts data/1 --from 120000
  raftgen replay --old git:HEAD --new src/schema.ts data/1 --json | jq .difference.index

Exit codes:
  0  both builds do the same with every entry
  1  they do not, or one of them cannot go on
  2  wrong use: no data directory, a node runs on it, a build that does not load, no such commit
  3  a bug in raftgen`
