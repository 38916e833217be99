// Loaded before a node's program: what the runtime writes and syncs fails, or is late, as its parent says. LevelDB's own calls do not come by here.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { isNodeOrder } from './orders.js'

let fault: 'none' | 'EIO' | 'slow' = 'none'
let delayMs = 0
let hits = 0

/** `call` with a callback as its last argument, which comes late, or with an error in its place. */
function spoilt(name: string, call: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return (...args) => {
    if (fault === 'none') return call(...args)
    hits += 1
    if (fault === 'slow') return void setTimeout(() => call(...args), delayMs)
    const done = args.at(-1)
    const error = Object.assign(new Error(`EIO: i/o error, ${name}`), { code: 'EIO', errno: -5, syscall: name })
    if (typeof done === 'function') setImmediate(() => done(error))
    return undefined
  }
}

for (const name of ['write', 'fsync', 'fdatasync'] as const) {
  const call: unknown = fs[name]
  if (typeof call === 'function') Object.assign(fs, { [name]: spoilt(name, (...args) => Reflect.apply(call, fs, args)) })
}
syncBuiltinESMExports()

process.on('message', (order) => {
  if (!isNodeOrder(order) || order.kind !== 'disk') return
  fault = order.fault
  delayMs = order.delayMs
  process.send?.({ kind: 'disk', hits }, undefined, undefined, () => {})
})
