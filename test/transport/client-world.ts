// A server and clients for the tests of the client port.
import type { RaftgenError } from '../../src/errors.ts'
import { ClientListener, type ClientListenerOptions } from '../../src/transport/client-listener.ts'
import { type ClientLink, type DialClientOptions, dialClient } from '../../src/transport/dial-client.ts'
import { writeClientMessage } from '../../src/wire/client-codec.ts'
import type { ClientMessage, Commands, Hello, ServerMessage, Welcome } from '../../src/wire/client-messages.ts'
import { FrameWriter } from '../../src/wire/frame.ts'
import { encodePreamble } from '../../src/wire/handshake.ts'
import { closeLater } from './world.ts'

export const hello: Hello = { kind: 'Hello', clusterId: '', machine: 'locks', version: 1, wire: 'abcd' }
export const welcome: Welcome = {
  kind: 'Welcome',
  clusterId: 'c1',
  nodeId: 1,
  leader: { id: 1, client: '127.0.0.1:1' },
  servers: [],
  commandBytesMax: 1_048_576,
  keepAliveMs: 1_000,
  version: 0,
}
export const commands = (seq: number, bytes = 8): Commands => ({
  kind: 'Commands',
  session: 1,
  ackedBelow: 0,
  items: [{ seq, command: new Uint8Array(bytes) }],
})
export const replies = (seq: number, bytes = 8): ServerMessage => ({
  kind: 'Replies',
  session: 1,
  items: [{ seq, index: seq, reply: new Uint8Array(bytes), refused: undefined }],
})

export interface TestServer {
  readonly listener: ClientListener
  readonly opened: { readonly connection: number; readonly hello: Hello }[]
  readonly closed: number[]
  readonly messages: { readonly connection: number; readonly message: ClientMessage }[]
  readonly errors: string[]
}
/** A listener that welcomes everyone, then does what `onMessage` says. */
export async function serve(
  options: Partial<ClientListenerOptions> = {},
  onMessage: (listener: ClientListener, connection: number, message: ClientMessage) => void = () => {},
): Promise<TestServer> {
  const opened: { connection: number; hello: Hello }[] = []
  const closed: number[] = []
  const messages: { connection: number; message: ClientMessage }[] = []
  const errors: string[] = []
  const listener: ClientListener = await ClientListener.listen({
    address: '127.0.0.1:0',
    handlers: {
      open: (connection, greeting) => {
        opened.push({ connection, hello: greeting })
        listener.send(connection, [welcome])
      },
      message: (connection, message) => {
        messages.push({ connection, message })
        onMessage(listener, connection, message)
      },
      closed: (connection) => void closed.push(connection),
    },
    onError: (error) => void errors.push(error.message),
    ...options,
  })
  closeLater(() => listener.close())
  return { listener, opened, closed, messages, errors }
}

/** Replies to each command with its own number. */
export const echo = (listener: ClientListener, connection: number, message: ClientMessage): void => {
  if (message.kind === 'Commands')
    listener.send(
      connection,
      message.items.map(({ seq }) => replies(seq)),
    )
}

export interface TestClient {
  readonly link: ClientLink
  readonly messages: ServerMessage[]
  /** What `closed` was called with, each time. */
  readonly closed: (RaftgenError | undefined)[]
  /** Sequence numbers of the replies so far. */
  seqs(): number[]
}
export function dial(address: string, options: Partial<DialClientOptions> = {}): TestClient {
  const messages: ServerMessage[] = []
  const closed: (RaftgenError | undefined)[] = []
  const link = dialClient({
    address,
    hello,
    events: { message: (message) => void messages.push(message), closed: (error) => void closed.push(error) },
    ...options,
  })
  closeLater(() => link.close())
  return { link, messages, closed, seqs: () => messages.flatMap((one) => (one.kind === 'Replies' ? one.items.map(({ seq }) => seq) : [])) }
}

export function framesOf(...messages: readonly ClientMessage[]): Uint8Array {
  const frames = new FrameWriter()
  for (const message of messages) writeClientMessage(frames, message)
  return frames.take()
}
/** What a client says before anything else. */
export const opening: Buffer = Buffer.concat([encodePreamble({ role: 'client' }), framesOf(hello)])
