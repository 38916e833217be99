import Type, { type TInteger, type TRecord, type TSchema, type TSchemaOptions, type TString } from 'typebox'

export type KeySchema = TString | TInteger
type Pattern<Key extends KeySchema> = Key extends TInteger ? typeof integerKeys : typeof stringKeys
declare const stringKeys: '^.*$'
declare const integerKeys: '^-?(?:0|[1-9][0-9]*)$'

/**
 * `Type.Record` that keeps the bounds of its keys: TypeBox turns a key schema into a pattern, and its lengths and limits are gone. As a
 * property of `state` it becomes an ordered table, anywhere else a `ReadonlyMap`. `options`: `description`, `title`, `minProperties`, or `was`, its name in the version before.
 */
export function Record<Key extends KeySchema, Value extends TSchema>(
  key: Key,
  value: Value,
  options?: TSchemaOptions,
): TRecord<Pattern<Key>, Value>
export function Record(key: KeySchema, value: TSchema, options: TSchemaOptions = {}): TSchema {
  // The second spelling makes TypeBox's own check keep the bounds; it would compare an integer's schema with the key's text.
  const keys = Type.IsString(key) ? { '~key': key, propertyNames: key } : { '~key': key }
  return Type.Record(key, value, { ...options, ...keys })
}
