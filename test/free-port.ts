import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

const lowest = 10_000
/** Above are those that systems give to outgoing connections, which could take a port while its node is down. */
const count = 20_000

/**
 * Nobody listens on it, and nobody else gets it from here as long as this process runs, in whatever process they ask: a
 * node that is down for a while finds its port free. Held by a UDP socket of the same number, which no TCP server notices.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * count)
    const claim = createSocket('udp4')
    if (!(await listens(claim, () => claim.bind(port, '127.0.0.1')))) continue
    const probe = createServer()
    if (await listens(probe, () => probe.listen(port, '127.0.0.1'))) {
      claim.unref()
      await new Promise((resolve) => probe.close(resolve))
      return port
    }
    claim.close()
  }
}

/** `127.0.0.1:14123`: see `freePort`. */
export const freeAddress = async (): Promise<string> => `127.0.0.1:${await freePort()}`

/** False where somebody else does. */
async function listens(socket: NodeJS.EventEmitter, begin: () => void): Promise<boolean> {
  begin()
  try {
    await once(socket, 'listening')
    return true
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE') return false
    throw cause
  }
}
