// Looks for the first entry after which this replica and another were no longer the same, in what both remember of their digests.
import type { DigestsChunk, DigestsRequest, Index, NodeId } from '../core/index.ts'
import type { DigestRing } from '../machine/digest-ring.ts'
import { digestsMax } from '../wire/digest-codec.ts'
import { isEqual } from './state-verdict.ts'

export interface Difference {
  readonly index: Index
  /** False: they differ after that entry, and may have differed before; further back nobody remembers. */
  readonly isFirst: boolean
}

export class DifferenceSearch {
  readonly peer: NodeId
  readonly #ring: DigestRing
  /** Both are equal after this one; 0: not known of any. */
  #equalAt: Index
  /** They differ after this one. */
  #differsAt: Index
  #result: Difference | undefined

  constructor(
    ring: DigestRing,
    { peer, equalAt, differsAt }: { readonly peer: NodeId; readonly equalAt: Index; readonly differsAt: Index },
  ) {
    this.peer = peer
    this.#ring = ring
    this.#equalAt = equalAt
    this.#differsAt = differsAt
    this.#conclude(true)
  }

  get result(): Difference | undefined {
    return this.#result
  }

  /** What to ask next. */
  get question(): Pick<DigestsRequest, 'firstIndex' | 'lastIndex' | 'stride'> {
    const firstIndex = Math.max(this.#equalAt + 1, this.#ring.first)
    return { firstIndex, lastIndex: this.#differsAt, stride: Math.ceil((this.#differsAt - firstIndex + 1) / digestsMax) }
  }

  /** The answer to that; to an earlier question it tells less, and nothing wrong. */
  receive({ firstIndex, stride, digests }: DigestsChunk): void {
    if (this.#result !== undefined) return
    if (digests.length === 0) return this.giveUp()
    const before = this.#differsAt
    let equalAt = this.#equalAt
    for (const [i, digest] of digests.entries()) {
      const index = firstIndex + i * stride
      const own = this.#ring.at(index)
      if (index <= equalAt || index > this.#differsAt || own === undefined) continue
      if (isEqual(own, digest)) equalAt = index
      else {
        this.#differsAt = index
        break
      }
    }
    const isStuck = equalAt === this.#equalAt && (stride === 1 || this.#differsAt === before)
    this.#equalAt = equalAt
    this.#conclude(!isStuck)
  }

  /** Nobody knows more. */
  giveUp(): void {
    this.#result ??= { index: this.#differsAt, isFirst: this.#equalAt === this.#differsAt - 1 }
  }

  #conclude(mayGoOn: boolean): void {
    if (this.#equalAt >= this.#differsAt - 1 || !mayGoOn || this.#differsAt <= this.#ring.first) this.giveUp()
  }
}

/** Answers a question, from what is remembered here. */
export function digestsOf(
  ring: DigestRing,
  { firstIndex, lastIndex, stride }: Pick<DigestsRequest, 'firstIndex' | 'lastIndex' | 'stride'>,
): Pick<DigestsChunk, 'firstIndex' | 'stride' | 'digests'> {
  const first = Math.max(firstIndex, ring.first)
  const digests: DigestsChunk['digests'][number][] = []
  for (let index = first; index <= lastIndex && digests.length < digestsMax; index += stride) {
    const digest = ring.at(index)
    if (digest === undefined) break
    digests.push(digest)
  }
  return { firstIndex: first, stride, digests }
}
