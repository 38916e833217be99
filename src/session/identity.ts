import { RaftgenError } from '../errors.ts'
import type { Hello, Welcome } from '../wire/client-messages.ts'
import type { MachineIdentity } from './api.ts'
import type { Token } from './caller.ts'

const anyMachine: MachineIdentity = { name: '', version: 0, wire: '' }

/** Who a client is, and to which cluster it belongs: once a server has said so, no other cluster will do. */
export class Identity {
  readonly #machine: MachineIdentity
  #clusterId: string
  #version = 0

  constructor({ clusterId = '', machine = anyMachine }: { readonly clusterId?: string; readonly machine?: MachineIdentity }) {
    this.#clusterId = clusterId
    this.#machine = machine
  }

  /** Empty until the first Welcome. */
  get clusterId(): string {
    return this.#clusterId
  }

  /** Of the schema, in force in the cluster, as far as any server has said: it never falls. 0: none has. */
  get version(): number {
    return this.#version
  }

  /** A server says again what it knows. */
  learn({ version }: Welcome): void {
    this.#version = Math.max(this.#version, version)
  }

  hello(): Hello {
    const { name, version, wire } = this.#machine
    return { kind: 'Hello', clusterId: this.#clusterId, machine: name, version, wire }
  }

  /** Why the server at `address` is of no use, or nothing. */
  admit(address: string, welcome: Welcome): string | undefined {
    const { clusterId } = welcome
    if (this.#clusterId !== '' && clusterId !== this.#clusterId)
      return `${address} belongs to cluster ${clusterId}, this client to ${this.#clusterId}`
    this.#clusterId = clusterId
    this.learn(welcome)
    return undefined
  }

  /** What is wrong with a token, as far as the cluster is known. */
  refuse(token: Token | undefined): RaftgenError | undefined {
    if (token === undefined || this.#clusterId === '' || token.clusterId === this.#clusterId) return undefined
    return new RaftgenError('CLUSTER_MISMATCH', `the token is of cluster ${token.clusterId}, this client belongs to ${this.#clusterId}`)
  }
}
