// The commands, their options and what ends them. Whatever is heavy is imported by the command that needs it, when it runs.
import { Command, CommanderError, Option } from 'commander'
import { addClusterCommands } from './cluster-program.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { addLogCommands } from './log-program.ts'
import { ownPackage } from './own-package.ts'
import { addReplayCommand } from './replay-program.ts'
import { addStateCommands } from './state-program.ts'
import type { Terminal } from './terminal.ts'

export interface JsonOption {
  readonly json?: true
}
export interface FreezeOptions extends JsonOption {
  readonly out?: string
  readonly handlers?: string
  readonly importExtension?: 'js' | 'ts'
}
export interface GenerateOptions extends FreezeOptions {
  readonly check?: true
  readonly watch?: true
}
export interface DoctorOptions extends JsonOption {
  readonly out?: string
  readonly handlers?: string
}
export interface CheckOptions extends JsonOption {
  readonly handlers?: string
  readonly against?: string
  readonly only?: string
  readonly write?: true
  readonly out?: string
  readonly cases?: string
  readonly seed?: string
}
export interface SimOptions extends JsonOption {
  readonly handlers?: string
  readonly out?: string
  readonly seeds?: string
  readonly from?: string
  readonly seed?: string
  readonly faults?: string
  readonly svg?: string
}
export interface BootstrapOptions extends JsonOption {
  readonly dir: string
  readonly id: string
  readonly cluster: string
  readonly member: readonly string[]
}

/** Runs one command line. Never throws: what goes wrong is said on `terminal.err` and by the code. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = exitCode.fine
  const program = commandTree(args, terminal, (ended) => {
    code = ended
  })
  try {
    if (args.length === 0) {
      terminal.err(program.helpInformation().trimEnd())
      return exitCode.wrongUse
    }
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCode.fine
    // A group of commands without one of them: its help was shown.
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCode.wrongUse
    const failure = error instanceof CommanderError ? (await import('./parse-failure.ts')).parseFailure(error, program, args) : error
    const { explainFailure } = await import('./failure.ts')
    return explainFailure(failure, { terminal, asJson: args.includes('--json') })
  }
}

function commandTree(args: readonly string[], terminal: Terminal, end: (code: ExitCode) => void): Command {
  const program = new Command('raftgen')
    .description('Generates a typed, replicated service from a schema file.')
    .version(ownPackage().version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this, or the help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.replace(/\n$/, '')),
      writeErr: (text) => terminal.err(text.replace(/\n$/, '')),
      // Said with its way out once it is caught.
      outputError: () => {},
    })
    .usage('<schema.ts...> [options]\n       raftgen <command> [options]')

  const generate = program
    .command('generate', { isDefault: true })
    .description('write generated/, the wire lock and missing handler stubs; the word itself may be left out')
    .option('--check', 'write nothing; exit code 1 if something would be written')
    .option('--watch', 'generate again whenever the schema changes')
    .argument('<schema...>', 'the schema file, or several: each machine has its own')
    .action(async (schemas: readonly string[], options: GenerateOptions) => {
      const { generateAllCommand } = await import('./generate-all.ts')
      end(await generateAllCommand({ schemas, options, args, terminal }))
    })
  withPlaces(generate)
  program.addHelpText('after', () => `${optionsOfGenerating(generate)}\n${afterHelp}`)

  program
    .command('check')
    .description(
      'read the handlers, and try them out: do they do the same on every replica, and what the schema says? can the schema be deployed?',
    )
    .argument('<schema>', 'the schema file')
    .option('--handlers <file>', 'your handlers (default: handlers.ts beside the schema)')
    .option('--out <dir>', 'where generated code is (default: generated/ beside the schema)')
    .option('--only <parts>', 'only these parts, separated by commas: lint, evolution, corpus, properties')
    .option('--against <ref>', 'of evolution: a commit of git, or a wire lock, to compare with (default: what is frozen here)')
    .option('--write', 'of corpus: draw what is missing of the newest version, and keep it')
    .option('--cases <n>', 'of properties: how many, 1 to 1,000,000 (default: 1,000)')
    .option('--seed <k>', 'of properties: decides the cases, a whole number from 0 (default: 1)')
    .option('--json', 'print one JSON object a line, for each finding')
    .addHelpText('after', helpOfCheck)
    .action(async (schema: string, options: CheckOptions) => {
      const { checkCommand } = await import('./check.ts')
      end(await checkCommand({ schema, options, terminal }))
    })

  program
    .command('doctor')
    .description('look at a project: versions, stale or edited output, missing handlers, the wire lock, the settings of TypeScript')
    .argument('[schema...]', 'schema files (default: those in this folder and below)')
    .option('--out <dir>', 'where generated code is (default: where it is found)')
    .option('--handlers <file>', 'your handlers (default: where they are found)')
    .option('--json', 'print one JSON object')
    .addHelpText('after', helpOfDoctor)
    .action(async (schemas: readonly string[], options: DoctorOptions) => {
      const { doctorCommand } = await import('./doctor.ts')
      end(await doctorCommand({ schemas, options, terminal }))
    })

  program
    .command('sim')
    .description('run the machine in simulated clusters in which everything breaks: is it one copy of its state, and nothing lost?')
    .argument('<schema>', 'the schema file')
    .option('--seeds <n>', 'how many runs, 1 to 1,000,000 (default: 100)')
    .option('--from <k>', 'the first seed (default: 1)')
    .option('--seed <run>', 'only this seed, or this run of one as a failure names it: 12/acts=1-3/calls=7')
    .option('--faults <classes>', 'only these, separated by commas; none: nothing breaks (default: all)')
    .option('--handlers <file>', 'your handlers (default: handlers.ts beside the schema)')
    .option('--out <dir>', 'where generated code is (default: generated/ beside the schema)')
    .option('--svg <file>', 'where the picture of a failure goes (default: a temporary file)')
    .option('--json', 'print one JSON object')
    .addHelpText('after', helpOfSim)
    .action(async (schema: string, options: SimOptions) => {
      const { simCommand } = await import('./sim.ts')
      end(await simCommand({ schema, options, terminal }))
    })

  program
    .command('init')
    .description('create a runnable project')
    .argument('[dir]', 'an empty or new folder', '.')
    .option('--json', 'print one JSON object')
    .action(async (dir: string, options: JsonOption) => {
      const { initCommand } = await import('./init.ts')
      end(await initCommand({ dir, options, terminal }))
    })

  program
    .command('bootstrap')
    .description('give a new node its identity and the first members of its cluster; once per node')
    .requiredOption('--dir <dir>', 'the data directory of the node')
    .requiredOption('--id <n>', 'the id of the node, one of the members')
    .requiredOption('--cluster <id>', 'the same for all nodes of a cluster, and for no other')
    .requiredOption('--member <id=peer,client>', 'a member and its addresses: 1=10.0.0.1:7001,10.0.0.1:7101; repeat it', appended)
    .option('--json', 'print one JSON object')
    .action(async (options: BootstrapOptions) => {
      const { bootstrapCommand } = await import('./bootstrap.ts')
      end(await bootstrapCommand({ options, terminal }))
    })

  const freeze = program
    .command('freeze')
    .description('generate, and fix the wire format of this version for good: before it is deployed')
    .argument('<schema>', 'the schema file')
    .action(async (schema: string, options: FreezeOptions) => {
      const { freezeCommand } = await import('./freeze.ts')
      end(await freezeCommand({ schema, options, terminal }))
    })
  withPlaces(freeze)

  addClusterCommands(program, async (command) => {
    const { clusterCommand } = await import('./cluster.ts')
    end(await clusterCommand(command, terminal))
  })
  addLogCommands(program, async (line) => {
    const { logCommand } = await import('./log.ts')
    end(await logCommand(line, terminal))
  })
  addStateCommands(program, async (line) => {
    const { stateCommand } = await import('./state.ts')
    end(await stateCommand(line, terminal))
  })
  addReplayCommand(program, async (line) => {
    const { replayCommand } = await import('./replay.ts')
    end(await replayCommand(line, terminal))
  })
  return program
}

function withPlaces(command: Command): void {
  command
    .option('--out <dir>', 'where generated code goes (default: generated/ beside the schema)')
    .option('--handlers <file>', 'your handlers (default: handlers.ts beside the schema)')
    .addOption(new Option('--import-extension <extension>', 'in generated code (default: as the tsconfig says)').choices(['js', 'ts']))
    .option('--json', 'print one JSON object')
}

/** What most people look for: `raftgen <schema.ts>` is this command, whose name they need not know. */
function optionsOfGenerating(generate: Command): string {
  const help = generate.createHelp()
  const options = generate.options.map((option) => [help.optionTerm(option), help.optionDescription(option)] as const)
  const width = Math.max(...options.map(([term]) => term.length))
  return `\nOptions of generating:\n${options.map(([term, description]) => `  ${term.padEnd(width)}  ${description}`).join('\n')}`
}

/** Words that may be meant where a schema file is expected. */
export const commandNames = [
  'generate',
  'check',
  'doctor',
  'sim',
  'init',
  'bootstrap',
  'freeze',
  'cluster',
  'log',
  'state',
  'replay',
  'help',
] as const

const appended = (value: string, previous: readonly string[] | undefined): readonly string[] => [...(previous ?? []), value]

const helpOfCheck = `
Parts:
  lint        the handlers and the modules they import: Date, Math.random, process, locales, I/O, state of a module, ...
  evolution   the schema and the version that was frozen last, here or --against a commit: what is safe, what needs a migration, what would break
              logs or clients? And the two wire locks: do they go together?
  corpus      bytes that frozen versions have written, kept in <name>.corpus.json: does the code of today read them, and go on from them?
  properties  cases of up to 30 commands and queries with inputs drawn from the schema, on replicas under different clocks, time zones and chance,
              restarted and replayed: do they stay equal, does a failure leave no trace, do results fit, do your invariants hold? The smallest
              case that does not hold is printed with a test that repeats it.

A finding that is none is switched off in its line, or in the line before:
  // raftgen-ignore determinism: <reason>

Exit codes:
  0  nothing found, or warnings alone
  1  something was found
  2  wrong use: no schema, no handlers, a part that there is not, no such commit
  3  a bug in raftgen`

const helpOfDoctor = `
Nothing is written. Each check is a line: ok, warning or error, and the way out below it.

Exit codes:
  0  all is well, or warnings alone
  1  something is wrong
  2  wrong use: no schema
  3  a bug in raftgen`

const helpOfSim = `
A seed decides everything: how many nodes, their limits, what clients ask for, what breaks and when. Clients call the commands and queries of the
schema while nodes crash, links break and disks fail; then all must be well, and what clients were told is what the machine does by itself, one command
after the other. A run that fails is made as small as can be, and told as a chart.

Under vitest the same is a test: see simulateMachine of 'raftgen/sim'.

Exit codes:
  0  everything holds
  1  something does not
  2  wrong use: no schema, no handlers, no such class of faults
  3  a bug in raftgen`

const afterHelp = `
Examples:
  raftgen init svc                 a project to start from
  raftgen schema.ts                generate, and insert stubs for new commands and queries
  raftgen a/schema.ts b/schema.ts  several machines of one project
  raftgen schema.ts --check        in CI: is what is committed up to date?
  raftgen doctor                   what is wrong with this project?
  raftgen check schema.ts          do the handlers do the same on every replica?
  raftgen check schema.ts --only evolution --against origin/main
  raftgen sim schema.ts            is it one copy of the state, whatever breaks?
  raftgen cluster status --server 10.0.0.1:7101
  raftgen log verify data/1        is all there that this stopped node has promised?
  raftgen state diff data/1 data/2
  raftgen replay --old git:HEAD --new schema.ts data/1

Exit codes:
  0  fine
  1  findings: the schema or the handlers have errors, --check found something out of date, a cluster refused what it was asked, a log is damaged, or states differ
  2  wrong use: an unknown option, a missing file, something in the way
  3  a bug in raftgen`
