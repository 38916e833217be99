import type { Entry, EntriesChunk, EntriesRequest, NodeId } from '../core/index.ts'
import type { Log } from '../ports/log.ts'

/** Of one answer: half a frame at the most, beside one large entry. Bytes. */
const answerBytesMax = 1_024 * 1_024
/** Answers that are being read at once, for all who ask; one for each. Requests beyond are dropped: who asks asks again. */
const readsMax = 8

export interface EntriesSourcePorts {
  readonly log: Log
  wake(): void
  fail(error: Error): void
}

type Answer = Pick<EntriesChunk, 'to' | 'firstIndex' | 'entries'>

/** Gives entries to members that have lost theirs: what is in the log, or what lies apart behind a hole of its own. It claims nothing of them. */
export class EntriesSource {
  readonly #ports: EntriesSourcePorts
  /** For whom entries are being read. */
  readonly #reading = new Set<NodeId>()
  #answers: Answer[] = []

  constructor(ports: EntriesSourcePorts) {
    this.#ports = ports
  }

  receive({ from, firstIndex, lastIndex }: EntriesRequest): void {
    if (this.#reading.has(from) || this.#reading.size >= readsMax) return
    this.#reading.add(from)
    const { log, wake, fail } = this.#ports
    const range = { firstIndex, lastIndex, bytesMax: answerBytesMax }
    const answer = (entries: readonly Entry[]): void => {
      this.#reading.delete(from)
      this.#answers.push({ to: from, firstIndex, entries: entries[0]?.index === firstIndex ? entries : [] })
      wake()
    }
    log.entries(range, (error, entries) => {
      if (error !== undefined) return fail(error)
      if (entries.length > 0 || log.salvaged === undefined) return answer(entries)
      // What cannot be read of these is not there.
      log.salvaged(range, (_, salvaged) => answer(salvaged))
    })
  }

  /** What is to be sent: the term of the sender is added as it leaves. */
  takeAnswers(): readonly Answer[] {
    if (this.#answers.length === 0) return this.#answers
    const answers = this.#answers
    this.#answers = []
    return answers
  }
}
