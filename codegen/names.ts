// Names of the schema as names of TypeScript.

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u
/** Words that cannot name a class, an interface, a parameter or a constant. */
const reservedWords = new Set(
  (
    'any arguments as asserts async await bigint boolean break case catch class const continue debugger default delete do else enum eval export ' +
    'extends false finally for from function get if implements import in infer instanceof interface is keyof let module namespace never new ' +
    'null number object of package private protected public readonly require return set static string super switch symbol this throw true ' +
    'try type typeof undefined unique unknown var void while with yield'
  ).split(' '),
)

export const isIdentifier = (name: string): boolean => identifier.test(name)

/** Whether `name` can be declared: an identifier that is no word of the language. */
export const isDeclarable = (name: string): boolean => isIdentifier(name) && !reservedWords.has(name)

const words = (name: string): readonly string[] => name.split(/[^\p{ID_Continue}$]+/u).filter((word) => word !== '')
const capital = (word: string): string => {
  const first = String.fromCodePoint(word.codePointAt(0) ?? 0)
  return first.toUpperCase() + word.slice(first.length)
}

/** `close-account` is `CloseAccount`. */
export const pascalCase = (name: string): string => words(name).map(capital).join('')

/** `close-account` is `closeAccount`; an identifier stays as it is. */
export const camelCase = (name: string): string => (isIdentifier(name) ? name : lowerFirst(pascalCase(name)))

/** `HTTPServer` is `hTTPServer`: only the first letter changes, so that different names stay different. */
export function lowerFirst(name: string): string {
  const first = String.fromCodePoint(name.codePointAt(0) ?? 0)
  return first.toLowerCase() + name.slice(first.length)
}

/** A string literal in single quotes, safe in any source text. */
export function quoted(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")
  return `'${inner.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}'`
}

/** A property name as it is declared. */
export const propertyName = (name: string): string => (isIdentifier(name) ? name : quoted(name))

/** A method as an interface declares it, where `new` by itself would be a construct signature. */
export const signatureName = (name: string): string => (name === 'new' ? quoted(name) : propertyName(name))

/** Reading a property: `value.name`, `value['na-me']`. */
export const propertyAccess = (object: string, name: string): string =>
  isIdentifier(name) ? `${object}.${name}` : `${object}[${quoted(name)}]`

/** Methods of every client, of promises and of every object: an operation of that name would break or hide them. */
export const reservedOperations: ReadonlySet<string> = new Set(
  'then constructor close token toString toJSON valueOf __proto__ prototype'.split(' '),
)

/** Types that generated code uses by these names. */
export const reservedTypes: ReadonlySet<string> = new Set(
  (
    'Array ArrayBuffer Awaited BigInt Boolean Caller CallOptions ClientOptions CommandOperation Context Error Exclude Extract Failure Function ' +
    'InvalidValue Map MachineDescriptor MaybeWire Mutable Number Object Omit Partial Pick Promise QueryContext QueryOperation QueryOptions ' +
    'RaftgenError Readonly ReadonlyArray ReadonlyMap ReadonlyTable Record RegExp Required Result Set StateMachine String Symbol Table ' +
    'TableIndex Uint8Array UniqueTableIndex ValueCodec Wire'
  ).split(' '),
)

/** Names that every object answers to: where such a field may be absent, the inherited method would be found in its place. */
export const isInherited = (name: string): boolean => name in Object.prototype
