import { describe, expect, test } from 'vitest'
import { codes, machine, Project, printed } from './project.ts'

const project = new Project()
const found = async (schema: string): Promise<readonly string[]> => printed(await project.generate(schema))
/** Of a schema whose state is wrong on line 7. */
const inState = (property: string, before = ''): Promise<readonly string[]> =>
  found(machine(`  state: Type.Object({\n    ${property},\n  }),\n  commands: { go: { input: Type.Object({}) } },`, before))
const withCommands = (commands: string): Promise<readonly string[]> =>
  found(
    machine(
      `  state: Type.Object({}),\n  errors: { Held: Type.Object({}), NotHeld: Type.Object({}) },\n  commands: {\n    ${commands}\n  },`,
    ),
  )
/** Without warnings that the shortness of these schemas brings about. */
const errors = (lines: readonly string[]): readonly string[] => lines.filter((line) => /^\S+ error /.test(line))

describe('a schema file', () => {
  test('that does not exist is said not to exist', async () => {
    const { generate } = await import('../../codegen/generate.ts')
    const generation = await generate({ schemaFile: 'nowhere.ts', cwd: project.folder })

    expect(printed(generation)).toEqual([
      'nowhere.ts:0:0 error SCHEMA_NOT_FOUND there is no file nowhere.ts | Give the path of a schema file; `raftgen init` makes a first one.',
    ])
    expect(generation).toMatchObject({ model: undefined, files: [], stale: [] })
  })

  test('that is a directory is said to be one', async () => {
    const { generate } = await import('../../codegen/generate.ts')
    const generation = await generate({ schemaFile: 'node_modules', cwd: project.folder })

    expect(printed(generation)).toEqual([
      'node_modules:0:0 error SCHEMA_NOT_FOUND cannot read node_modules: it is a directory | Give the path of a schema file.',
    ])
  })

  test('that cannot be parsed is pointed at where TypeScript noticed, every place at once', async () => {
    expect(await found('const a = ;\nconst b = {;\n')).toEqual([
      'schema.ts:1:11 error SCHEMA_SYNTAX Expression expected. | Correct the syntax; the line is where TypeScript noticed.',
      'schema.ts:2:12 error SCHEMA_SYNTAX Property assignment expected. | Correct the syntax; the line is where TypeScript noticed.',
    ])
  })

  test('that throws is pointed at the line that does', async () => {
    expect(
      await found(
        "import Type from 'typebox'\n\ninterface A {\n  a: string\n}\nconst a: A = { a: '' }\nexport const b = a\n  export default Type.Strong()\n",
      ),
    ).toEqual([
      'schema.ts:8:3 error SCHEMA_DOES_NOT_LOAD the schema throws while it is loaded: TypeError: Type.Strong is not a function | The schema file is run like any module; correct what throws.',
    ])
  })

  test('that throws something else than an error is said to throw it', async () => {
    expect(await found("throw 'no'")).toEqual([
      'schema.ts:0:0 error SCHEMA_DOES_NOT_LOAD the schema throws while it is loaded: no | The schema file is run like any module; correct what throws.',
    ])
  })

  test('that imports what is not there names it', async () => {
    expect(
      await found("import Type from 'typebox'\nimport { a } from 'typeboks'\nimport { b } from './gone.ts'\nexport default [Type, a]\n"),
    ).toEqual([
      'schema.ts:2:1 error SCHEMA_DOES_NOT_LOAD the schema imports typeboks, which cannot be found | Install it: npm install typeboks',
    ])
    expect(await found("import { b } from './gone.ts'\nexport default b\n")).toEqual([
      'schema.ts:1:1 error SCHEMA_DOES_NOT_LOAD the schema imports ./gone.ts, which cannot be found | Correct the path.',
    ])
  })

  test('that imports a part of raftgen is told where it is', async () => {
    expect(await found("import { defineMachine } from 'raftgen/schema'\nexport default defineMachine\n")).toEqual([
      "schema.ts:1:1 error SCHEMA_DOES_NOT_LOAD the schema imports raftgen/schema, which cannot be found | A schema has all that it needs from raftgen itself: `import { defineMachine } from 'raftgen'`.",
    ])
  })

  test('whose neighbour throws is pointed at the neighbour', async () => {
    project.write('parts.ts', "\nexport const part = JSON.parse('{')\n")

    const [line] = await found("import { part } from './parts.ts'\nexport default part\n")
    expect(line).toMatch(/^parts\.ts:2:1 error SCHEMA_DOES_NOT_LOAD the schema throws while it is loaded: SyntaxError: /)
  })

  test('without a machine says how to export one', async () => {
    const hint = "Write `export default defineMachine({ ... })`, with `import { defineMachine } from 'raftgen'`."
    expect(await found('export const a = 1\n')).toEqual([`schema.ts:1:1 error NO_MACHINE the schema has no default export | ${hint}`])
    expect(await found('\nexport default { name: 1 }\n')).toEqual([
      `schema.ts:2:16 error NO_MACHINE the default export of the schema is not a machine | ${hint}`,
    ])
  })
})

describe('the machine itself', () => {
  test('every mistake is found in one run, in the order of the file', async () => {
    const lines = await found(`import Type from 'typebox'
import { defineMachine } from 'raftgen'
export default defineMachine({
  name: 'My Shop',
  version: 1.5,
  stat: 1,
  permissions: {},
  errors: { Held: Type.String() },
  commands: { go: { input: Type.String(), outputs: Type.Null() } },
  queries: { look: { input: Type.Object({}) } },
})
`)
    expect(lines).toEqual([
      'schema.ts:3:30 error STATE_INVALID the machine has no state | Write state: Type.Object({ ... }); a Record in it becomes a table.',
      'schema.ts:4:9 error MACHINE_NAME the machine is called "My Shop" | Use up to 64 ASCII letters, digits and dashes, beginning with a letter; no word of the language.',
      'schema.ts:5:12 error MACHINE_VERSION the machine has version 1.5 | Use a whole number, 1 for the first.',
      'schema.ts:6:3 error KEY_UNKNOWN defineMachine knows no stat | Did you mean state?',
      'schema.ts:7:3 error KEY_RESERVED permissions is reserved for a later release of raftgen | Leave it out.',
      "schema.ts:8:13 warning ERROR_UNUSED no command lists the error Held | Add it where it may be answered: errors: ['Held'].",
      'schema.ts:8:19 error ERROR_INVALID the error Held is no object | Write Type.Object({ ... }), {} for one without fields.',
      'schema.ts:9:28 error INPUT_INVALID commands.go.input is no object | Write Type.Object({ ... }), {} for none: an object can get more fields later.',
      'schema.ts:9:43 error KEY_UNKNOWN commands.go has the unknown key outputs | Did you mean output?',
      'schema.ts:10:14 error OUTPUT_MISSING the query look has no output, so it would say nothing | Add `output`.',
    ])
  })

  test('words of the language and of the emitted code cannot name a machine', async () => {
    for (const name of ['delete', 'bind', '', '9lives', 'größe']) {
      const generation = await project.generate(machine('  state: Type.Object({}),').replace("'shop'", JSON.stringify(name)))
      expect(codes(generation)).toContain('MACHINE_NAME')
    }
  })

  test('an initial state that does not fit says what and where', async () => {
    const lines = await found(
      machine(`  state: Type.Object({ a: Type.Integer(), b: Record(Type.String({ maxLength: 2 }), Type.Integer()), c: Type.String() }),
  initial: {
    a: 1.5,
    b: { abc: 1 },
    d: 0,
  } as never,
  commands: { go: { input: Type.Object({}) } },`),
    )
    expect(lines).toEqual([
      'schema.ts:8:12 error INITIAL_MISSING state.c has no value at the start | Give it one: initial: { c: ... }; or a default in its schema, or make it optional.',
      'schema.ts:9:8 error INITIAL_INVALID initial.a is 1.5, an integer of at most 2^53-1 is required | Correct it, or the schema of the state.',
      'schema.ts:10:8 error INITIAL_INVALID initial.b has the key "abc", which has 3 characters, at most 2 are allowed | Correct it, or the schema of the state.',
      'schema.ts:11:5 error INITIAL_INVALID initial has d, which is not in state | Leave it out, or add it to `state`.',
    ])
  })

  test('one without operations is warned about', async () => {
    expect(await found(machine('  state: Type.Object({}),'))).toEqual([
      'schema.ts:4:30 warning NO_OPERATIONS the machine has no commands and no queries | Add `commands` or `queries`.',
    ])
  })
})

describe('errors of commands', () => {
  test('an undeclared one is pointed at, with the nearest that is declared', async () => {
    expect(errors(await withCommands("go: { input: Type.Object({}), errors: ['Held', 'NotHold'] as never },"))).toEqual([
      'schema.ts:10:52 error ERROR_UNKNOWN commands.go.errors[1] names the error NotHold, which the machine does not declare | Did you mean NotHeld?',
    ])
    expect(errors(await withCommands("go: { input: Type.Object({}), errors: ['Unlike'] as never },"))).toEqual([
      'schema.ts:10:44 error ERROR_UNKNOWN commands.go.errors[0] names the error Unlike, which the machine does not declare | Declared are Held, NotHeld.',
    ])
  })

  test('code is where the name of the error goes', async () => {
    const lines = await found(
      machine(
        "  state: Type.Object({}),\n  errors: { Held: Type.Object({\n    code: Type.String() }) },\n  commands: { go: { input: Type.Object({}), errors: ['Held'] } },",
      ),
    )
    expect(lines).toEqual([
      'schema.ts:9:5 error NAME_RESERVED the error Held has a field called code, which is where its own name goes | Give the field another name.',
    ])
  })
})

describe('names', () => {
  test.each(['then', 'constructor', 'close', 'token', 'toString', 'toJSON', 'valueOf', 'prototype'])(
    'a command cannot be called %s',
    async (name) => {
      expect(errors(await withCommands(`${name}: { input: Type.Object({}) },`))).toEqual([
        `schema.ts:10:5 error NAME_RESERVED the command is called "${name}", which every object or client has already | Give it another name.`,
      ])
    },
  )

  test.each(['__proto__', "'__proto__'", "['__proto__']"])('%s is found though JavaScript hides it', async (name) => {
    expect(errors(await withCommands(`${name}: { input: Type.Object({}) },`))).toContain(
      'schema.ts:10:5 error NAME_RESERVED a property is called __proto__, which JavaScript takes for the prototype | Give it another name.',
    )
    expect(errors(await inState(`a: Type.Optional(Type.Object({ ${name}: Type.String() }))`))).toContain(
      'schema.ts:8:36 error NAME_RESERVED a property is called __proto__, which JavaScript takes for the prototype | Give it another name.',
    )
  })

  test.each(["'1st'", "''", "'---'"])('a command cannot be called %s, which names no method', async (name) => {
    const [line] = errors(await withCommands(`${name}: { input: Type.Object({}) },`))
    expect(line).toContain('NAME_RESERVED')
    expect(line).toContain('which gives no name for a method')
  })

  test('a command and a query never share a name, nor two that become one', async () => {
    const lines = await found(
      machine(`  state: Type.Object({}),
  commands: { go: { input: Type.Object({}) }, 'go-on': { input: Type.Object({}) }, goOn: { input: Type.Object({}) } },
  queries: { go: { input: Type.Object({}), output: Type.Null() } },`),
    )
    expect(lines.filter((line) => line.includes('NAME_TAKEN'))).toEqual([
      'schema.ts:8:84 error NAME_TAKEN the command goOn would be the method goOn of the client, as is the command go-on | Rename one of them.',
      'schema.ts:9:14 error NAME_TAKEN the query go would be the method go of the client, as is the command go | Rename one of them.',
    ])
  })

  test('two types of one name are told apart by a title', async () => {
    const lease = `  commands: { lease: { input: Type.Object({ a: Type.Integer()TITLE), output: Lease } },`
    const before = 'const Lease = Type.Object({ b: Type.String() })'
    const body = `  state: Type.Object({}),\n${lease}`
    expect(await found(machine(body.replace('TITLE', ' }'), before))).toEqual([
      'schema.ts:8:75 error NAME_TAKEN the type of commands.lease.output would be called Lease in the generated code, as is the type of commands.lease.input | Rename one of them, or give one a `title`.',
    ])
    expect(await found(machine(body.replace('TITLE', " }, { title: 'GetLease' }"), before))).toEqual([])
  })

  test('types cannot take the names that emitted code uses', async () => {
    expect(await inState("a: Type.Object({}, { title: 'Result' })")).toContain(
      'schema.ts:8:8 error NAME_RESERVED the type of state.a would be called Result in the generated code, which uses that name itself | Give its schema another `title`.',
    )
  })

  test('a field that may be absent cannot be called like a method of every object', async () => {
    expect(
      errors(await withCommands('go: { input: Type.Object({ constructor: Type.Optional(Type.Integer()), toString: Type.String() }) },')),
    ).toEqual([
      'schema.ts:10:32 error NAME_RESERVED commands.go.input.constructor may be absent and is called constructor, which every object has already | Give the field another name, or make it required.',
    ])
  })
})

describe('types that cannot be replicated', () => {
  test.each([
    [
      'Type.Any()',
      'any, so replicas could not agree on its bytes',
      'Say what it is: an object, a union; or bytes() for what the machine does not look into.',
    ],
    [
      'Type.Unknown()',
      'unknown, so replicas could not agree on its bytes',
      'Say what it is: an object, a union; or bytes() for what the machine does not look into.',
    ],
    ['Type.Never()', 'never, so nothing fits', 'Leave it out.'],
    [
      'Type.Undefined()',
      'undefined, which has no form on the wire',
      'Use Type.Optional for a field that may be absent, Type.Null for a value that is none.',
    ],
    ['Type.Void()', 'void, which has no form on the wire', 'Leave `output` out where there is none.'],
    [
      'Type.Function([], Type.Null())',
      'a function, which cannot be replicated',
      'Name what it would do with a literal, and do it in the handler.',
    ],
    [
      'Type.Constructor([], Type.Null())',
      'a constructor, which cannot be replicated',
      'Name what it would do with a literal, and do it in the handler.',
    ],
    ['Type.Symbol()', 'a symbol, which cannot be replicated', 'Use a literal.'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: TypeBox's own syntax
    ["Type.TemplateLiteral('a${string}')", 'a template literal', 'Use Type.String with a pattern.'],
    [
      'Type.Unsafe<Date>({})',
      'made by Type.Unsafe, so what it holds cannot be known',
      "Use bytes() for a Uint8Array, Type.Integer for a Date (milliseconds since 1970), or Type.String({ format: 'date-time' }).",
    ],
  ])('%s', async (type, what, hint) => {
    expect(errors(await inState(`a: ${type}`))).toEqual([`schema.ts:8:8 error TYPE_UNSUPPORTED state.a is ${what} | ${hint}`])
  })

  test('Type.Refine and Type.Codec carry functions', async () => {
    const hint = 'Use bounds, a pattern or a format; check the rest in the handler.'
    expect(errors(await inState('a: Type.Refine(Type.String(), (text) => text.length > 1)'))).toEqual([
      `schema.ts:8:8 error TYPE_UNSUPPORTED state.a is made by Type.Refine, whose functions cannot be carried into generated code | ${hint}`,
    ])
    expect(errors(await inState('a: Type.Codec(Type.String()).Decode(Number).Encode(String)'))).toEqual([
      `schema.ts:8:8 error TYPE_UNSUPPORTED state.a is made by Type.Codec, whose functions cannot be carried into generated code | ${hint}`,
    ])
  })

  test('a schema that TypeBox did not make', async () => {
    expect(errors(await inState("a: { type: 'string' } as never"))).toEqual([
      "schema.ts:8:8 error TYPE_UNSUPPORTED state.a is not a TypeBox schema | Build it with `import Type from 'typebox'`.",
    ])
  })

  test('a place deep inside is named by its path', async () => {
    const type = 'Type.Array(Type.Object({ x: Type.Union([Type.Tuple([Type.String(), Type.Any()]), Type.Null()]) }))'
    const [line] = errors(await inState(`a: Record(Type.String(), ${type})`))
    expect(line).toMatch(/^schema\.ts:8:97 error TYPE_UNSUPPORTED state\.a\{\}\[\]\.x\[0\]\[1\] is any/)
  })

  test('a constant is complained about once, where it stands', async () => {
    const lines = await inState('a: Bad, b: Type.Array(Bad)', 'const Bad = Type.Object({\n  what: Type.Any(),\n})')
    expect(errors(lines)).toHaveLength(1)
    expect(errors(lines)[0]).toContain('schema.ts:4:9 error TYPE_UNSUPPORTED state.a.what is any')
  })
})

describe('keywords', () => {
  test('one that would not be checked is refused', async () => {
    const hint = 'Leave it out; check it in the handler, and answer with a declared error.'
    expect(errors(await inState('a: Type.Array(Type.Integer(), { contains: Type.Literal(1) })'))).toEqual([
      `schema.ts:8:8 error KEYWORD_UNSUPPORTED state.a has the keyword contains, which would not be checked | ${hint}`,
    ])
    expect(errors(await inState('a: Type.Object({}, { additionalProperties: true })'))).toEqual([
      'schema.ts:8:8 error KEYWORD_UNSUPPORTED state.a has the keyword additionalProperties, which would not be checked | Objects are closed: leave it out, or use a Record.',
    ])
    expect(codes(await project.generate(machine('  state: Type.Object({}, { additionalProperties: false }),')))).toEqual(['NO_OPERATIONS'])
  })

  test('bounds that leave nothing, and bounds that are none', async () => {
    expect(errors(await inState('a: Type.Integer({ minimum: 3, exclusiveMaximum: 3 })'))).toEqual([
      'schema.ts:8:8 error BOUNDS_EMPTY state.a has minimum 3 above maximum 2, so nothing fits | Correct one of the two.',
    ])
    expect(errors(await inState('a: Type.String({ maxLength: -1 })'))).toEqual([
      'schema.ts:8:8 error BOUND_INVALID state.a has maxLength -1, a whole number from 0 is required | Correct the bound.',
    ])
    expect(errors(await inState('a: Type.Number({ multipleOf: 0 })'))).toEqual([
      'schema.ts:8:8 error BOUND_INVALID state.a has multipleOf 0, a number above 0 is required | Correct the bound.',
    ])
  })

  test('a format that is not known', async () => {
    expect(errors(await inState("a: Type.String({ format: 'regex' })"))).toEqual([
      'schema.ts:8:8 error FORMAT_UNKNOWN state.a has the format "regex", which raftgen does not know | Use one of date, date-time, duration, email, hostname, ipv4, ipv6, time, uri, uuid, or a pattern.',
    ])
  })

  test('patterns that could keep the leader busy for minutes, or keep a position', async () => {
    expect(errors(await inState("a: Type.String({ pattern: '^(a+)+$', maxLength: 9 })"))).toEqual([
      'schema.ts:8:8 error PATTERN_UNSAFE the pattern of state.a repeats (a+), which repeats something itself | A hostile input could keep the leader busy for minutes. Write it without a repetition inside a repetition.',
    ])
    expect(errors(await inState('a: Type.String({ pattern: /a/g, maxLength: 9 })'))).toEqual([
      'schema.ts:8:8 error PATTERN_UNSUPPORTED state.a has a pattern with the flags "g" | Only i, m, s and u are possible: the others keep a position between calls, or are not known everywhere.',
    ])
    expect(await inState("a: Type.Optional(Type.String({ pattern: '^a+$' }))")).toEqual([
      'schema.ts:8:8 warning PATTERN_UNBOUNDED state.a has a pattern but no maxLength | Add maxLength: it is checked first, so that the pattern never runs on megabytes.',
    ])
  })

  test('a default that does not fit', async () => {
    expect(errors(await withCommands('go: { input: Type.Object({ a: Type.Integer({ minimum: 1, default: 0 }) }) },'))).toEqual([
      'schema.ts:10:35 error DEFAULT_INVALID the default of commands.go.input.a does not fit: default is 0, at least 1 is required | Correct the default, or the bound.',
    ])
  })
})

describe('records', () => {
  test('bounds of keys that TypeBox drops are warned about', async () => {
    const before = 'const Name = Type.String({ minLength: 1, maxLength: 9 })'
    expect(await inState('a: Type.Record(Name, Type.Integer())', before)).toEqual([
      "schema.ts:8:20 warning KEY_CONSTRAINT_LOST TypeBox drops minLength and maxLength of the keys of state.a | Use `Record` of 'raftgen' in place of Type.Record: it keeps them.",
    ])
    expect(await inState('a: Record(Name, Type.Integer())', before)).toEqual([])
    expect(await inState('a: Type.Record(Type.String(), Type.Integer())')).toEqual([])
  })

  test('keys are strings or integers', async () => {
    expect(errors(await inState('a: Type.Record(Type.Number(), Type.Integer())'))).toEqual([
      'schema.ts:8:20 error KEY_UNSUPPORTED the keys of state.a are numbers, which have no exact order as keys | Use Type.Integer or Type.String.',
    ])
  })

  test('a Record over literal keys is an object', async () => {
    const keys = "Type.Union([Type.Literal('a'), Type.Literal('b')])"
    const { model } = await project.generate(
      machine(
        `  state: Type.Object({ x: Type.Record(${keys}, Type.Integer()) }),\n  initial: { x: { a: 1, b: 2 } },\n  commands: { go: { input: Type.Object({}) } },`,
      ),
    )

    expect(model?.types.get('ShopX')).toMatchObject({ kind: 'object', fields: [{ name: 'a' }, { name: 'b' }] })
  })
})

describe('indexes', () => {
  const Job = `const Job = Type.Object({
  queue: Type.String(), priority: Type.Integer(), ratio: Type.Number(), due: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
  state: Type.Enum(['ready', 'done']), mixed: Type.Union([Type.Literal(1), Type.Literal('a')]), tags: Type.Array(Type.String()),
  who: Type.Object({ name: Type.String() }), seal: bytes(), big: Type.BigInt(), done: Type.Boolean(), either: Type.Union([Type.String(), Type.Integer()]),
})`
  /** On line 16, from column 13 on. */
  const indexed = async (indexes: string, initial = '', more = ''): Promise<readonly string[]> =>
    errors(
      await found(
        machine(
          `  state: Type.Object({
    jobs: Record(Type.String(), Job),
    names: Record(Type.String(), Type.String()),
    total: Type.Integer({ default: 0 }),${more}
  }),
  indexes: { ${indexes} } as never,${initial}
  commands: { go: { input: Type.Object({}) } },`,
          Job,
        ),
      ),
    )

  test('of anything that has an order are fine', async () => {
    const fields = ['queue', 'priority', 'ratio', 'due', 'state', 'big', 'done']
    expect(await indexed(`jobs: { ${fields.map((name) => `${name}: '${name}'`).join(', ')}, all: ${JSON.stringify(fields)} }`)).toEqual([])
    expect(await indexed("jobs: { a: { on: 'queue', unique: true }, b: { on: ['queue', 'due'] }, 'a-b': 'queue' }")).toEqual([])
  })

  const hint = 'Strings, numbers, bigints, booleans and enums have one, where all values are of one of these types.'
  test.each([
    ['job: {}', '14 error INDEX_INVALID indexes has job, which is not in state | Did you mean jobs?'],
    ['leases: {}', '14 error INDEX_INVALID indexes has leases, which is not in state | Tables are jobs, names.'],
    ['total: {}', '14 error INDEX_INVALID indexes has total, and state.total is no table | Tables are jobs, names.'],
    [
      "names: { a: 'length' }",
      '26 error INDEX_INVALID indexes.names.a is an index, and the values of state.names are no objects, so they have no fields | Put each value into an object.',
    ],
    [
      "jobs: { a: 'queu' }",
      '25 error INDEX_INVALID indexes.jobs.a names the field queu, which the values of state.jobs do not have | Did you mean queue?',
    ],
    [
      "jobs: { a: ['queue', 'who.name'] }",
      '35 error INDEX_INVALID indexes.jobs.a[1] names the field who.name, which the values of state.jobs do not have | Their fields are queue, priority, ratio, due, state, mixed, tags, who, seal, big, done, either.',
    ],
    ...['tags', 'who', 'seal', 'mixed', 'either'].map((name) => [
      `jobs: { a: { on: ['queue', '${name}'] } }`,
      `41 error INDEX_INVALID indexes.jobs.a.on[1] names the field ${name}, which has no order | ${hint}`,
    ]),
    [
      'jobs: { a: [] }',
      "25 error INDEX_INVALID indexes.jobs.a is neither the name of a field, nor a list of some | Write 'owner', ['queue', 'runAt'], or { on: 'email', unique: true }.",
    ],
    [
      'jobs: { a: { unique: true } }',
      "25 error INDEX_INVALID indexes.jobs.a.on is neither the name of a field, nor a list of some | Write 'owner', ['queue', 'runAt'], or { on: 'email', unique: true }.",
    ],
    ["jobs: { a: ['queue', 'queue'] }", '35 error INDEX_INVALID indexes.jobs.a has the field queue twice | Leave out the second.'],
    ["jobs: { a: { on: 'queue', unique: 1 } }", '48 error INDEX_INVALID indexes.jobs.a.unique is 1 | Write true or false.'],
    ["jobs: { a: { on: 'queue', uniq: true } }", '40 error KEY_UNKNOWN indexes.jobs.a has the unknown key uniq | Its keys are on, unique.'],
    ["jobs: { toString: 'queue' }", '22 error NAME_RESERVED an index of state.jobs is called "toString" | Give it another name.'],
    ["jobs: { '': 'queue' }", '22 error NAME_RESERVED an index of state.jobs is called "" | Give it another name.'],
    ["jobs: 'queue'", '20 error DEFINITION_INVALID indexes.jobs is no object | Write one: { name: { ... } }.'],
  ])('%s', async (indexes, line) => {
    expect(await indexed(indexes ?? '')).toEqual([`schema.ts:16:${line}`])
  })

  test('of variants want a field that is of one type wherever it is', async () => {
    const either = (field: string): string => `
    both: Record(Type.String(), Type.Union([
      Type.Object({ kind: Type.Literal('a'), at: Type.Integer() }), Type.Object({ kind: Type.Literal('b'), ${field} }) ])),`
    expect(await indexed("both: { at: ['kind', 'at'] }", '', either('at: Type.Number()'))).toEqual([])
    expect(await indexed("both: { at: ['kind', 'at'] }", '', either('no: Type.Number()'))).toEqual([])
    expect(await indexed("both: { at: ['kind', 'at'] }", '', either('at: Type.String()'))).toEqual([
      `schema.ts:18:35 error INDEX_INVALID indexes.both.at[1] names the field at, which is of different types in different variants | ${hint}`,
    ])
  })

  test('that are unique hold at the start', async () => {
    const job =
      "queue: 'q', priority: 1, ratio: 1, state: 'done', mixed: 1, tags: [], who: { name: '' }, seal: new Uint8Array(), big: 1n, done: true, either: 1"
    const initial = `\n  initial: {\n    jobs: { a: { ${job} }, b: { ${job} } } } as never,`
    expect(await indexed("jobs: { plain: 'big', due: { on: 'due', unique: true } }", initial)).toEqual([])
    expect(await indexed("jobs: { a: { on: ['queue', 'big'], unique: true } }", initial)).toEqual([
      'schema.ts:18:11 error INITIAL_INVALID initial.jobs has the same queue, big under "a" and "b", and indexes.jobs.a is unique | Correct one of the two, or the index.',
    ])
  })
})

describe('unions', () => {
  test('of objects that nothing tells apart', async () => {
    expect(errors(await inState('a: Type.Union([Type.Object({ x: Type.Integer() }), Type.Object({ y: Type.Integer() })])'))).toEqual([
      "schema.ts:8:8 error UNION_AMBIGUOUS state.a has 2 variants that are objects, and no field tells them apart | Give each a field with a literal of its own: kind: Type.Literal('...').",
    ])
  })

  test('of two kinds of strings, or numbers, or with literals among strings', async () => {
    const hint = 'Put each into an object with a literal field that tells them apart.'
    expect(errors(await inState('a: Type.Union([Type.Integer(), Type.Number()])'))).toEqual([
      `schema.ts:8:36 error UNION_AMBIGUOUS state.a has two variants that are numbers | ${hint}`,
    ])
    expect(errors(await inState("a: Type.Union([Type.String(), Type.Literal('a')])"))).toEqual([
      'schema.ts:8:20 error UNION_AMBIGUOUS state.a has literals and strings besides | Leave the literals out, or put one of the two into an object.',
    ])
  })
})

describe('recursive types', () => {
  test('one that cannot end', async () => {
    const lines = errors(await inState("a: Type.Cyclic({ Node: Type.Object({ next: Type.Ref('Node') }) }, 'Node')"))
    expect(lines).toEqual([
      'schema.ts:8:28 error RECURSION_ENDLESS Node contains itself in every value, so none could end | Make the field that leads back optional, nullable, or an array.',
    ])
  })

  test('a reference to nowhere', async () => {
    expect(errors(await inState("a: Type.Array(Type.Ref('Gone'))"))).toEqual([
      'schema.ts:8:19 error REFERENCE_UNKNOWN state.a[] refers to "Gone", which is not defined around it | Put both into one Type.Cyclic({ ... }, name).',
    ])
  })
})

describe('intersections', () => {
  test('of what is no object, or of objects that disagree', async () => {
    expect(errors(await inState('a: Type.Intersect([Type.Object({ x: Type.Integer() }), Type.String()])'))).toEqual([
      'schema.ts:8:60 error TYPE_UNSUPPORTED state.a[1] is a part of an intersection and no object | Intersect objects only; they become one object.',
    ])
    expect(errors(await inState('a: Type.Intersect([Type.Object({ x: Type.Integer() }), Type.Object({ x: Type.String() })])'))).toEqual([
      'schema.ts:8:60 error INTERSECT_CONFLICT state.a has the field x in two parts that differ | Leave it out of one part with Type.Omit.',
    ])
  })
})
