// Three processes that do nothing but replicate: see `bare/node.ts`. Not a `System`: nothing can be killed or read there.
import { fork } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Load } from '../load/load.js'
import { LoadClient } from './load-client.js'
import { messageOf, NodeProcess } from './node-process.js'
import type { Measured } from './system.js'

const here = fileURLToPath(new URL('../bare', import.meta.url))

export class BareCluster {
  readonly name = 'bare path'
  readonly #nodes: readonly NodeProcess[]
  readonly #client: LoadClient

  private constructor(nodes: readonly NodeProcess[], client: LoadClient) {
    this.#nodes = nodes
    this.#client = client
  }

  static async start(root: string): Promise<BareCluster> {
    const nodes: NodeProcess[] = []
    const start = async (name: string, followers: readonly string[]): Promise<string> => {
      const dir = join(root, `bare-${name}`)
      await mkdir(dir, { recursive: true })
      const child = fork(join(here, 'node.js'), [dir, ...followers])
      const node = new NodeProcess()
      node.begin(child)
      nodes.push(node)
      const { port }: { readonly port: number } = await messageOf(child, `bare node ${name}`)
      return String(port)
    }
    const followers = [await start('b', []), await start('c', [])]
    const leader = await start('a', followers)
    return new BareCluster(nodes, await LoadClient.start(join(here, 'client.js'), [`127.0.0.1:${leader}`]))
  }

  /** Puts only. */
  measure(load: Load): Promise<Measured> {
    return this.#client.measure(
      load,
      this.#nodes.map(({ child }) => child?.pid),
    )
  }

  async close(): Promise<void> {
    await this.#client.close()
    await Promise.all(this.#nodes.map((node) => node.end('SIGTERM')))
  }
}
