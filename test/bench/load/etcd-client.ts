// Loads etcd from this process, by node:http2: for what h2load cannot do (a leader that is killed), and where there is no h2load.
import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { createHistogram } from 'node:perf_hooks'
import { putPath, putRequest, rangePath, rangeRequest } from './etcd-wire.js'
import { keyOf, type Load, type Loaded, loaded, type Probe, valueBytes } from './load.js'

const value = new Uint8Array(valueBytes).fill(7)
/** A write that takes longer goes to the next node. */
const callTimeoutMs = 250

/** One connection to one node. */
class EtcdConnection {
  readonly #session: ClientHttp2Session

  constructor(address: string) {
    this.#session = connect(`http://${address}`)
    // Told to the calls.
    this.#session.on('error', () => undefined)
  }

  get isOpen(): boolean {
    return !this.#session.closed && !this.#session.destroyed
  }

  /** Whether it was done. */
  call(path: string, body: Buffer, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      if (!this.isOpen) return resolve(false)
      const stream = this.#session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: path,
        'content-type': 'application/grpc',
        te: 'trailers',
      })
      let isFine = false
      stream.on('trailers', (trailers) => {
        isFine = trailers['grpc-status'] === '0'
      })
      stream.on('error', () => undefined)
      stream.on('close', () => resolve(isFine))
      stream.setTimeout(timeoutMs, () => stream.close(constants.NGHTTP2_CANCEL))
      stream.resume()
      stream.end(body)
    })
  }

  close(): void {
    this.#session.destroy()
  }
}

export async function loadEtcd(address: string, { operation, inFlight, connections, seconds, warmUpSeconds }: Load): Promise<Loaded> {
  const used = Array.from({ length: Math.min(connections, inFlight) }, () => new EtcdConnection(address))
  const latencies = createHistogram({ figures: 3 })
  let failed = 0
  const from = performance.now() + warmUpSeconds * 1_000
  const until = from + seconds * 1_000
  const worker = async (first: number): Promise<void> => {
    const connection = used[first % used.length]
    for (let i = first; connection !== undefined; i += inFlight) {
      const key = keyOf(i)
      const called = performance.now()
      if (called >= until) return
      const isDone =
        operation === 'put'
          ? await connection.call(putPath, putRequest(key, value), 10_000)
          : await connection.call(rangePath, rangeRequest(key), 10_000)
      const now = performance.now()
      if (!isDone) failed += 1
      else if (called >= from && now < until) latencies.record(Math.max(1, Math.round((now - called) * 1e6)))
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, i) => worker(i)))
  for (const connection of used) connection.close()
  return loaded(latencies, seconds, failed)
}

/** Writes until it is stopped, sixteen at a time, each where the last of its line was done; what fails, or takes long, is written to the next node. */
export class EtcdProbe implements Probe {
  readonly #addresses: readonly string[]
  #isStopped = false
  #gapMs = 0
  #last = performance.now()
  readonly #workers: readonly Promise<void>[]

  constructor(addresses: readonly string[]) {
    this.#addresses = addresses
    this.#workers = Array.from({ length: 16 }, (_, i) => this.#work(i))
  }

  /** The longest time between two acknowledged writes, in milliseconds. */
  async stop(): Promise<number> {
    this.#isStopped = true
    await Promise.all(this.#workers)
    return this.#gapMs
  }

  async #work(first: number): Promise<void> {
    let node = first
    let connection = this.#connect(node)
    for (let i = first; !this.#isStopped; i += 16) {
      if (await connection.call(putPath, putRequest(keyOf(i), value), callTimeoutMs)) {
        const now = performance.now()
        this.#gapMs = Math.max(this.#gapMs, now - this.#last)
        this.#last = now
        continue
      }
      connection.close()
      await new Promise((resume) => setTimeout(resume, 2))
      node += 1
      connection = this.#connect(node)
    }
    connection.close()
  }

  #connect(node: number): EtcdConnection {
    return new EtcdConnection(this.#addresses[node % this.#addresses.length] ?? '')
  }
}
