// What a node reports, told to the operator's log and to whoever listens.
import type { ConfState, SoftState } from '../core/index.ts'
import { unreachable } from '../core/invariant.ts'
import { haltSentence } from '../node/halt-sentence.ts'
import type { Halt, NodeEvent } from '../node/index.ts'
import { diskSentence } from './disk-sentence.ts'
import { divergenceSentence } from './divergence-sentence.ts'
import type { Logger } from './options.ts'

export interface ServerEvents {
  /** This node changed its role, term or leader. */
  role: [SoftState]
  /** The cluster has another configuration, and it is committed. */
  conf: [ConfState]
  handlerFailed: [Extract<NodeEvent, { kind: 'handlerFailed' }>]
  /** This node has stopped applying before a command whose handler fails. It takes part otherwise. */
  applyHalted: [Halt]
  queryFailed: [Extract<NodeEvent, { kind: 'queryFailed' }>]
  /** This node has a snapshot of its state, durable: how long that took, and how long it kept the node from anything else at a time. */
  snapshotTaken: [Extract<NodeEvent, { kind: 'snapshotTaken' }>]
  /** Not all replicas have the same state: see `NodeStatus.divergence`. */
  stateDiverged: [Extract<NodeEvent, { kind: 'stateDiverged' }>]
  /** Since when. */
  differenceFound: [Extract<NodeEvent, { kind: 'differenceFound' }>]
}
type Listeners = { readonly [E in keyof ServerEvents]: ((...args: ServerEvents[E]) => void)[] }

export class Events {
  readonly #nodeId: number
  readonly #logger: Logger
  readonly #listeners: Listeners = {
    role: [],
    conf: [],
    handlerFailed: [],
    applyHalted: [],
    queryFailed: [],
    snapshotTaken: [],
    stateDiverged: [],
    differenceFound: [],
  }

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
      case 'applyHalted': {
        const { halt, stack } = event
        this.#logger.error(`${haltSentence(this.#nodeId, halt)}${stack === undefined ? '' : `\n${stack}`}`)
        return this.#tell('applyHalted', halt)
      }
      case 'applyGoesOn':
        return this.#logger.warn(`entry ${event.index}, where ${node} had halted, is behind it`)
      case 'handlerFatal':
        // Why the node stops says the same.
        return
      case 'commandSkipped':
        return this.#logger.warn(`${node} has skipped the command at index ${event.index}: it counts as one whose handler failed`)
      case 'stateAstray': {
        const { index, skipIndex } = event
        const why = `it had applied the command at index ${index}, and entry ${skipIndex} says that it was to be skipped`
        return this.#logger.error(`${node} gives up its state, and fetches that of another node: ${why}`)
      }
      case 'queryFailed':
        this.#logger.error(`a query failed: ${event.stack ?? event.message}`)
        return this.#tell('queryFailed', event)
      case 'snapshotTaken': {
        const { index, bytes, tookMs, longestMs } = event
        const times = `in ${Math.round(tookMs)} ms, in steps of ${longestMs.toFixed(1)} ms at most`
        this.#logger.info(`${node} took a snapshot of entry ${index}, ${bytes} bytes, ${times}`)
        return this.#tell('snapshotTaken', event)
      }
      case 'snapshotFetching': {
        const { index, from, offset, bytes } = event
        return this.#logger.info(`${node} fetches the snapshot of entry ${index} from node ${from}: ${offset} of ${bytes} bytes`)
      }
      case 'snapshotInstalled':
        return this.#logger.info(`${node} goes on from the snapshot of entry ${event.index}`)
      case 'snapshotFailed':
        return this.#logger.warn(`${node} failed with the snapshot of entry ${event.index}: ${event.error.message}`)
      case 'forgotten':
        return this.#logger.error(`${node} ${forgottenOf(event)}`)
      case 'floorLearned':
        return this.#logger.warn(
          `${node} has heard from all the others what they hold: it may have acknowledged up to entry ${event.floor.index} of term ` +
            `${event.floor.term}, and votes for none that has less`,
        )
      case 'logRepaired': {
        const { firstIndex, lastIndex, from } = event
        const source = from === undefined ? 'what lay apart on its own disk' : `node ${from}`
        return this.#logger.info(`${node} has entries ${firstIndex} to ${lastIndex} again, from ${source}`)
      }
      case 'entriesMissing':
        return this.#logger.error(`${node} ${missingOf(event)}`)
      case 'logCompacted':
        return this.#logger.info(`the log of ${node} begins at entry ${event.firstIndex} now`)
      case 'diskFull':
      case 'diskHasRoom':
      case 'diskHung':
      case 'diskBack':
        return this.#logger.warn(diskSentence(this.#nodeId, event))
      case 'versionActive':
        return this.#logger.info(`${node} is of version ${event.version} of the schema now`)
      case 'versionRefused':
        return this.#logger.error(`${node}: version ${event.version} of the schema is not put in force: ${event.message}`)
      case 'stateDiverged':
        this.#logger.error(divergenceSentence(this.#nodeId, event))
        return this.#tell('stateDiverged', event)
      case 'differenceFound':
        this.#logger.error(divergenceSentence(this.#nodeId, event))
        return this.#tell('differenceFound', event)
      case 'statesAgree':
        return this.#logger.info(divergenceSentence(this.#nodeId, event))
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

function forgottenOf({ by, floor, votedTerm, lastIndex }: Extract<NodeEvent, { kind: 'forgotten' }>): string {
  const vote = votedTerm === undefined ? [] : [`voted for it in term ${votedTerm}`]
  const entry =
    floor === undefined ? [] : [`acknowledged entry ${floor.index} of term ${floor.term}, while its log ends with entry ${lastIndex}`]
  return (
    `has forgotten what node ${by} remembers: that it had ${[...vote, ...entry].join(', and ')}. An older copy of its directory was put back, or its ` +
    'disk has lost what it had stored. Until it has all of it again it does not lead, and votes for none that has less'
  )
}

function missingOf({ firstIndex, lastIndex, floor, lacking, silent }: Extract<NodeEvent, { kind: 'entriesMissing' }>): string {
  const nodes = (ids: readonly number[]): string => `${ids.length === 1 ? 'node' : 'nodes'} ${ids.join(', ')}`
  const range = firstIndex === lastIndex ? `entry ${firstIndex}` : `entry ${firstIndex}, and perhaps others up to ${lastIndex}`
  const have = lacking.length === 1 ? 'does not have it either' : 'do not have it either'
  const others = silent.length === 0 ? '' : `; no answer from ${nodes(silent)}`
  const way =
    silent.length === 0
      ? 'It is lost on all of them: put back a copy that has it, or accept the loss with `raftgen log repair --accept-loss`'
      : 'The cluster goes on when a node that has it is back'
  return `lacks ${range}, of what it held up to entry ${floor.index} of term ${floor.term}: ${lacking.length === 0 ? 'nobody was asked' : `${nodes(lacking)} ${have}`}${others}. Nobody may lead without it. ${way}`
}

function membersOf({ voters, votersOutgoing, learners }: ConfState): string {
  const joint = votersOutgoing.length === 0 ? '' : `, of before ${votersOutgoing.join(', ')}`
  return `the voters are ${voters.join(', ')}${joint}${learners.length === 0 ? '' : `; the learners ${learners.join(', ')}`}`
}
