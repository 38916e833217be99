import { once } from 'node:events'
import { createServer, connect as dial, type Server as TcpServer } from 'node:net'

/** Passes bytes on to `target`, as fast as it is told to: a slow link into one node. What it may not pass on yet it does not read. */
export class Relay {
  /** Bytes a second, each connection for itself. */
  bytesPerSecond = Number.POSITIVE_INFINITY
  readonly #server: TcpServer
  readonly #target: string

  private constructor(target: string) {
    this.#target = target
    this.#server = createServer({ noDelay: true }, (source) => {
      const [host = '', port = ''] = this.#target.split(':')
      const sink = dial({ host, port: Number(port), noDelay: true })
      const end = () => {
        source.destroy()
        sink.destroy()
      }
      for (const socket of [source, sink]) socket.on('error', end).on('close', end)
      sink.on('data', (chunk) => source.write(chunk))
      source.on('data', (chunk) => {
        sink.write(chunk)
        if (!Number.isFinite(this.bytesPerSecond)) return
        source.pause()
        setTimeout(() => source.resume(), (chunk.length / this.bytesPerSecond) * 1_000)
      })
    })
  }

  static async listen(target: string): Promise<Relay> {
    const relay = new Relay(target)
    relay.#server.listen(0, '127.0.0.1')
    await once(relay.#server, 'listening')
    return relay
  }

  get address(): string {
    const address = this.#server.address()
    return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  }

  close(): void {
    this.#server.close()
  }
}
