// The load on the leader of the bare path, in a process of its own: node client.js '["address"]'. Takes orders as `load/raftgen-client.ts` does.
import { once } from 'node:events'
import { connect } from 'node:net'
import { createHistogram } from 'node:perf_hooks'
import { type Load, type Loaded, loaded } from '../load/load.js'
import type { Answer, Order } from '../load/raftgen-client.js'
import { Arriving, answerBytes, putBytes } from './wire.js'

const [address = '']: string[] = JSON.parse(process.argv[2] ?? '[]')
const [host = '', port = ''] = address.split(':')
const tell = (answer: Answer): void => void process.send?.(answer)

async function run({ inFlight, connections, seconds, warmUpSeconds }: Load): Promise<Loaded> {
  const count = Math.min(connections, inFlight)
  const sockets = Array.from({ length: count }, () => connect({ host, port: Number(port), noDelay: true }))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  const latencies = createHistogram({ figures: 3 })
  const from = performance.now() + warmUpSeconds * 1_000
  const until = from + seconds * 1_000
  await Promise.all(
    sockets.map((socket, i) => {
      const arriving = new Arriving()
      /** When those under way were called, in order: so many at a time. */
      const called: { readonly at: number; puts: number }[] = []
      const call = (at: number, puts: number): void => {
        called.push({ at, puts })
        socket.write(Buffer.alloc(puts * putBytes, 7))
      }
      call(performance.now(), Math.floor(inFlight / count) + (i < inFlight % count ? 1 : 0))
      return new Promise<void>((resolve) => {
        socket.on('data', (bytes) => {
          const now = performance.now()
          let answers = 0
          arriving.add(bytes, (all, at) => {
            if (all.length - at < answerBytes) return 0
            answers += 1
            const [oldest] = called
            if (oldest === undefined) throw new Error('an answer to nothing')
            if (oldest.at >= from && now < until) latencies.record(Math.max(1, Math.round((now - oldest.at) * 1e6)))
            oldest.puts -= 1
            if (oldest.puts === 0) called.shift()
            return answerBytes
          })
          if (now < until) return void (answers > 0 && call(now, answers))
          socket.destroy()
          resolve()
        })
      })
    }),
  )
  return loaded(latencies, seconds, 0)
}

process.on('message', (order: Order) => {
  if (order.kind !== 'load') return tell({ kind: 'failed', message: `the bare path knows no ${order.kind}` })
  run(order.load).then(
    (result) => tell({ kind: 'loaded', loaded: result }),
    (error: unknown) => tell({ kind: 'failed', message: String(error) }),
  )
})
process.once('disconnect', () => process.exit(0))
tell({ kind: 'ready' })
