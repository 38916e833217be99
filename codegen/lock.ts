// The wire lock: `<name>.wire.json`, committed beside the schema. It gives every operation, error and variant its tag and every field its
// place, and keeps them: a tag belongs to a name for good, also when the name is gone for a while. A version in it is whole: the model of
// an older one is made of it alone.

export interface LockedField {
  readonly name: string
  /** Its name in the version before, where that is another one. */
  readonly was?: string
  /** With its bounds, as `nodeText` writes it. */
  readonly type: string
  readonly optional?: true
  /** As it is on the wire; bytes in hexadecimal. */
  readonly default?: unknown
}
export interface LockedProperty extends LockedField {
  /** Before the first command, as it is on the wire: of a table its entries. None: empty, or nil. */
  readonly initial?: unknown
}
export interface LockedOperation {
  readonly tag: number
  /** Its name in the version before, where that is another one. */
  readonly was?: string
  readonly input: string
  readonly output?: string
  readonly errors?: readonly string[]
}
export interface LockedError {
  readonly tag: number
  /** Its name in the version before, where that is another one. */
  readonly was?: string
  readonly fields: readonly LockedField[]
}
export interface LockedVariant {
  readonly tag: number
  /** Its shape, `string literals`, or the value of the discriminator as JSON. */
  readonly key: string
  readonly type: string
}
export interface LockedUnion {
  /** The field that tells its objects apart, where there are several. */
  readonly discriminator?: string
  readonly variants: readonly LockedVariant[]
}
export type LockedType = { readonly fields: readonly LockedField[] } | LockedUnion | { readonly is: string }
export type RetiredTags = Readonly<Record<string, number>>
export interface LockedVersion {
  readonly status: 'open' | 'frozen'
  /** Written by a release that kept neither bounds nor discriminators nor initial values. Until the next run for this version. */
  readonly partial?: true
  readonly wire: string
  readonly commands: Readonly<Record<string, LockedOperation>>
  readonly queries: Readonly<Record<string, LockedOperation>>
  readonly errors: Readonly<Record<string, LockedError>>
  readonly state: readonly LockedProperty[]
  readonly types: Readonly<Record<string, LockedType>>
  /** Tags of what is gone: never given to another name. */
  readonly retired: {
    readonly commands: RetiredTags
    readonly queries: RetiredTags
    readonly errors: RetiredTags
    readonly variants: Readonly<Record<string, RetiredTags>>
  }
}
export interface Lock {
  /** Format of this file. */
  readonly lock: 2
  readonly machine: string
  readonly versions: Readonly<Record<string, LockedVersion>>
}
