import type { SimServer } from './sim-server.ts'

/** Which machine answers at an address. One that is moved answers at both for a while. */
export class Directory {
  readonly #servers = new Map<string, SimServer>()

  add(address: string, server: SimServer): void {
    this.#servers.set(address, server)
  }

  remove(address: string): void {
    this.#servers.delete(address)
  }

  find(address: string): SimServer | undefined {
    return this.#servers.get(address)
  }
}
