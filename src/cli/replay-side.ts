// One build at work on a log.
import type { Entry, Index } from '../core/types.ts'
import { InvariantError } from '../core/invariant.ts'
import type { Envelope } from '../machine/envelope.ts'
import { Replica, type Treatment } from '../machine/replica.ts'
import type { HandlerFailure } from '../machine/state-machine.ts'
import type { OpenSnapshot } from '../storage/snapshot-look.ts'
import { replicaPieceBytes } from '../wire/replica-codec.ts'
import { ReplicaDecoder } from '../wire/replica-decoder.ts'
import type { ReplayBuild } from './replay-build.ts'

/** What became of an entry. */
export type SideOutcome =
  | {
      readonly kind: 'applied'
      /** Of a command: none of other entries. */
      readonly reply: Uint8Array | undefined
      readonly failure: HandlerFailure | undefined
      readonly refused: string | undefined
    }
  /** This build cannot go on: its node would stop. Nothing of it is to be used any more. */
  | { readonly kind: 'stopped'; readonly message: string }

export class ReplaySide {
  readonly build: ReplayBuild
  readonly replica: Replica

  constructor(build: ReplayBuild) {
    this.build = build
    this.replica = new Replica(build.make())
  }

  /** Takes over a state. What is wrong, where it cannot. */
  async restore(snapshot: OpenSnapshot): Promise<string | undefined> {
    const { bytes } = snapshot.meta
    try {
      const decoder = new ReplicaDecoder(this.replica.machine, bytes)
      for (let offset = 0; offset < bytes; offset += replicaPieceBytes) {
        decoder.write(await snapshot.read({ offset, bytesMax: Math.min(replicaPieceBytes, bytes - offset) }))
      }
      decoder.restore(this.replica)
      return undefined
    } catch (thrown) {
      return messageOf(thrown)
    }
  }

  apply(entry: Entry, envelope: Envelope | undefined, treatment: Treatment): SideOutcome {
    const { replica } = this
    if (envelope === undefined) {
      replica.pass(entry)
      return { kind: 'applied', reply: undefined, failure: undefined, refused: undefined }
    }
    try {
      let outcome = replica.apply(entry, envelope, treatment)
      while (outcome === 'raising') outcome = replica.apply(entry, envelope, treatment)
      if (outcome === 'halted') return { kind: 'stopped', message: replica.applied.failure?.message ?? 'it halts' }
      if (outcome !== 'applied') return { kind: 'stopped', message: 'an entry says that one is skipped which was applied' }
    } catch (thrown) {
      return { kind: 'stopped', message: messageOf(thrown) }
    }
    const { reply, failure, refused } = replica.applied
    return { kind: 'applied', reply: envelope.kind === 'command' ? reply : undefined, failure, refused: refused?.code }
  }

  /** Whether both have come to the same after entry `index`, as far as that can be told. */
  isSameState(other: ReplaySide, index: Index): boolean {
    const [mine, theirs] = [this.replica, other.replica]
    // Until the log says which version it begins with, each has that of its newest.
    if (mine.version !== theirs.version) return !mine.hasBegun || !theirs.hasBegun
    const [a, b] = [mine.digests.at(index), theirs.digests.at(index)]
    return a?.low === b?.low && a?.high === b?.high
  }
}

function messageOf(thrown: unknown): string {
  if (thrown instanceof InvariantError) throw thrown
  return thrown instanceof Error ? thrown.message : String(thrown)
}
