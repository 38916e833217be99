// One case: the damage, and what comes of it. What is promised of it: the node is repaired without an operator, or says where what is damaged and
// what to do about it, and that works; and whatever it is, clients see nothing of it.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '../server/servers.ts'
import { Account, type Verdict } from './account.ts'
import { Aftermath } from './aftermath.ts'
import { chanceOf, type DiskCase } from './cases.ts'
import { newest, log } from './files.ts'
import type { Moment, Target } from './harm.ts'
import { Load } from './load.ts'
import type { Prepared } from './prepared.ts'
import type { OutcomeKind, Result } from './result.ts'
import { type Id, ids, othersOf, type Trio } from './trio.ts'

/** LevelDB's log is in blocks of 32 KiB: by then a record crosses a border of them. */
const logBytesMin = 40 * 1_024
/** Calls answered between the damage of a file under a running node and the end of that node. */
const callsMeanwhile = 30
/** A few elections that might have been. Milliseconds. */
const watchedMs = 1_500

export async function runCase(prepared: Prepared, one: DiskCase, { seed }: { readonly seed: number }): Promise<Result> {
  const begun = performance.now()
  const trial = new Trial(prepared, one, seed)
  const { outcome, problems } = await trial.run()
  const { isEndedBySignal } = trial
  const { lost, wrong } = trial.verdict
  const tookMs = Math.round(performance.now() - begun)
  return { name: one.name, kind: one.harm.kind, outcome, isEndedBySignal, problems, lost, wrong, said: trial.said, tookMs }
}

class Trial {
  readonly #trio: Trio
  readonly #case: DiskCase
  readonly #target: Target
  readonly #victim: Id
  readonly #source: string
  readonly #account: Account
  isEndedBySignal = false
  #load: Load | undefined

  constructor(prepared: Prepared, one: DiskCase, seed: number) {
    const chance = chanceOf(seed, one)
    const isApart = one.moment === 'behind' || one.moment === 'leading'
    this.#trio = prepared.trio
    this.#case = one
    // Of those apart, 2 is the one that lacks the end.
    this.#victim = isApart ? chance.pick([1, 3] as const) : chance.pick(ids)
    this.#source = isApart ? prepared.apart : prepared.level
    this.#account = new Account(isApart ? prepared.numbers.apart : prepared.numbers.level)
    const [peer] = othersOf(this.#victim).filter((id) => id !== 2)
    const of = (source: string, id: Id): string => join(source, `node-${id}`)
    this.#target = {
      dir: this.#trio.dir(this.#victim),
      older: of(prepared.older, this.#victim),
      peer: of(this.#source, peer ?? 2),
      foreign: of(prepared.other, this.#victim),
      chance,
    }
  }

  get verdict(): Verdict {
    return this.#account.verdict
  }

  get said(): readonly string[] {
    const { ended } = this.#trio.lives(this.#victim)
    return [...this.#trio.said(this.#victim), ...ended.map(({ kind, message }) => `${kind}: ${message}`)]
  }

  async run(): Promise<{ readonly outcome: OutcomeKind; readonly problems: readonly string[] }> {
    await this.#trio.restore(this.#source)
    try {
      await this.#happen(this.#case.moment)
      const load = this.#load
      if (load === undefined) throw new Error('the case has no load')
      const aftermath = new Aftermath({ trio: this.#trio, load, account: this.#account, victim: this.#victim, source: this.#source })
      return await aftermath.settle()
    } catch (thrown) {
      return { outcome: 'failed', problems: [thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)] }
    } finally {
      await this.#load?.close()
      await this.#trio.stopAll()
    }
  }

  async #happen(moment: Moment): Promise<void> {
    switch (moment) {
      case 'at rest':
        return await this.#atRest()
      case 'all at rest':
        return await this.#allAtRest()
      case 'behind':
        return await this.#behind()
      case 'running':
        return await this.#running()
      case 'leading':
        return await this.#leading()
      default:
        throw new Error(`no such moment: ${String(moment satisfies never)}`)
    }
  }

  async #atRest(): Promise<void> {
    await this.#start(othersOf(this.#victim))
    await this.#underLoad()
    await this.#case.harm.harm(this.#target)
    await this.#trio.start(this.#victim)
  }

  async #allAtRest(): Promise<void> {
    await this.#case.harm.harm(this.#target)
    await Promise.all([this.#beginLoad(), this.#trio.start(this.#victim), this.#start(othersOf(this.#victim))])
  }

  /** Together with one that lacks what it may have lost, it is a majority. */
  async #behind(): Promise<void> {
    await this.#case.harm.harm(this.#target)
    const load = this.#beginLoad()
    await Promise.all([this.#trio.start(this.#victim), this.#start([2])])
    await (await load).goesOn({ timeoutMs: watchedMs })
    await this.#start(othersOf(this.#victim).filter((id) => id !== 2))
  }

  async #running(): Promise<void> {
    await Promise.all([this.#start(othersOf(this.#victim)), this.#startProcess()])
    await this.#underLoad()
    await this.#damageRunning()
  }

  /** What it has of the log is needed by one that starts when it is damaged. */
  async #leading(): Promise<void> {
    const others = othersOf(this.#victim).filter((id) => id !== 2)
    await this.#startProcess()
    await this.#start(others)
    await this.#underLoad()
    await this.#trio.lead(this.#victim)
    await this.#damageRunning(async () => await this.#start([2]))
  }

  async #damageRunning(then: () => Promise<void> = async () => undefined): Promise<void> {
    const { dir } = this.#target
    await eventually('log of some size', async () => ((await stat(await newest(log, dir))).size > logBytesMin ? true : undefined))
    await this.#case.harm.harm(this.#target)
    await then()
    await this.#load?.goesOn({ calls: callsMeanwhile, timeoutMs: 5_000 })
    await this.#trio.stop(this.#victim)
    for (const { kind, signal, message } of this.#trio.lives(this.#victim).ended) {
      if (kind === 'crashed' && signal === undefined) throw new Error(`it has crashed as it ran: ${message}`)
      this.isEndedBySignal ||= signal !== undefined
    }
    await this.#trio.start(this.#victim)
  }

  async #startProcess(): Promise<void> {
    const { ended } = await this.#trio.startProcess(this.#victim)
    if (ended !== undefined) throw new Error(`node ${this.#victim} does not start undamaged: ${ended.message}`)
  }

  async #start(which: readonly Id[]): Promise<void> {
    const all = await Promise.all(which.map((id) => this.#trio.start(id)))
    for (const ended of all) if (ended !== undefined) throw new Error(`an undamaged node does not start: ${ended.message}`)
  }

  async #underLoad(): Promise<void> {
    const load = await this.#beginLoad()
    if ((await load.goesOn()) === undefined) throw new Error('undamaged nodes do not serve')
  }

  async #beginLoad(): Promise<Load> {
    this.#load = await Load.start({ account: this.#account, servers: this.#trio.servers })
    return this.#load
  }
}
