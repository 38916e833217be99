// What the clients were told, and what the service says afterwards: the difference is what was lost or applied twice.
import type { Lease, LocksClient } from '../generated/index.js'

export type Command =
  | { readonly kind: 'acquire'; readonly name: string; readonly owner: string; readonly ttlMs: number }
  | { readonly kind: 'release'; readonly name: string; readonly owner: string }

/** `acquire <name> <owner> <ttlMs>` or `release <name> <owner>`, one a line; `#` starts a comment. */
export function parseCommands(text: string): readonly Command[] {
  return text
    .split('\n')
    .map((line, i) => ({ words: line.trim().split(/\s+/), line: i + 1 }))
    .filter(({ words: [first = ''] }) => first !== '' && !first.startsWith('#'))
    .map(({ words: [kind, name = '', owner = '', ttlMs], line }) => {
      if (kind === 'acquire' && owner !== '' && Number.isInteger(Number(ttlMs))) return { kind, name, owner, ttlMs: Number(ttlMs) }
      if (kind === 'release' && owner !== '') return { kind, name, owner }
      throw new Error(`line ${line}: expected "acquire <name> <owner> <ttlMs>" or "release <name> <owner>"`)
    })
}

interface Told {
  readonly command: Command
  /** `undefined` after a release, or an acquire that was refused because somebody else holds the lock. */
  readonly lease: Lease | undefined
  readonly refused: boolean
}

export interface Verdict {
  readonly acknowledged: number
  readonly refused: number
  readonly unknown: number
  readonly lost: readonly string[]
  readonly appliedTwice: readonly string[]
}

export class Ledger {
  readonly #told: Told[] = []
  #unknown = 0

  get acknowledged(): number {
    return this.#told.length
  }

  /** Calls that have ended, one way or the other. */
  get answered(): number {
    return this.#told.length + this.#unknown
  }

  acknowledge(command: Command, lease: Lease | undefined, refused: boolean): void {
    this.#told.push({ command, lease, refused })
  }

  /** Nobody can tell whether this one was applied: it may be neither lost nor applied twice. */
  outcomeUnknown(): void {
    this.#unknown += 1
  }

  /** Asks the service for every lock that was ever named, and compares. */
  async compare(client: Pick<LocksClient, 'holder'>): Promise<Verdict> {
    const lost: string[] = []
    const appliedTwice: string[] = []
    const grants = new Map<string, Lease>()
    const released = new Set<string>()
    const tokens = new Set<number>()
    for (const { command, lease } of this.#told) {
      if (lease === undefined) continue
      // Every grant has a token of its own: the same one told twice would mean one grant was given to two.
      if (tokens.has(lease.token)) appliedTwice.push(`${command.name}: token ${lease.token} was granted twice`)
      tokens.add(lease.token)
      const last = grants.get(command.name)
      if (last === undefined || last.token < lease.token) grants.set(command.name, lease)
    }
    for (const { command, refused } of this.#told) {
      if (command.kind !== 'release') continue
      // The input releases only what the same owner was granted long before.
      if (refused) lost.push(`${command.name}: ${command.owner} could not release what it had been granted`)
      else released.add(command.name)
    }
    const held = await Promise.all([...grants.keys()].map((name) => client.holder({ name })))
    ;[...grants].forEach(([name, lease], i) => {
      const now = held[i] ?? null
      if (released.has(name)) {
        // A release applied before a repeated acquire would leave the lock held.
        if (now !== null) appliedTwice.push(`${name}: was released, and is held by ${now.owner} with token ${now.token}`)
        return
      }
      if (now === null) lost.push(`${name}: token ${lease.token} of ${lease.owner} is gone`)
      // Tokens grow with each application: a higher one than the highest told means a command ran again.
      else if (now.token > lease.token && this.#unknown === 0) appliedTwice.push(`${name}: told token ${lease.token}, holds ${now.token}`)
      else if (now.token < lease.token) lost.push(`${name}: told token ${lease.token}, holds ${now.token}`)
    })
    const refused = this.#told.filter((one) => one.refused).length
    return { acknowledged: this.#told.length, refused, unknown: this.#unknown, lost, appliedTwice }
  }
}
