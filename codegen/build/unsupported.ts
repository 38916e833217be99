// What cannot be replicated, and what to write instead.

const ways: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  Any: [
    'any, so replicas could not agree on its bytes',
    'Say what it is: an object, a union; or bytes() for what the machine does not look into.',
  ],
  Unknown: [
    'unknown, so replicas could not agree on its bytes',
    'Say what it is: an object, a union; or bytes() for what the machine does not look into.',
  ],
  Never: ['never, so nothing fits', 'Leave it out.'],
  Undefined: [
    'undefined, which has no form on the wire',
    'Use Type.Optional for a field that may be absent, Type.Null for a value that is none.',
  ],
  Void: ['void, which has no form on the wire', 'Leave `output` out where there is none.'],
  Function: ['a function, which cannot be replicated', 'Name what it would do with a literal, and do it in the handler.'],
  Constructor: ['a constructor, which cannot be replicated', 'Name what it would do with a literal, and do it in the handler.'],
  Promise: ['a promise, which cannot be replicated', 'Use the type of what it resolves to.'],
  Symbol: ['a symbol, which cannot be replicated', 'Use a literal.'],
  Date: [
    'a Date, which changes with the machine that reads it',
    "Use Type.Integer for milliseconds since 1970, or Type.String({ format: 'date-time' }).",
  ],
  TemplateLiteral: ['a template literal', 'Use Type.String with a pattern.'],
  Unsafe: [
    'made by Type.Unsafe, so what it holds cannot be known',
    "Use bytes() for a Uint8Array, Type.Integer for a Date (milliseconds since 1970), or Type.String({ format: 'date-time' }).",
  ],
  This: ['Type.This', 'Use Type.Cyclic({ Name: ... }, name) with Type.Ref.'],
  Rest: ['a rest element', 'Use an array beside the tuple.'],
}

/** Message and hint for a kind that raftgen does not carry; none for what TypeBox did not make. */
export function wayOut(kind: string | undefined, path: string): { readonly message: string; readonly hint: string } {
  if (kind === undefined) return { message: `${path} is not a TypeBox schema`, hint: "Build it with `import Type from 'typebox'`." }
  const [what, hint] = ways[kind] ?? [`Type.${kind}, which raftgen does not know`, 'Use an object, an array, a union or a scalar.']
  return { message: `${path} is ${what}`, hint }
}
