// What may be done to what goes over a link, and how often it was.

/**
 * hold      nothing passes until the effect is over; then what was held follows, as the system's retries would bring it
 * delay     each frame comes later by `minMs` to `maxMs`, in order
 * throttle  no more than so many bytes pass in a second
 * drop      a frame is missing, and what comes after it is not
 * repeat    a frame comes twice
 * swap      a frame comes after the one that followed it
 * flip      a bit of a frame is another one, of its header perhaps
 * tear      a frame ends in its middle, and the connection with it
 * reset     the connection is reset
 */
export type EffectKind =
  | { readonly kind: 'hold' }
  | { readonly kind: 'delay'; readonly minMs: number; readonly maxMs: number }
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number }
  | { readonly kind: 'drop' | 'repeat' | 'swap' | 'flip' | 'tear' | 'reset'; readonly probability: number }

export interface Effect {
  readonly does: EffectKind
  /** Frames that it was done to; of `hold`, also connections that had to wait. */
  hits: number
}

/** From one node to another, or between the clients and a node. */
export interface Link {
  readonly source: Place
  readonly target: Place
}
export type Place = number | 'clients'

export class LinkState {
  readonly effects = new Set<Effect>()
  /** When what was throttled last has passed. */
  freeAt = 0
  readonly #waiting = new Set<() => void>()

  get isHeld(): boolean {
    for (const { does } of this.effects) if (does.kind === 'hold') return true
    return false
  }

  /** Calls `wake` when it is held no more. */
  whenFree(wake: () => void): void {
    this.#waiting.add(wake)
  }

  /** Held, or held no more. */
  changed(): void {
    if (this.isHeld) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  countHeld(): void {
    for (const effect of this.effects) if (effect.does.kind === 'hold') effect.hits += 1
  }
}
