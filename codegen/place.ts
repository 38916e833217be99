// Where in a schema something stands, and how what stands there is reached. With a schema file at hand it has lines and comments
// (`schema-place.ts`); a definition that is there as a value alone has paths.

export interface Position {
  /** As diagnostics name it. None: the schema file itself, or no file at all. */
  readonly file?: string
  /** Both 1-based; 0 where there is no file. */
  readonly line: number
  readonly column: number
  /** Where it ends: 1-based, the first column that is not part of it. */
  readonly endLine?: number
  readonly endColumn?: number
}

/** One place in a schema: its path for messages, and what is known of its syntax. */
export interface Place {
  readonly path: string
  /** Of the value. */
  readonly position: Position
  /** Of the property's name, where it is one. */
  readonly namePosition: Position
  /** Of the constant that stands there, where it is declared; of the value where there is none. */
  readonly declarationPosition: Position
  /** The comment on the property, or on the constant that stands there. */
  readonly docs: string | undefined
  readonly constantDocs: string | undefined
  /** Of the top-level constant that stands here, as its own file calls it; as the import does, where it comes from a package. */
  readonly constantName: string | undefined
  /** What is called here: `Record` for `Type.Record(...)`, and whether it is a member of something. */
  readonly call: { readonly name: string; readonly member: boolean } | undefined
  /** Names of the options given to the schema constructor that stands here. */
  readonly optionNames: readonly string[]
  /** A property of an object literal. */
  property(name: string): Place
  /** A field of an object schema. */
  field(name: string): Place
  /** A variant of a union, an item of a tuple, a part of an intersection. */
  element(index: number): Place
  /** An element of an array literal. */
  listed(index: number): Place
  item(): Place
  key(): Place
  value(): Place
  definition(name: string): Place
}

/** `a.b`, or `a["b-c"]`. */
export const joinPath = (path: string, name: string): string => {
  if (path === '') return name
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`
}

/** A place of which the path alone is known. */
export class BarePlace implements Place {
  readonly path: string
  readonly position: Position = { line: 0, column: 0 }
  readonly namePosition: Position = { line: 0, column: 0 }
  readonly declarationPosition: Position = { line: 0, column: 0 }
  readonly docs = undefined
  readonly constantDocs = undefined
  readonly constantName = undefined
  readonly call = undefined
  readonly optionNames: readonly string[] = []

  constructor(path = '') {
    this.path = path
  }

  property(name: string): Place {
    return new BarePlace(joinPath(this.path, name))
  }

  field(name: string): Place {
    return this.property(name)
  }

  element(index: number): Place {
    return new BarePlace(`${this.path}[${index}]`)
  }

  listed(index: number): Place {
    return this.element(index)
  }

  item(): Place {
    return new BarePlace(`${this.path}[]`)
  }

  key(): Place {
    return new BarePlace(`${this.path}{key}`)
  }

  value(): Place {
    return new BarePlace(`${this.path}{}`)
  }

  definition(name: string): Place {
    return this.property(name)
  }
}
