// The first records of a log, and its first high water.
import type { ConfState } from '../core/types.ts'
import type { Done, Identity } from '../ports/log.ts'
import { ownerOf } from './high-water.ts'
import { HighWaterKeeper } from './high-water-keeper.ts'
import type { KeyValue } from './kv.ts'
import { markOf } from './log-write.ts'
import * as records from './records.ts'
import type { Slots } from './slots.ts'

export interface Founding {
  readonly identity: Identity
  readonly conf: ConfState
  /** Default: it has no high water. */
  readonly slots: Slots | undefined
}

/** Nothing may be in `kv`. The records come last: without them there is no log. */
export function bootstrapLog(kv: KeyValue, { identity, conf, slots }: Founding, done: Done): void {
  const chain = records.genesisChain(identity.clusterId)
  const base = { id: { term: 0, index: 0 }, conf, chain }
  const hardState = { term: 0, votedFor: undefined, writes: 0, lastIndex: 0, lastTerm: 0, lastChain: chain }
  const writeRecords = (error: Error | undefined): void => {
    if (error !== undefined) return done(error)
    kv.batch(
      [
        { kind: 'put', key: records.baseKey, value: records.encodeBase(base) },
        { kind: 'put', key: records.identityKey, value: records.encodeIdentity(identity) },
        { kind: 'put', key: records.hardStateKey, value: records.encodeHardState(hardState) },
      ],
      done,
    )
  }
  if (slots === undefined) return writeRecords(undefined)
  const last = markOf(hardState)
  const none = { fence: undefined, reached: undefined, hardState: { term: 0, votedFor: undefined } }
  const state = { ...none, sequence: 0, owner: ownerOf(identity), last, base: { ...base.id, chain }, baseConf: conf, members: conf.members }
  const keeper = new HighWaterKeeper({ slots, state, next: 0 })
  keeper.write(state, (error) => (error === undefined ? keeper.write(state, writeRecords) : done(error)))
}
