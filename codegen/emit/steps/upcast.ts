// What is the user's to write: the way up of a type where raftgen cannot know what a value becomes.

export interface Upcast {
  /** `upcastAcquireV1toV2` */
  readonly name: string
  /** What `versions.ts` calls the types: `AcquireV1`, `AcquireV2`. */
  readonly from: string
  readonly to: string
  /** Why it is needed: a sentence without its full stop. */
  readonly why: string
}

/** Of what has no plain way up. */
export class NeedsUser extends Error {
  override readonly name = 'NeedsUser'
}
