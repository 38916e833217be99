// h2load, of nghttp2: a load on etcd that costs a fraction of what a client in Go or Node costs, which leaves the two cores to etcd.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHistogram } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { putPath, putRequest, rangePath, rangeRequest } from './etcd-wire.js'
import { keyOf, type Load, type Loaded, loaded, valueBytes } from './load.js'

/** None where it is not installed (Debian: `nghttp2-client`). */
export function h2loadVersion(): string | undefined {
  const { status, stdout } = spawnSync('h2load', ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/** `onStart` is told its process. It sends the same body each time, so all writes are of one key. */
export async function loadByH2load(address: string, load: Load, onStart: (pid: number | undefined) => void): Promise<Loaded> {
  const { operation, inFlight, seconds, warmUpSeconds } = load
  const connections = Math.min(load.connections, inFlight)
  const folder = await mkdtemp(join(tmpdir(), 'raftgen-h2load-'))
  try {
    const [body, log] = [join(folder, 'body'), join(folder, 'log')]
    const key = keyOf(0)
    await writeFile(body, operation === 'put' ? putRequest(key, new Uint8Array(valueBytes).fill(7)) : rangeRequest(key))
    const path = operation === 'put' ? putPath : rangePath
    const args = [
      ...['--duration', inMs(seconds), '--warm-up-time', inMs(warmUpSeconds), '--clients', String(connections)],
      ...['--max-concurrent-streams', String(Math.ceil(inFlight / connections)), '--threads', '1', '--data', body],
      ...['--header', 'content-type: application/grpc', '--header', 'te: trailers', '--log-file', log, `http://${address}${path}`],
    ]
    const child = spawn('h2load', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    onStart(child.pid)
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`h2load ended with ${code}: ${output}`)
    return loaded(await latenciesOf(log), seconds, failedIn(output))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const inMs = (seconds: number): string => `${Math.round(seconds * 1_000)}ms`
const failedIn = (output: string): number => Number(/(\d+) failed/.exec(output)?.[1] ?? 0)

/** A line a request: when it was sent, its status, what it took in microseconds. What was sent while warming up is not in it. */
async function latenciesOf(log: string): Promise<ReturnType<typeof createHistogram>> {
  const latencies = createHistogram({ figures: 3 })
  for await (const line of createInterface({ input: createReadStream(log) })) {
    const microseconds = Number(line.split('\t')[2])
    if (microseconds > 0) latencies.record(microseconds * 1_000)
  }
  return latencies
}
