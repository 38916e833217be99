// One connection of a client to a server: two streams of frames, in order, nothing lost in the middle. When a link is cut a stream stands
// still for good and neither side is told, as with TCP before its timers end.
import type { Ms } from '../core/types.ts'
import type { Life } from './life.ts'
import type { Place } from './network.ts'
import { Owed } from './owed.ts'
import type { SimServer } from './sim-server.ts'
import type { World } from './world.ts'

/** Who dials: a client, an operator, a server that wants to join. */
export interface Dialler {
  readonly place: Place
  /** What it asks for changes the cluster: called back when it hangs up. */
  readonly isOrder?: boolean
  receive(connection: Connection, bytes: Uint8Array): void
  onDisconnected(connection: Connection, reason: string): void
}

/** One direction. */
interface Stream {
  readonly from: Place
  readonly to: Place
  lastArrival: Ms
  isStuck: boolean
}

export class Connection {
  readonly id: number
  readonly attempt: number
  readonly owed = new Owed()
  readonly #world: World
  readonly #client: Dialler
  readonly #server: SimServer
  readonly #toServer: Stream
  readonly #toClient: Stream
  #life: Life | undefined
  #isOpenForClient = true

  constructor(
    world: World,
    {
      id,
      attempt,
      client,
      server,
    }: { readonly id: number; readonly attempt: number; readonly client: Dialler; readonly server: SimServer },
  ) {
    this.id = id
    this.attempt = attempt
    this.#world = world
    this.#client = client
    this.#server = server
    this.#toServer = { from: client.place, to: server.id, lastArrival: 0, isStuck: false }
    this.#toClient = { from: server.id, to: client.place, lastArrival: 0, isStuck: false }
  }

  /** The client dials and introduces itself. */
  open(hello: Uint8Array): void {
    this.#carry(this.#toServer, () => {
      const { life } = this.#server
      if (life === undefined) return this.#carry(this.#toClient, () => this.#tellClient('ECONNREFUSED'))
      this.#life = life
      life.accept(this, hello)
    })
  }

  get serverName(): string {
    return this.#server.name
  }

  get isOrder(): boolean {
    return this.#client.isOrder === true
  }

  /** False once the client has hung up, though the server may not know yet. */
  get isOpenForClient(): boolean {
    return this.#isOpenForClient
  }

  fromClient(bytes: Uint8Array): void {
    this.#carry(this.#toServer, () => this.#life?.receiveFromClient(this, bytes))
  }

  fromServer(bytes: Uint8Array): void {
    this.#carry(this.#toClient, () => {
      if (this.#isOpenForClient) this.#client.receive(this, bytes)
    })
  }

  /** The client hangs up: what it has sent still arrives before that. */
  closeByClient(): void {
    this.#isOpenForClient = false
    // What an operator no longer waits for shall not happen later, when nobody counts on it: whatever the links do, the server knows at once.
    if (this.isOrder) this.#life?.onClosed(this)
    else this.#carry(this.#toServer, () => this.#life?.onClosed(this))
  }

  /** The process of the server is gone: a reset follows what it has sent, unless its machine is gone as well. */
  closeByServer({ silently }: { readonly silently: boolean }): void {
    this.#life = undefined
    if (silently) this.#toClient.isStuck = true
    else this.#carry(this.#toClient, () => this.#tellClient('ECONNRESET'))
  }

  /** Breaks: what is under way is lost, both sides are told. */
  break(): void {
    const life = this.#life
    this.#toServer.isStuck = true
    this.#toClient.isStuck = true
    this.#world.scheduler.after(this.#world.chance.between(0, 20), () => life?.onClosed(this))
    this.#world.scheduler.after(this.#world.chance.between(0, 20), () => this.#tellClient('ECONNRESET'))
  }

  #tellClient(reason: string): void {
    if (!this.#isOpenForClient) return
    this.#isOpenForClient = false
    this.#client.onDisconnected(this, reason)
  }

  #carry(stream: Stream, arrive: () => void): void {
    const { network, scheduler } = this.#world
    if (network.isCut(stream.from, stream.to)) stream.isStuck = true
    if (stream.isStuck) return
    stream.lastArrival = Math.max(stream.lastArrival, scheduler.now + network.latencyMs(stream.from, stream.to))
    scheduler.at(stream.lastArrival, () => {
      if (network.isCut(stream.from, stream.to)) stream.isStuck = true
      if (!stream.isStuck) arrive()
    })
  }
}
