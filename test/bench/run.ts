// `npm run bench`: raftgen beside etcd, on this machine.
import { Command, InvalidArgumentError, Option } from 'commander'
import { access, constants, mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BenchRefused, ended, folderIn, positive } from './command.js'
import { thisMachine } from './report/machine.js'
import { markdown, type Report } from './report/markdown.js'
import { bare } from './scenarios/bare.js'
import { connections } from './scenarios/connections.js'
import { degraded } from './scenarios/degraded.js'
import { growth } from './scenarios/growth.js'
import { overload } from './scenarios/overload.js'
import { restart } from './scenarios/restart.js'
import { eventLoop } from './scenarios/event-loop.js'
import { slowFollower } from './scenarios/slow-follower.js'
import { soak } from './scenarios/soak.js'
import { startup } from './scenarios/startup.js'
import { outage } from './scenarios/outage.js'
import type { Scenario, Section } from './scenarios/scenario.js'
import { throughput } from './scenarios/throughput.js'
import { EtcdCluster, etcdVersion } from './systems/etcd.js'
import { RaftgenCluster } from './systems/raftgen.js'
import type { System } from './systems/system.js'

/** Those that share clusters first. */
const scenarios: readonly Scenario[] = [
  throughput,
  outage,
  degraded,
  connections,
  slowFollower,
  restart,
  startup,
  eventLoop,
  growth,
  bare,
  overload,
  soak,
]

interface Options {
  readonly full?: true
  readonly vs?: 'etcd' | 'none'
  readonly only?: readonly string[]
  readonly rounds?: number
  readonly seconds?: number
  readonly dir: string
  readonly out?: string
}

const names = (text: string): readonly string[] => {
  const wanted = text.split(',')
  const unknown = wanted.find((name) => !scenarios.some((scenario) => scenario.name === name))
  if (unknown !== undefined)
    throw new InvalidArgumentError(`There is no ${unknown}; there are: ${scenarios.map(({ name }) => name).join(', ')}.`)
  return wanted
}

const program = new Command('npm run bench --')
  .description('Measures raftgen on this machine: three processes, 256-byte values, every acknowledged write synced by a majority.')
  .option('--full', 'every scenario, and more of each: half an hour and more; without it two minutes')
  .addOption(
    new Option('--vs <system>', 'what to measure beside it, in turn (default: etcd where it is installed)').choices(['etcd', 'none']),
  )
  .option('--only <names>', `some scenarios: ${scenarios.map(({ name, title }) => `${name} (${title})`).join(', ')}`, names)
  .option('--rounds <n>', 'of each measurement (default: 2, with --full 5)', positive)
  .option('--seconds <n>', 'of each measurement (default: 2.5, with --full 5)', positive)
  .option('--dir <folder>', 'where data go, on the disk that is to be measured', tmpdir())
  .option('--out <folder>', 'writes report.md, report.json and charts there, as docs/benchmarks/ has them')
  .action(run)
await ended(program.parseAsync())

async function run(options: Options): Promise<void> {
  const isFull = options.full === true
  // Before anything is measured: an hour later it would be a pity.
  if (options.out !== undefined) await makeOut(options.out)
  const root = folderIn(options.dir)
  const systems: System[] = []
  const progress = (text: string): void => void process.stderr.write(`${text}\n`)
  try {
    const wanted = scenarios.filter((scenario) => isWanted(scenario, options))
    const isBeside = options.vs !== 'none' && wanted.some(({ isShared }) => isShared)
    progress('starting three processes of each system')
    systems.push(await RaftgenCluster.start({ root }))
    if (isBeside && (options.vs === 'etcd' || etcdVersion() !== undefined)) systems.push(await EtcdCluster.start(root))
    const sections: Section[] = []
    for (const scenario of wanted) {
      if (scenario.isShared !== true) await Promise.all(systems.map((system) => system.close()))
      const folder = join(root, scenario.name)
      await mkdir(folder)
      const context = {
        systems,
        isFull,
        folder,
        rounds: options.rounds ?? (isFull ? 5 : 2),
        seconds: options.seconds ?? (isFull ? 5 : 2.5),
      }
      sections.push(await scenario.run({ ...context, progress: (text) => progress(`${scenario.name}: ${text}`) }))
    }
    const command = ['npm run bench --', ...process.argv.slice(2)].join(' ')
    await tell({ machine: thisMachine(), systems, command, sections }, options.out)
  } finally {
    await Promise.allSettled(systems.map((system) => system.close()))
  }
}

function isWanted({ name, when }: Scenario, { only, full }: Options): boolean {
  if (only !== undefined) return only.includes(name)
  return when === 'always' || (when === 'full' && full === true)
}

async function makeOut(out: string): Promise<void> {
  try {
    await mkdir(out, { recursive: true })
    await access(out, constants.W_OK)
  } catch (error) {
    throw new BenchRefused(`--out ${out}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function tell(report: Report, out: string | undefined): Promise<void> {
  console.log(markdown(report, (name) => `${name}.svg`))
  if (out === undefined) return
  const { chartSvg } = await import('./report/chart.js')
  for (const { charts } of report.sections) for (const chart of charts) await writeFile(join(out, `${chart.name}.svg`), chartSvg(chart))
  await writeFile(
    join(out, 'report.md'),
    markdown(report, (name) => `${name}.svg`),
  )
  const { machine, systems, command, sections } = report
  const measured = Object.fromEntries(sections.map(({ title, raw }) => [title, raw]))
  const told = { machine, systems: systems.map(({ name, version, driver }) => ({ name, version, driver })), command, measured }
  await writeFile(join(out, 'report.json'), `${JSON.stringify(told, undefined, 2)}\n`)
  process.stderr.write(`written to ${out}\n`)
}
