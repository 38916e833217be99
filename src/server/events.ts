// What a node reports, told to the operator's log and to whoever listens.
import type { ConfState, SoftState } from '../core/index.ts'
import { unreachable } from '../core/invariant.ts'
import type { NodeEvent } from '../node/index.ts'
import { diskSentence } from './disk-sentence.ts'
import type { Logger } from './options.ts'

export interface ServerEvents {
  /** This node changed its role, term or leader. */
  role: [SoftState]
  /** The cluster has another configuration, and it is committed. */
  conf: [ConfState]
  handlerFailed: [Extract<NodeEvent, { kind: 'handlerFailed' }>]
  queryFailed: [Extract<NodeEvent, { kind: 'queryFailed' }>]
}
type Listeners = { readonly [E in keyof ServerEvents]: ((...args: ServerEvents[E]) => void)[] }

export class Events {
  readonly #nodeId: number
  readonly #logger: Logger
  readonly #listeners: Listeners = { role: [], conf: [], handlerFailed: [], queryFailed: [] }

  constructor(nodeId: number, logger: Logger) {
    this.#nodeId = nodeId
    this.#logger = logger
  }

  on<E extends keyof ServerEvents>(event: E, listener: (...args: ServerEvents[E]) => void): void {
    this.#listeners[event].push(listener)
  }

  report(event: NodeEvent): void {
    const node = `node ${this.#nodeId}`
    switch (event.kind) {
      case 'role':
        return this.#tell('role', event.softState)
      case 'confCommitted':
        this.#logger.info(`${node}: ${membersOf(event.conf)}`)
        return this.#tell('conf', event.conf)
      case 'handlerFailed': {
        const { command, stack, message } = event.failure
        this.#logger.error(`the handler of ${command} failed at index ${event.index}: ${stack ?? message}`)
        return this.#tell('handlerFailed', event)
      }
      case 'queryFailed':
        this.#logger.error(`a query failed: ${event.stack ?? event.message}`)
        return this.#tell('queryFailed', event)
      case 'snapshotTaken':
        return this.#logger.info(`${node} took a snapshot of entry ${event.index}, ${event.bytes} bytes, in ${Math.round(event.tookMs)} ms`)
      case 'snapshotFetching': {
        const { index, from, offset, bytes } = event
        return this.#logger.info(`${node} fetches the snapshot of entry ${index} from node ${from}: ${offset} of ${bytes} bytes`)
      }
      case 'snapshotInstalled':
        return this.#logger.info(`${node} goes on from the snapshot of entry ${event.index}`)
      case 'snapshotFailed':
        return this.#logger.warn(`${node} failed with the snapshot of entry ${event.index}: ${event.error.message}`)
      case 'logCompacted':
        return this.#logger.info(`the log of ${node} begins at entry ${event.firstIndex} now`)
      case 'diskFull':
      case 'diskHasRoom':
      case 'diskHung':
      case 'diskBack':
        return this.#logger.warn(diskSentence(this.#nodeId, event))
      default:
        unreachable(event)
    }
  }

  /** A listener that throws is a bug of its own, not one of the node: the turn it was called from goes on. */
  #tell<E extends keyof ServerEvents>(event: E, ...args: ServerEvents[E]): void {
    for (const listener of [...this.#listeners[event]]) {
      try {
        listener(...args)
      } catch (error) {
        this.#logger.error(`a listener of ${event} threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
      }
    }
  }
}

function membersOf({ voters, votersOutgoing, learners }: ConfState): string {
  const joint = votersOutgoing.length === 0 ? '' : `, of before ${votersOutgoing.join(', ')}`
  return `the voters are ${voters.join(', ')}${joint}${learners.length === 0 ? '' : `; the learners ${learners.join(', ')}`}`
}
