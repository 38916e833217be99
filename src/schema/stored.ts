/** What a state holds for a value of a schema's type: what TypeBox types as a plain object with any keys is a map there. */
export type Stored<Value> = Value extends Scalar
  ? Value
  : Value extends readonly unknown[]
    ? { readonly [Item in keyof Value]: Stored<Value[Item]> }
    : string extends keyof Value
      ? ReadonlyMap<string, Stored<Value[string & keyof Value]>>
      : number extends keyof Value
        ? ReadonlyMap<number, Stored<Value[number & keyof Value]>>
        : { readonly [Name in keyof Value]: Stored<Value[Name]> }

type Scalar = string | number | bigint | boolean | null | undefined | Uint8Array
