// After the damage: waits until the node is whole, or does what it asks for, and proves that the cluster can rely on it again.
import { cp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '../server/servers.ts'
import type { Account } from './account.ts'
import { adviceOf, fileToRemove, isComplete, isRoutine } from './advice.ts'
import type { Load } from './load.ts'
import type { Ended } from './replicas.ts'
import type { OutcomeKind } from './result.ts'
import { type Id, ids, othersOf, type Trio } from './trio.ts'

/** A node that stops itself is started again, as often as a supervisor would within such a time. */
const startsMax = 3
const wholeTimeoutMs = 20_000
/** An election, and some more of them under load. */
const goesOnTimeoutMs = 10_000
/** Of a node that has said itself that it needs its operator. */
const advisedTimeoutMs = 3_000

export interface AftermathOptions {
  readonly trio: Trio
  readonly load: Load
  readonly account: Account
  /** Whose directory was damaged. It was started. */
  readonly victim: Id
  /** The directories as they were before the damage. */
  readonly source: string
}

export interface Settled {
  readonly outcome: OutcomeKind
  readonly problems: readonly string[]
}

export class Aftermath {
  readonly #options: AftermathOptions
  readonly #problems: string[] = []
  #isRefused = false

  constructor(options: AftermathOptions) {
    this.#options = options
  }

  async settle(): Promise<Settled> {
    await this.#supervise()
    await this.#checkServing()
    if (this.#problems.length === 0) await this.#checkNeeded()
    await this.#close()
    return { outcome: this.#outcome, problems: this.#problems }
  }

  get #outcome(): OutcomeKind {
    if (this.#problems.length > 0) return 'failed'
    if (this.#isRefused) return 'refused'
    const { trio, victim } = this.#options
    const hasNews = trio.lives(victim).ended.length > 0 || trio.said(victim).some((message) => !isRoutine(message))
    return hasNews ? 'repaired' : 'unaffected'
  }

  /** Until the node is whole, or there is a problem. */
  async #supervise(): Promise<void> {
    const { trio, victim } = this.#options
    for (let starts = 1; ; starts++) {
      const ended = await this.#whole()
      if (ended === undefined) return
      this.#checkWords(ended)
      if (this.#problems.length > 0) return
      if (ended.kind === 'refused' && this.#isRefused) return this.#fail(`it was refused again after what it asked for: ${ended.message}`)
      if (starts === startsMax) return this.#fail(`it has stopped ${starts} times: ${ended.message}`)
      await trio.stop(victim)
      if (ended.kind === 'refused') await this.#obey(ended.message)
      else await trio.start(victim)
    }
  }

  /** `undefined` once it has applied what was committed when this was called; or why it has ended. */
  async #whole(): Promise<Ended | undefined> {
    const { trio, victim } = this.#options
    const statuses = await Promise.all(othersOf(victim).map((id) => trio.status(id)))
    const committed = Math.max(...statuses.map((status) => status?.commitIndex ?? 0))
    const find = async (): Promise<{ readonly ended: Ended | undefined } | undefined> => {
      const ended = trio.ended(victim)
      if (ended !== undefined) return { ended }
      const status = await trio.status(victim)
      const isVoter = status?.conf.voters.includes(victim) === true && status.conf.votersOutgoing.length === 0
      return status !== undefined && isVoter && status.lastApplied >= committed ? { ended: undefined } : undefined
    }
    const found = await eventually('node that is whole', find, wholeTimeoutMs).catch(() => undefined)
    if (found === undefined) this.#fail(`it is not whole within ${wholeTimeoutMs} ms: ${JSON.stringify(await trio.status(victim))}`)
    return found?.ended
  }

  async #checkServing(): Promise<void> {
    const { load } = this.#options
    if ((await load.goesOn({ timeoutMs: goesOnTimeoutMs })) === undefined) this.#fail(`the cluster does not serve: ${load.failures.at(-1)}`)
  }

  /** Without one of the others the cluster needs its acknowledgements, and, when that one leads, its vote. */
  async #checkNeeded(): Promise<void> {
    const { trio, victim, load } = this.#options
    const away = await this.#other()
    await trio.stop(away)
    const advice = trio.said(victim).find((message) => adviceOf(message) !== undefined)
    const timeoutMs = advice === undefined ? goesOnTimeoutMs : advisedTimeoutMs
    if ((await load.goesOn({ timeoutMs })) !== undefined) return
    const ended = await trio.start(away)
    if (ended !== undefined) return this.#fail(`node ${away} does not start again: ${ended.message}`)
    if (this.#isRefused || advice === undefined) return this.#fail(`it is up, and the cluster cannot do without node ${away}`)
    await trio.stop(victim)
    await this.#obey(advice)
    await this.#supervise()
    if (this.#problems.length === 0) await this.#checkNeeded()
  }

  async #other(): Promise<Id> {
    const { trio, victim } = this.#options
    const leader = await trio.leader()
    return leader === victim ? (othersOf(victim)[0] ?? leader) : leader
  }

  /** What the operator is told to do. */
  async #obey(message: string): Promise<void> {
    const { trio, victim, source } = this.#options
    this.#isRefused = true
    const dir = trio.dir(victim)
    switch (adviceOf(message)) {
      case 'join':
        await rename(dir, `${dir}.away`).catch(() => undefined)
        await trio.start(victim, { join: true })
        return await rm(`${dir}.away`, { recursive: true, force: true })
      case 'putBack':
        await rm(dir, { recursive: true, force: true })
        await cp(join(source, `node-${victim}`), dir, { recursive: true })
        return void (await trio.start(victim))
      case 'removeFile':
        await rm(fileToRemove(message) ?? '')
        return void (await trio.start(victim))
      case 'startAgain':
        return void (await trio.start(victim))
      default:
        return this.#fail(`it asks for nothing that could be done: ${message}`)
    }
  }

  #checkWords(ended: Ended): void {
    const { trio, victim } = this.#options
    if (ended.kind === 'crashed') this.#fail(`it has crashed: ${ended.message}`)
    else if (!isComplete(ended, trio.dir(victim))) this.#fail(`it was ${ended.kind} without a path or a way out: ${ended.message}`)
  }

  /** Lets all calls end, and compares what there is with the account and with each other. */
  async #close(): Promise<void> {
    const { trio, load, account } = this.#options
    if (this.#problems.length > 0) await Promise.all(ids.filter((id) => !trio.running.includes(id)).map((id) => trio.start(id)))
    account.close(await load.end())
    // Or else it is known already that one of them is not as the others.
    if (this.#problems.length > 0) return
    const alive = trio.running.filter((id) => trio.ended(id) === undefined)
    const comparison = await trio.compare(alive)
    if (comparison.kind === 'different') account.contradicted(comparison.what)
    else if (comparison.kind === 'late') this.#fail(comparison.what)
  }

  #fail(problem: string): void {
    this.#problems.push(problem)
  }
}
