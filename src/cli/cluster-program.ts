// `raftgen cluster ...`: the words and options. What they do is loaded when one of them runs.
import type { Command } from 'commander'

export interface ClusterOptions {
  readonly server: readonly string[]
  readonly timeout?: string
  readonly json?: true
  readonly learner?: true
  readonly force?: true
  readonly to?: string
}
/** One command line, as it was written. */
export interface ClusterCommandLine {
  readonly name: 'status' | 'add' | 'promote' | 'demote' | 'remove' | 'update' | 'transfer' | 'lease' | 'skip' | 'activate'
  readonly words: readonly string[]
  readonly options: ClusterOptions
}

interface Words {
  readonly name: ClusterCommandLine['name']
  readonly does: string
  readonly argument?: { readonly name: string; readonly means: string }
  readonly example: string
  readonly more?: (command: Command) => Command
}

const forceText =
  'skip the check that a majority of the new voters is alive. The cluster stops until they are. ' +
  'Removing a dead member does not need it; it cannot replace a lost majority'
const forced = (command: Command): Command => command.option('--force', forceText)

const commands: readonly Words[] = [
  { name: 'status', does: 'who is a member, who leads, how far each has got', example: 'status --server 10.0.0.1:7101' },
  {
    name: 'add',
    does: 'add members, which vote as soon as they have caught up; usually a node adds itself, with `join`',
    argument: { name: '<member...>', means: 'an id never used before and its addresses: 4=10.0.0.4:7001,10.0.0.4:7101' },
    example: 'add 4=10.0.0.4:7001,10.0.0.4:7101 --server 10.0.0.1:7101',
    more: (command) => forced(command.option('--learner', 'they hold the log and do not vote until they are promoted')),
  },
  {
    name: 'promote',
    does: 'make learners voters',
    argument: { name: '<id...>', means: 'ids of learners that have caught up' },
    example: 'promote 4 --server 10.0.0.1:7101',
    more: forced,
  },
  {
    name: 'demote',
    does: 'make voters learners',
    argument: { name: '<id...>', means: 'ids of voters' },
    example: 'demote 1 --server 10.0.0.1:7101',
    more: forced,
  },
  {
    name: 'remove',
    does: 'remove members for good: their ids are never used again',
    argument: { name: '<id...>', means: 'ids of members' },
    example: 'remove 1 2 --server 10.0.0.3:7101',
    more: forced,
  },
  {
    name: 'update',
    does: 'give members other addresses',
    argument: { name: '<member...>', means: 'an id and its new addresses: 4=10.0.0.4:7001,10.0.0.4:7101' },
    example: 'update 2=10.0.0.9:7001,10.0.0.9:7101 --server 10.0.0.1:7101',
    more: forced,
  },
  {
    name: 'transfer',
    does: 'hand leadership to another voter; commands wait meanwhile',
    example: 'transfer --to 2 --server 10.0.0.1:7101',
    more: (command) => command.option('--to <id>', 'the voter to lead (default: the most up-to-date one)'),
  },
  {
    name: 'lease',
    does: 'let the leader answer lease reads without asking a majority, or not',
    argument: { name: '<duration>', means: 'whole milliseconds from 1 to 60000, or off' },
    example: 'lease 1000 --server 10.0.0.1:7101',
  },
  {
    name: 'skip',
    does: 'give up the command at which a majority of the nodes has stopped applying: its caller gets HANDLER_FAILED',
    argument: { name: '<index>', means: 'of that command, as `raftgen cluster status` shows it' },
    example: 'skip 1201 --server 10.0.0.1:7101',
  },
  {
    name: 'activate',
    does: 'put a version of the schema in force, once every member runs a build that knows it: by default the newest',
    argument: { name: '[version]', means: 'of the schema' },
    example: 'activate --server 10.0.0.1:7101',
  },
]

export function addClusterCommands(program: Command, run: (line: ClusterCommandLine) => Promise<void>): void {
  const cluster = program
    .command('cluster')
    .description(
      'look at a running cluster, change its members, hand over leadership, skip a command, put a version of the schema in force',
    )
    .usage('<command> --server <host:port> [options]')
    .addHelpText('after', `\nExamples:\n${commands.map(({ example }) => `  raftgen cluster ${example}`).join('\n')}\n\n${exitCodes}`)
  for (const { name, does, argument, example, more } of commands) {
    const command = cluster
      .command(name)
      .description(does)
      .requiredOption('--server <host:port>', 'where a member takes clients; repeat it, or separate several by commas', appended)
      .option('--timeout <ms>', 'give up after this long (default: 10000)')
      .option('--json', 'print one JSON object')
      .addHelpText('after', `\nExample:\n  raftgen cluster ${example}`)
    if (argument !== undefined) command.argument(argument.name, argument.means)
    more?.(command)
    // Arguments come before the options; none, one word, or a list of them.
    command.action((...given: readonly unknown[]) =>
      run({
        name,
        words: given
          .slice(0, argument === undefined ? 0 : 1)
          .flat()
          // One that may be left out.
          .filter((word) => word !== undefined)
          .map(String),
        options: command.opts<ClusterOptions>(),
      }),
    )
  }
}

const appended = (value: string, previous: readonly string[] | undefined): readonly string[] => [...(previous ?? []), ...value.split(',')]

const exitCodes = `Exit codes:
  0  done
  1  not done: refused, nobody answered, or its outcome is unknown; --json says which
  2  wrong use`
