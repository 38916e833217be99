// Clients that never pause: some append, some read. An account is kept of what they are told.
import { Client } from '../../src/client/index.ts'
import { RaftgenError } from '../../src/errors.ts'
import { eventually } from '../server/servers.ts'
import { type Account, writerNumbers } from './account.ts'
import { decodePage, decodeReply, encodeCommand, encodeQuery, type Page } from './ledger.ts'

/** Longer than any trial leaves the cluster without a majority. */
const callTimeoutMs = 30_000
/** Of what a read looks at again beyond what is new to it. */
const overlap = 20

export interface LoadOptions {
  readonly account: Account
  readonly servers: readonly string[]
  readonly writers?: number
  readonly readers?: number
}

export class Load {
  /** Acknowledged calls. */
  appended = 0
  /** Calls that failed, in words: no breach of anything promised, as long as the account is right. */
  readonly failures: string[] = []
  readonly #account: Account
  readonly #clients: Client[] = []
  #loops: readonly Promise<void>[] = []
  #begun = 0
  #isEnding = false

  private constructor(account: Account) {
    this.#account = account
  }

  /** Resolves once the clients are connected; that anything is acknowledged is not waited for. */
  static async start({ account, servers, writers = 2, readers = 2 }: LoadOptions): Promise<Load> {
    const load = new Load(account)
    const connect = async (): Promise<Client> => {
      const client = await Client.connect({ servers, timeoutMs: callTimeoutMs })
      load.#clients.push(client)
      return client
    }
    const clients = await Promise.all(Array.from({ length: writers + readers }, connect))
    load.#loops = clients.map((client, i) => (i < writers ? load.#write(client, i + 1) : load.#read(client, i % 2 === 0)))
    return load
  }

  /** Once so many appends were acknowledged that were called after this; `undefined` when that takes longer than `timeoutMs`. */
  async goesOn({ calls = 2, timeoutMs = 20_000 } = {}): Promise<true | undefined> {
    // What is under way now may have been called before.
    const aim = this.appended + this.#begun + calls
    return await eventually('progress', () => (this.appended >= aim ? (true as const) : undefined), timeoutMs).catch(() => undefined)
  }

  /** Lets every call end, and reads all there is. Throws what the last read is refused with. */
  async end(): Promise<readonly number[]> {
    this.#isEnding = true
    await Promise.all(this.#loops)
    const [client] = this.#clients
    if (client === undefined) throw new Error('the load has no clients')
    return (await page(client, 0, 'leader')).numbers
  }

  /** Ends calls under way without an answer. */
  async close(): Promise<void> {
    this.#isEnding = true
    await Promise.all(this.#clients.map((client) => client.close()))
    await Promise.all(this.#loops)
  }

  async #write(client: Client, writer: number): Promise<void> {
    for (let number = writer * writerNumbers; !this.#isEnding; number++) {
      this.#account.called(number)
      this.#begun++
      try {
        const { reply } = await client.propose(encodeCommand(number))
        this.#account.acknowledged(number, decodeReply(reply))
        this.appended++
      } catch (thrown) {
        this.#failed(thrown)
        const isKnown = thrown instanceof RaftgenError && thrown.outcome === 'notApplied'
        this.#account.failed(number, isKnown ? 'notApplied' : 'unknown')
      } finally {
        this.#begun--
      }
    }
  }

  async #read(client: Client, isNearest: boolean): Promise<void> {
    while (!this.#isEnding) {
      const { floor } = this.#account
      const from = Math.max(0, floor - overlap)
      try {
        this.#account.read(await page(client, from, isNearest ? 'nearest' : 'leader'), { from, floor })
      } catch (thrown) {
        this.#failed(thrown)
      }
    }
  }

  #failed(thrown: unknown): void {
    // A client that is closed ends its loop; one that is refused at once, over and over, must not take the processor from the others.
    if (thrown instanceof RaftgenError && thrown.code === 'CLOSED') this.#isEnding = true
    this.failures.push(String(thrown))
  }
}

const page = async (client: Client, from: number, source: 'leader' | 'nearest'): Promise<Page> =>
  decodePage((await client.query(encodeQuery(from), { from: source })).reply)
