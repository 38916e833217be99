// What is the user's to write: what becomes of a value where raftgen cannot know that.

export interface Upcast {
  /** `upcastAcquireV1toV2`; `migrateLeasesV1toV2`, of one table or cell; `migrateStateV1toV2` */
  readonly name: string
  /** What `versions.ts` calls the types: `AcquireV1`, `AcquireV2`. */
  readonly from: string
  readonly to: string
  /** Of a record of a table: the type of its key. */
  readonly key?: string
  /** Fills the newer state, which is given, from the older one; the others return what becomes of a value. */
  readonly fills?: true
  /** Why it is needed: a sentence without its full stop. None where it may be left empty. */
  readonly why: string | undefined
}

/** Of what has no plain way up. */
export class NeedsUser extends Error {
  override readonly name = 'NeedsUser'
}
