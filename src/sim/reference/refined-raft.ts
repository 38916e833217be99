import type { Input, RaftOptions, Ready } from '../../core/api.ts'
import { Raft } from '../../core/raft.ts'
import type { LogSummary, Message } from '../../core/types.ts'
import type { Verdict } from '../violation.ts'
import type { ReferenceEntry } from './reference-log.ts'
import { type CoreView, Refinement } from './refinement.ts'
import type { Refused } from './rules.ts'

/** A core that the reference looks at after each input: many times slower, the same in everything else. */
export class RefinedRaft extends Raft {
  readonly #refinement: Refinement
  readonly #onRefused: (refused: Refused) => void
  #writing: { readonly promises: readonly Message[] } | undefined

  /** `onRefused`: it has done what no rule allows. Called at most once. */
  constructor(options: RaftOptions, onRefused: (refused: Refused) => void) {
    super(options)
    const { id, log } = options
    const { commitIndex } = this.status
    this.#refinement = new Refinement({ id, hardState: log.hardState, base: log.base, entries: entriesOf(log), commitIndex })
    this.#onRefused = onRefused
  }

  override step(input: Input): void {
    if (input.kind === 'persisted') this.#written()
    super.step(input)
    this.#ask(() => this.#refinement.stepped(input, this.#view))
  }

  override ready(options: { readonly write: boolean }): Ready | undefined {
    const ready = super.ready(options)
    if (ready === undefined) return undefined
    if (ready.persist !== undefined) this.#writing = { promises: ready.sendAfterPersist }
    this.#ask(() => this.#refinement.readied(ready))
    return ready
  }

  #written(): void {
    const { promises = [] } = this.#writing ?? {}
    this.#writing = undefined
    this.#ask(() => {
      this.#refinement.written()
      this.#refinement.sent(promises)
    })
  }

  #ask(question: () => void): void {
    if (this.#refinement.refused !== undefined) return
    question()
    if (this.#refinement.refused !== undefined) this.#onRefused(this.#refinement.refused)
  }

  get #view(): CoreView {
    const { role, term, votedFor, commitIndex, firstIndex, lastIndex } = this.status
    return {
      role,
      term,
      votedFor,
      commitIndex,
      base: { index: firstIndex - 1, term: this.termAt(firstIndex - 1) ?? 0 },
      lastIndex,
      termAt: (index) => this.termAt(index),
      entry: (index) => this.entriesInMemory({ firstIndex: index, lastIndex: index, bytesMax: 1 })?.[0],
    }
  }
}

/** Makes cores that are looked at; what is wrong with them goes to the verdict. `name`: of the node. */
export const refinedBy =
  (verdict: Verdict, name: string) =>
  (options: RaftOptions): Raft =>
    new RefinedRaft(options, ({ rule, because }) => verdict.violate(`the reference, ${rule}`, `${name}: ${because}`))

/** What is known of entries that are on the disk: their terms, and the configurations. What else is in them nobody changes. */
function entriesOf({ base, terms, lastIndex, confs }: LogSummary): readonly ReferenceEntry[] {
  const entries: ReferenceEntry[] = []
  for (let index = base.id.index + 1; index <= lastIndex; index++) {
    const term = terms.findLast(({ firstIndex }) => firstIndex <= index)?.term ?? base.id.term
    const conf = confs.find((placed) => placed.index === index)?.conf
    entries.push({ term, kind: conf === undefined ? 'command' : 'conf', data: noData, conf })
  }
  return entries
}

const noData = new Uint8Array(0)
