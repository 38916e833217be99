// A host of its own for each node, as far as its network is concerned: a namespace with one interface, all on one bridge. Packets are dropped where they
// arrive, so that connections hang half-open; nobody is told. Root's alone, and gone in the end.
import { spawnSync } from 'node:child_process'
import { firstReason, missingRoot, missingTools, output } from '../disk/faults/tools.ts'
import type { Addresses, Disturbance, Network } from './network.ts'
import type { EffectKind, Link, Place } from './relay/effect.ts'

const peerPort = 7_001
const clientPort = 7_101
/** Of the bridge, from where clients come. */
const bridgeHost = 254
const table = 'raftgen'

export const missingNamespaces = async (): Promise<string | undefined> =>
  await firstReason(
    missingRoot,
    () => missingTools(['ip', 'nft']),
    async () => {
      const probe = new Namespaces([1])
      try {
        await probe.make()
        return undefined
      } catch (thrown) {
        return `namespaces do not work here: ${thrown instanceof Error ? thrown.message.trim().split('\n').at(-1) : String(thrown)}`
      } finally {
        await probe.close()
      }
    },
  )

export class Namespaces implements Network {
  readonly #ids: readonly number[]
  /** Two runs at once have other ones. */
  readonly #subnet = `10.213.${process.pid % 256}`
  readonly #bridge = `rg${process.pid}b`
  readonly #remove = (): void => removeAll(this.#namespaces, this.#bridge)
  #disturbances = 0
  #canThrottle = false

  constructor(ids: readonly number[]) {
    this.#ids = ids
  }

  static async create(ids: readonly number[]): Promise<Namespaces> {
    const namespaces = new Namespaces(ids)
    try {
      await namespaces.make()
      return namespaces
    } catch (thrown) {
      await namespaces.close()
      throw thrown
    }
  }

  /** For `create`, and to find out whether it can be done. */
  async make(): Promise<void> {
    process.prependOnceListener('exit', this.#remove)
    await ip('link', 'add', this.#bridge, 'type', 'bridge')
    await ip('addr', 'add', `${this.#subnet}.${bridgeHost}/24`, 'dev', this.#bridge)
    await ip('link', 'set', this.#bridge, 'up')
    for (const id of this.#ids) await this.#makeOne(id)
    this.#canThrottle = await this.#tried(this.#ids[0] ?? 1)
  }

  known(id: number): Addresses {
    const host = this.#host(id)
    return { peer: `${host}:${peerPort}`, client: `${host}:${clientPort}` }
  }

  listens(id: number): Addresses {
    return this.known(id)
  }

  wrap(id: number): readonly string[] {
    return ['ip', 'netns', 'exec', this.#name(id)]
  }

  up(): Promise<void> {
    return Promise.resolve()
  }

  can(kind: EffectKind['kind']): boolean {
    return kind === 'hold' || (kind === 'throttle' && this.#canThrottle)
  }

  async apply(links: readonly Link[], does: EffectKind): Promise<Disturbance> {
    if (does.kind === 'hold') return await this.#drop(links)
    if (does.kind === 'throttle') return await this.#throttle(links, does.bytesPerSecond)
    throw new Error(`namespaces cannot ${does.kind}`)
  }

  close(): Promise<void> {
    process.off('exit', this.#remove)
    this.#remove()
    return Promise.resolve()
  }

  async #makeOne(id: number): Promise<void> {
    const [name, outer] = [this.#name(id), `rg${process.pid}n${id}`]
    await ip('netns', 'add', name)
    await ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    await ip('link', 'set', outer, 'master', this.#bridge)
    await ip('link', 'set', outer, 'up')
    await ip('-n', name, 'addr', 'add', `${this.#host(id)}/24`, 'dev', 'eth0')
    await ip('-n', name, 'link', 'set', 'eth0', 'up')
    await ip('-n', name, 'link', 'set', 'lo', 'up')
    const chains = [`in { type filter hook input priority 0; }`, `out { type filter hook output priority 0; }`]
    await this.#nft(id, [`add table inet ${table}`, ...chains.map((chain) => `add chain inet ${table} ${chain}`)].join('; '))
  }

  async #drop(links: readonly Link[]): Promise<Disturbance> {
    const mark = `d${++this.#disturbances}`
    const rules = new Map<number, string[]>()
    for (const { source, target } of links) {
      // At the node itself: to clients on the way out, else where it arrives.
      const at = target === 'clients' ? source : target
      if (typeof at !== 'number') continue
      const which = target === 'clients' ? `out ip daddr ${this.#host(target)}` : `in ip saddr ${this.#host(source)}`
      const known = rules.get(at) ?? []
      rules.set(at, [...known, `add rule inet ${table} ${which} counter drop comment "${mark}"`])
    }
    const nodes = [...rules]
    await Promise.all(nodes.map(([id, add]) => this.#nft(id, add.join('; '))))
    return {
      hits: async () => {
        const listed = await Promise.all(nodes.map(([id]) => this.#rules(id, mark)))
        return listed.flat().reduce((sum, { packets }) => sum + packets, 0)
      },
      end: async () => {
        await Promise.all(
          nodes.map(async ([id]) => {
            const gone = (await this.#rules(id, mark)).map(({ chain, handle }) => `delete rule inet ${table} ${chain} handle ${handle}`)
            await this.#nft(id, gone.join('; '))
          }),
        )
      },
    }
  }

  /** All that a source sends: its interface knows no links. */
  async #throttle(links: readonly Link[], bytesPerSecond: number): Promise<Disturbance> {
    const sources = [...new Set(links.map(({ source }) => source))].filter((source) => typeof source === 'number')
    for (const id of sources) await tc(this.#name(id), 'add', 'tbf', 'rate', `${bytesPerSecond * 8}bit`, 'burst', '16kb', 'latency', '2s')
    return {
      hits: async () => {
        const shown = await Promise.all(
          sources.map((id) => output('ip', ['netns', 'exec', this.#name(id), 'tc', '-s', 'qdisc', 'show', 'dev', 'eth0'])),
        )
        return shown.reduce((sum, text) => sum + Number(/(\d+) pkt/.exec(text)?.[1] ?? 0), 0)
      },
      end: async () => {
        for (const id of sources) await tc(this.#name(id), 'del')
      },
    }
  }

  async #tried(id: number): Promise<boolean> {
    return await tc(this.#name(id), 'add', 'tbf', 'rate', '1mbit', 'burst', '16kb', 'latency', '2s')
      .then(() => tc(this.#name(id), 'del'))
      .then(
        () => true,
        () => false,
      )
  }

  async #rules(
    id: number,
    mark: string,
  ): Promise<readonly { readonly chain: string; readonly handle: string; readonly packets: number }[]> {
    const text = await this.#nft(id, '-a', `list table inet ${table}`)
    let chain = ''
    const found: { chain: string; handle: string; packets: number }[] = []
    for (const line of text.split('\n')) {
      chain = /^\s*chain (\w+)/.exec(line)?.[1] ?? chain
      if (!line.includes(`comment "${mark}"`)) continue
      found.push({ chain, handle: /handle (\d+)/.exec(line)?.[1] ?? '', packets: Number(/counter packets (\d+)/.exec(line)?.[1] ?? 0) })
    }
    return found
  }

  async #nft(id: number, ...args: readonly string[]): Promise<string> {
    return await output('ip', ['netns', 'exec', this.#name(id), 'nft', ...args])
  }

  get #namespaces(): readonly string[] {
    return this.#ids.map((id) => this.#name(id))
  }

  #name(id: number): string {
    return `raftgen-${process.pid}-${id}`
  }

  #host(place: Place): string {
    return `${this.#subnet}.${place === 'clients' ? bridgeHost : place}`
  }
}

const ip = async (...args: readonly string[]): Promise<string> => await output('ip', args)

const tc = async (name: string, verb: 'add' | 'del', ...how: readonly string[]): Promise<string> =>
  await output('ip', ['netns', 'exec', name, 'tc', 'qdisc', verb, 'dev', 'eth0', 'root', ...how])

/** With a namespace its end of the link goes, and with that the other one. */
function removeAll(names: readonly string[], bridge: string): void {
  for (const name of names) spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore' })
  spawnSync('ip', ['link', 'del', bridge], { stdio: 'ignore' })
}
