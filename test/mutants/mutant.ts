/** One way to break what raftgen is made of. */
export interface Mutant {
  /** The rule that is broken. */
  readonly name: string
  readonly file: string
  /** Stands in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** Which of the bugs of `test/known-bugs/README.md` it brings back: then seeds of the simulator have to find it, too. */
  readonly bug?: number
  /** Why no seed need find it although it brings a bug back; a sentence. */
  readonly missed?: string
  /** Why nothing would have to notice it; `undefined`: something must. */
  readonly harmless?: 'equivalent' | 'liveness only'
}
