// `npm run bench:compare <ref>`: the working tree beside another commit, in turn, in one run.
import { Argument, Command } from 'commander'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ended, folderIn, positive } from './command.js'
import { thisMachine } from './report/machine.js'
import { markdown } from './report/markdown.js'
import { throughput } from './scenarios/throughput.js'
import { buildCommit } from './systems/other-commit.js'
import { RaftgenCluster } from './systems/raftgen.js'

const program = new Command('npm run bench:compare --')
  .description('Measures the working tree beside another commit: writes and linearizable reads, with ratios and how far they are apart.')
  .addArgument(new Argument('<ref>', 'a commit, a branch or a tag'))
  .option('--rounds <n>', 'of each measurement', positive, 5)
  .option('--seconds <n>', 'of each measurement', positive, 3)
  .option('--dir <folder>', 'where data go', tmpdir())
  .action(compare)
await ended(program.parseAsync())

async function compare(
  ref: string,
  { rounds, seconds, dir }: { readonly rounds: number; readonly seconds: number; readonly dir: string },
): Promise<void> {
  const root = folderIn(dir)
  const progress = (text: string): void => void process.stderr.write(`${text}\n`)
  progress(`building ${ref}`)
  const other = buildCommit(ref, join(root, 'tree'))
  const systems: RaftgenCluster[] = []
  try {
    systems.push(await RaftgenCluster.start({ root, name: 'here' }))
    systems.push(await RaftgenCluster.start({ root, name: other.commit, built: other.built }))
    const section = await throughput.run({ systems, rounds, seconds, isFull: false, folder: root, progress })
    console.log(
      markdown(
        { machine: thisMachine(), systems, command: `npm run bench:compare ${ref}`, sections: [{ ...section, charts: [] }] },
        String,
      ),
    )
  } finally {
    await Promise.allSettled(systems.map((system) => system.close()))
    other.remove()
  }
}
