// The one place where sockets are made. TLS comes in here; nothing else in this folder knows what a socket is made of.
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net'
import { RaftgenError } from '../errors.ts'
import { formatAddress, parseAddress } from './address.ts'

export interface Listening {
  /** With the port that was taken, when 0 was asked for. */
  readonly address: string
  /** Takes no more connections; those that exist are their owner's. Resolves once they are gone too. */
  close(): Promise<void>
}

export interface ListenOptions {
  /** `host:port`. */
  readonly address: string
  onSocket(socket: Socket): void
  /** A connection could not be accepted, for want of file descriptors for instance. The others go on. */
  onError(error: Error): void
}

/** Throws BAD_OPTIONS, ADDRESS_IN_USE. */
export function listenOn({ address, onSocket, onError }: ListenOptions): Promise<Listening> {
  const { host, port } = parseAddress(address)
  const server = createServer({ noDelay: true }, onSocket)
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => reject(listenError(address, error))
    server.once('error', refuse)
    server.listen({ host, port }, () => {
      server.off('error', refuse)
      server.on('error', onError)
      resolve({ address: formatAddress({ host, port: portOf(server) ?? port }), close: () => closeServer(server) })
    })
  })
}

/** Connects in the background; what is written meanwhile waits. Throws BAD_OPTIONS. */
export function connectTo(address: string): Socket {
  return netConnect({ ...parseAddress(address), noDelay: true })
}

function listenError(address: string, error: NodeJS.ErrnoException): RaftgenError {
  if (error.code === 'EADDRINUSE') {
    return new RaftgenError('ADDRESS_IN_USE', `cannot listen on ${address}: another process listens there`, { cause: error })
  }
  return new RaftgenError('BAD_OPTIONS', `cannot listen on ${address}: ${error.message}`, { cause: error })
}

function portOf(server: Server): number | undefined {
  const bound = server.address()
  return typeof bound === 'object' ? bound?.port : undefined
}

const closeServer = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

/** Every address was tried, and at each a machine answered that nobody listens there. */
export function isRefused(error: Error | undefined): boolean {
  if (error instanceof AggregateError) return error.errors.every((one: unknown) => one instanceof Error && isRefused(one))
  return error !== undefined && 'code' in error && error.code === 'ECONNREFUSED'
}
