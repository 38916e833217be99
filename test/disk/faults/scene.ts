// Three processes under load, of which one or all meet a fault; and what must be true afterwards.
import { eventually } from '../../server/servers.ts'
import { Account, type Verdict } from '../account.ts'
import { adviceOf, isComplete, isRoutine } from '../advice.ts'
import { Load } from '../load.ts'
import type { Ended, ProcessReplica, Wrap } from '../replicas.ts'
import { type Id, ids, othersOf, Trio } from '../trio.ts'

const goesOnTimeoutMs = 30_000
const endsTimeoutMs = 60_000
/** A node looks once a second. */
const noticesTimeoutMs = 5_000
const levelTimeoutMs = 60_000

export class Scene {
  readonly trio: Trio
  readonly load: Load
  readonly #account: Account
  readonly #replicas: Map<Id, ProcessReplica>
  /** What the nodes have said, and how they ended. */
  readonly said: string[] = []

  private constructor({ trio, load, account, replicas }: { trio: Trio; load: Load; account: Account; replicas: Map<Id, ProcessReplica> }) {
    this.trio = trio
    this.load = load
    this.#account = account
    this.#replicas = replicas
  }

  /** `dirs`: where the nodes have their directories. Default: in a temporary folder. */
  static async open(dirs?: ReadonlyMap<Id, string>): Promise<Scene> {
    const trio = await Trio.bootstrap(dirs === undefined ? {} : { dirs })
    try {
      const replicas = new Map<Id, ProcessReplica>()
      for (const id of ids) replicas.set(id, await trio.startProcess(id))
      const account = new Account()
      const load = await Load.start({ account, servers: trio.servers })
      return new Scene({ trio, load, account, replicas })
    } catch (thrown) {
      await trio.dispose()
      throw thrown
    }
  }

  get verdict(): Verdict {
    return this.#account.verdict
  }

  async one(role: 'leader' | 'follower'): Promise<Id> {
    const leader = await this.trio.leader()
    return role === 'leader' ? leader : (othersOf(leader)[0] ?? leader)
  }

  replica(id: Id): ProcessReplica {
    const replica = this.#replicas.get(id)
    if (replica === undefined) throw new Error(`node ${id} has never run`)
    return replica
  }

  /** Calls that begin now are answered. */
  async serves(when: string, { calls = 5, timeoutMs = goesOnTimeoutMs } = {}): Promise<void> {
    if ((await this.load.goesOn({ calls, timeoutMs })) !== undefined) return
    throw new Error(`the cluster does not serve ${when}: ${this.load.failures.at(-1) ?? 'calls wait'}`)
  }

  /** Once every node that runs knows that its disk is full. Until then it takes writes, into a journal that has its size already, and keeps them. */
  async noticesFull(): Promise<void> {
    const knows = async (id: Id): Promise<boolean> =>
      this.replica(id).ended !== undefined || (await this.trio.status(id))?.disk.isFull === true
    const allKnow = async () => (await Promise.all(ids.map(knows))).every((known) => known) || undefined
    await eventually('every node to know that its disk is full', allKnow, noticesTimeoutMs)
  }

  /** Once node `id` has ended by itself: it has said where what went wrong, and what to do. */
  async ends(id: Id): Promise<Ended> {
    const replica = this.replica(id)
    const ended = await eventually('end', () => replica.ended, endsTimeoutMs).catch(() => undefined)
    if (ended === undefined) throw new Error(`node ${id} goes on in spite of the fault`)
    await replica.closed
    this.checkWords(id, ended)
    return ended
  }

  checkWords(id: Id, ended: Ended): void {
    this.said.push(`node ${id} ${ended.kind}: ${ended.message}`)
    if (ended.kind === 'crashed') throw new Error(`node ${id} has crashed: ${ended.message}`)
    if (!isComplete(ended, this.trio.dir(id))) throw new Error(`node ${id} was ${ended.kind} without a path or a way out: ${ended.message}`)
  }

  async stop(id: Id): Promise<void> {
    this.#heard(this.replica(id).said, id)
    await this.trio.stop(id)
  }

  /** `undefined`, or why it does not run. */
  async start(id: Id, wrap: Wrap = {}): Promise<Ended | undefined> {
    const replica = await this.trio.startProcess(id, wrap)
    this.#replicas.set(id, replica)
    return replica.ended
  }

  /** Starts what does not run, as a supervisor does, and waits until all three hold the same. */
  async heals(): Promise<void> {
    await this.#startAll()
    await this.serves('once the fault is over')
    // What a node met before it was over it may notice only now.
    await this.#startAll()
    this.#account.close(await this.load.end())
    const comparison = await this.trio.compare(ids, levelTimeoutMs)
    for (const id of ids) this.#heard(this.replica(id).said, id)
    if (comparison.kind === 'different') this.#account.contradicted(comparison.what)
    else if (comparison.kind === 'late') throw new Error(comparison.what)
  }

  async #startAll(): Promise<void> {
    for (const id of ids) {
      const { ended: before } = this.replica(id)
      if (before !== undefined && this.trio.running.includes(id)) {
        this.checkWords(id, before)
        await this.stop(id)
      }
      const ended = this.trio.running.includes(id) ? undefined : await this.start(id)
      if (ended === undefined) continue
      this.checkWords(id, ended)
      throw new Error(`node ${id} does not start once the fault is over, and asks to ${adviceOf(ended.message)}: ${ended.message}`)
    }
  }

  #heard(messages: readonly string[], id: Id): void {
    this.said.push(...messages.filter((message) => !isRoutine(message)).map((message) => `node ${id}: ${message}`))
  }

  async close(): Promise<void> {
    await this.load.close()
    await this.trio.dispose()
  }
}
