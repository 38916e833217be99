// Where a node is reached by the others, or by clients: what arrives is passed on to where the node listens. While nobody listens there the gate is shut,
// so that a process that has ended is told from a network that is silent, as it would be without a relay.
import { createServer, connect, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Chance } from '../../../src/sim/chance.ts'
import { decodePeerHello, preambleBytes } from '../../../src/wire/handshake.ts'
import { frameHeaderBytes } from '../../../src/wire/frame.ts'
import { Lane } from './lane.ts'
import type { Link, LinkState, Place } from './effect.ts'

export interface GateOptions {
  readonly node: number
  readonly kind: 'peer' | 'client'
  /** Where it is known to be. */
  readonly host: string
  readonly port: number
  /** Where it listens. */
  readonly target: { readonly host: string; readonly port: number }
  readonly chance: Chance
  link(link: Link): LinkState
}

export class Gate {
  readonly #options: GateOptions
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  /** Connections that were passed on, since the start. */
  passed = 0

  constructor(options: GateOptions) {
    this.#options = options
  }

  async open(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#onSocket(socket))
    this.#server = server
    server.listen(this.#options.port, this.#options.host)
    await once(server, 'listening')
  }

  /** Nobody is let in any more; who is in, stays. */
  shut(): void {
    this.#server?.close()
    this.#server = undefined
  }

  close(): void {
    this.shut()
    for (const socket of this.#sockets) socket.destroy()
  }

  #onSocket(near: Socket): void {
    if (this.#options.kind === 'client') return this.#pass(near, 'clients', [])
    // Who dials says so in its first frame, and waits for an answer before it says more.
    const early: Buffer[] = []
    this.#keep(near)
    const read = (chunk: Buffer): void => {
      early.push(chunk)
      const source = dialler(Buffer.concat(early))
      if (source === undefined) return
      near.off('data', read)
      near.pause()
      this.#pass(near, source, early)
    }
    near.on('data', read)
  }

  #pass(near: Socket, source: Place, early: readonly Buffer[]): void {
    const { node, chance, link } = this.#options
    const [there, back] = [link({ source, target: node }), link({ source: node, target: source })]
    this.#keep(near)
    near.pause()
    const dial = (): void => {
      const held = [there, back].find((one) => one.isHeld)
      if (held !== undefined) {
        held.countHeld()
        return held.whenFree(dial)
      }
      if (near.destroyed) return
      this.#dial(near, { there, back, early, chance })
    }
    dial()
  }

  #dial(
    near: Socket,
    { there, back, early, chance }: { there: LinkState; back: LinkState; early: readonly Buffer[]; chance: Chance },
  ): void {
    const far = connect({ ...this.#options.target, noDelay: true, allowHalfOpen: true })
    this.#keep(far)
    far.once('connect', () => {
      this.passed += 1
      const out = new Lane({ source: near, target: far, chance })
      const home = new Lane({ source: far, target: near, chance, beforeEnd: () => this.#probe() })
      out.join(there)
      home.join(back)
      for (const chunk of early) near.emit('data', chunk)
      near.resume()
      let open = 2
      for (const socket of [near, far]) {
        socket.once('close', () => {
          open -= 1
          if (open > 0) return
          out.close()
          home.close()
        })
      }
    })
    far.once('error', (error) => {
      if (near.destroyed) return
      if ('code' in error && error.code === 'ECONNREFUSED') this.shut()
      near.resetAndDestroy()
    })
  }

  /** Shuts the gate if nobody listens there any more: who is told of the end of a connection dials at once, and shall find out. */
  async #probe(): Promise<void> {
    const probe = connect(this.#options.target)
    const code = await new Promise((resolve) => {
      probe.once('connect', () => resolve(undefined))
      probe.once('error', (error) => resolve('code' in error ? error.code : 'none'))
    })
    probe.destroy()
    if (code === 'ECONNREFUSED') this.shut()
  }

  #keep(socket: Socket): void {
    if (this.#sockets.has(socket)) return
    this.#sockets.add(socket)
    // It ends its connection, which its lanes notice.
    socket.on('error', () => undefined)
    socket.once('close', () => this.#sockets.delete(socket))
  }
}

/** Who says that it dials, once it has. */
function dialler(bytes: Buffer): number | undefined {
  const start = preambleBytes + frameHeaderBytes
  if (bytes.length < start) return undefined
  const end = start + bytes.readUInt32BE(preambleBytes)
  return bytes.length < end ? undefined : decodePeerHello(bytes.subarray(start, end)).from
}
