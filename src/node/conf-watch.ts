// What the host of a node must know of the configuration: whom to dial, whom to turn away, and that this node is a member no more.
import type { ConfState, Ms, NodeId } from '../core/index.ts'
import { afterRemoval, RaftgenError } from '../errors.ts'
import type { NodePorts } from './options.ts'

export interface ConfWatchPorts extends Pick<NodePorts, 'confChanged' | 'report' | 'fail'> {
  readonly id: NodeId
  readonly clusterId: string
  readonly incarnation: number
  /** How long a node that was removed goes on, so that others hear from it what they need to hear. */
  readonly electionTimeoutMs: Ms
}

export class ConfWatch {
  readonly #ports: ConfWatchPorts
  /** As the host knows them. */
  #conf: ConfState
  #committed: ConfState
  #removal: { readonly at: Ms; readonly why: string } | undefined

  constructor(ports: ConfWatchPorts, { conf, committedConf }: Confs) {
    this.#ports = ports
    this.#conf = conf
    this.#committed = committedConf
  }

  turn({ conf, committedConf }: Confs, now: Ms): void {
    if (conf !== this.#conf || committedConf !== this.#committed) this.#changed({ conf, committedConf })
    this.#removal ??= this.#removed(now)
    if (this.#removal === undefined || now - this.#removal.at < this.#ports.electionTimeoutMs) return
    this.#ports.fail(new RaftgenError('NODE_REMOVED', this.#removal.why))
  }

  #changed({ conf, committedConf }: Confs): void {
    const isNewlyCommitted = committedConf !== this.#committed
    this.#conf = conf
    this.#committed = committedConf
    this.#ports.confChanged(conf, committedConf)
    if (isNewlyCommitted) this.#ports.report({ kind: 'confCommitted', conf: committedConf })
  }

  #removed(at: Ms): { readonly at: Ms; readonly why: string } | undefined {
    const { id, clusterId, incarnation } = this.#ports
    const { members, removed } = this.#committed
    if (removed.includes(id)) return { at, why: `node ${id} was removed from cluster ${clusterId}: ${afterRemoval.removed}` }
    const now = members.find((member) => member.id === id)?.incarnation ?? incarnation
    if (now <= incarnation) return undefined
    return {
      at,
      why: `node ${id} is in cluster ${clusterId} with incarnation ${now}: this one, ${incarnation}, has been replaced; ${afterRemoval.replaced}`,
    }
  }
}

export interface Confs {
  readonly conf: ConfState
  readonly committedConf: ConfState
}
