import { RaftgenError } from '../errors.ts'
import type { MachineIdentity } from '../session/api.ts'
import type { Answer, Caller, CallOptions, QueryOptions, Settle, Token } from '../session/caller.ts'
import { dialClient } from '../transport/dial-client.ts'
import type { LeaderHint, NodeStatus } from '../wire/client-messages.ts'
import { nodeStatus } from './node-status.ts'
import { type ClientOptions, checkClientOptions } from './options.ts'
import { Shell } from './shell.ts'

/**
 * A client of bytes: commands and queries of any machine, without generated code. It finds the leader, stays with it through failover, and
 * settles each call exactly once. Commands take effect in the order of the calls, each at most once, however often they are sent.
 * A connected client keeps its process alive, like any socket; close it.
 */
export class Client {
  readonly #shell: Shell
  readonly #dialled: Pick<ClientOptions, 'dial' | 'machine'>

  private constructor(shell: Shell, options: ClientOptions) {
    this.#shell = shell
    this.#dialled = options
  }

  /**
   * Resolves once any member of the cluster has answered; that there is a leader is not waited for. Throws BAD_OPTIONS, UNAVAILABLE after
   * `timeoutMs`, ABORTED, and CLUSTER_MISMATCH, MACHINE_MISMATCH or PROTOCOL_MISMATCH when no given server will have this client.
   */
  static async connect(options: ClientOptions): Promise<Client> {
    return new Client(await connectShell(options), options)
  }

  /** For generated code: callbacks in place of promises. Bytes given to it must not be changed until the call is settled. */
  get caller(): Caller {
    return this.#shell
  }

  /** The leader that was last heard of, for logs. Calls go there by themselves. */
  get leader(): LeaderHint | undefined {
    return this.#shell.leader
  }

  /**
   * Appends `command` to the log and applies it. Resolves with the machine's reply once it is applied, and so on the disks of a majority.
   * Rejects with a `RaftgenError` whose `outcome` says whether it may have been applied.
   */
  propose(command: Uint8Array, options?: CallOptions): Promise<Answer> {
    return new Promise((resolve, reject) => this.#shell.command(copyOf(command), options, settleWith(resolve, reject)))
  }

  /** Asks the machine, without the log. Default: reflects every command that was acknowledged to anyone before this call. */
  query(query: Uint8Array, options?: QueryOptions): Promise<Answer> {
    return new Promise((resolve, reject) => this.#shell.query(copyOf(query), options, settleWith(resolve, reject)))
  }

  /** How the connected node is, from its own view. Throws UNAVAILABLE while none is connected. `digest`: see `nodeStatus`. */
  async status(options: { readonly timeoutMs?: number; readonly digest?: boolean } = {}): Promise<NodeStatus> {
    const address = this.#shell.connectedTo
    if (address === undefined) {
      throw new RaftgenError('UNAVAILABLE', `no server is connected; tried ${this.#shell.tried}`, { outcome: 'none' })
    }
    const { dial, machine } = this.#dialled
    return nodeStatus({ ...options, address, ...(dial === undefined ? {} : { dial }), ...(machine === undefined ? {} : { machine }) })
  }

  /** Covers everything that this client was acknowledged or has read so far: for `atLeast`, here or at another client of the cluster. */
  get token(): Token {
    return this.#shell.token
  }

  /**
   * Ends the session and the connections. Calls that are not answered end with CLOSED, or OUTCOME_UNKNOWN where they may have been applied;
   * later calls with CLOSED. Calling it again does nothing more.
   */
  close(): Promise<void> {
    return this.#shell.close()
  }
}

/** What generated clients stand on. Options and errors as those of `Client.connect`; `descriptor` names the machine. */
export function connect(descriptor: MachineIdentity, options: ClientOptions): Promise<Caller> {
  const { name, version, wire } = descriptor
  return connectShell({ ...options, machine: { name, version, wire } })
}

async function connectShell(options: ClientOptions): Promise<Shell> {
  checkClientOptions(options)
  const shell = new Shell(options, options.dial ?? dialClient)
  const { signal } = options
  try {
    await new Promise<void>((resolve, reject) => {
      shell.connected(signal === undefined ? {} : { signal }, (error) => (error === undefined ? resolve() : reject(error)))
    })
    return shell
  } catch (error) {
    await shell.close()
    throw error
  }
}

/** The caller may change his bytes as soon as the call has returned, and keep ours without keeping a whole frame in memory. */
const copyOf = (bytes: Uint8Array): Uint8Array => (bytes instanceof Uint8Array ? new Uint8Array(bytes) : bytes)

const settleWith =
  (resolve: (answer: Answer) => void, reject: (error: RaftgenError) => void): Settle =>
  (error, answer) => {
    if (answer === undefined) reject(error ?? new RaftgenError('INTERNAL', 'a call was settled without an answer and without an error'))
    else resolve({ index: answer.index, reply: new Uint8Array(answer.reply) })
  }
