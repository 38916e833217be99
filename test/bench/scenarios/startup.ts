// How long the command line takes to say something, and a server to be of use, from the start of the process on.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Server } from 'raftgen/server'
import { median, shown } from '../report/figures.js'
import { freeAddress } from '../../free-port.js'
import type { Scenario } from './scenario.js'

const lone = new URL('../startup/lone.js', import.meta.url).pathname
const command = new URL('../../../src/cli/main.cjs', import.meta.url).pathname

interface Start {
  readonly name: string
  readonly args: readonly string[]
}

export const startup: Scenario = {
  name: 'startup',
  title: 'start of `raftgen --help`, and of a server with an empty log (raftgen alone)',
  when: 'full',
  async run({ folder, isFull, progress }) {
    const times = isFull ? 21 : 7
    const starts = await startsIn(folder)
    const found = starts.map((start) => ({ start, ms: [] as number[], stages: new Map<string, number[]>() }))
    // The first round finds cold files.
    for (let time = 0; time <= times; time++) {
      for (const { start, ms, stages } of found) {
        progress(`${start.name}: ${time} of ${times}`)
        const { firstMs, output } = await started(start.args)
        if (time === 0) continue
        ms.push(firstMs)
        for (const [, stage = '', at = ''] of output.matchAll(/^(\w+) ([\d.]+)$/gm))
          stages.set(stage, [...(stages.get(stage) ?? []), Number(at)])
      }
    }
    const row = (name: string, ms: readonly number[]): readonly string[] => [
      name,
      shown(median(ms)),
      `${shown(Math.min(...ms))} to ${shown(Math.max(...ms))}`,
    ]
    return {
      title: 'Start of a process',
      text: `In turn, ${times} times each, from before the process is made until its first output: milliseconds. The server is the only member of its cluster, with an empty log, and prints when it is ready; of that, by its own clock, which begins some milliseconds later: \`loaded\` is when its code is there, \`runs\` when \`Server.run\` has returned, \`ready\` when it serves.`,
      header: ['', 'median', 'lowest to highest'],
      rows: found.flatMap(({ start, ms, stages }) => [
        row(start.name, ms),
        ...[...stages].map(([stage, at]) => row(`${start.name}: ${stage}`, at)),
      ]),
      charts: [],
      raw: found.map(({ start, ms, stages }) => ({ name: start.name, ms, stages: Object.fromEntries(stages) })),
    }
  },
}

async function startsIn(folder: string): Promise<readonly Start[]> {
  const empty = join(folder, 'empty.cjs')
  await writeFile(empty, 'process.stdout.write("here")\n')
  const dir = join(folder, 'lone')
  const [peer, client] = [await freeAddress(), await freeAddress()]
  await Server.bootstrap({ dir, id: 1, clusterId: 'bench', members: [{ id: 1, peer, client }] })
  return [
    { name: '`node` with a script of one line', args: [empty] },
    { name: '`raftgen --help`', args: [command, '--help'] },
    { name: 'a server', args: [lone, dir, peer, client] },
  ]
}

/** Until the process has said something, and what it has said when it has ended. */
async function started(args: readonly string[]): Promise<{ firstMs: number; output: string }> {
  const began = performance.now()
  const child = spawn(process.execPath, [...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let firstMs = Number.NaN
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    if (output === '') firstMs = performance.now() - began
    output += chunk.toString()
  })
  const [code] = await once(child, 'close')
  if (code !== 0 || output === '')
    throw new Error(`node ${args.join(' ')} ended with ${String(code)} and printed ${JSON.stringify(output)}`)
  return { firstMs, output }
}
