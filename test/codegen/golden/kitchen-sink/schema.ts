// Everything that raftgen carries, once. Its generated code is committed and compared.
import { bytes, defineMachine, Record } from 'raftgen'
import Type from 'typebox'

/** How far along it is. */
const Status = Type.Enum(['draft', 'live', 'gone'])
const Id = Type.String({ format: 'uuid', description: 'Names the thing for good.' })
const Slug = Type.String({ minLength: 1, maxLength: 40, pattern: '^[a-z]+(-[a-z]+)*$' })

/** A point on the map. */
const Point = Type.Object({ x: Type.Number({ minimum: -180, maximum: 180 }), y: Type.Number({ exclusiveMinimum: -90, exclusiveMaximum: 90 }) })
const Circle = Type.Object({ kind: Type.Literal('circle'), center: Point, radius: Type.Number({ exclusiveMinimum: 0 }) })
const Polygon = Type.Object({ kind: Type.Literal('polygon'), corners: Type.Array(Point, { minItems: 3, maxItems: 100 }) })
/** What can be drawn. */
const Shape = Type.Union([Circle, Polygon])
const Limit = Type.Union([Type.Literal('unlimited'), Type.Integer({ minimum: 0 }), Type.Boolean(), Type.Null()])
const Mixed = Type.Union([Type.String(), Type.BigInt(), bytes(), Type.Array(Type.Integer()), Record(Type.String(), Type.Integer()), Point])

const Tree = Type.Cyclic(
  { Node: Type.Object({ label: Type.String(), children: Type.Array(Type.Ref('Node')), next: Type.Optional(Type.Ref('Node')) }) },
  'Node',
)
const Json = Type.Cyclic(
  {
    Json: Type.Union([
      Type.Null(),
      Type.Boolean(),
      Type.Number(),
      Type.String(),
      Type.Array(Type.Ref('Json')),
      Type.Record(Type.String(), Type.Ref('Json')),
    ]),
  },
  'Json',
)

const Stamped = Type.Object({ by: Type.String({ maxLength: 20 }), at: Type.String({ format: 'date-time' }) })
const Titled = Type.Intersect([Stamped, Type.Object({ title: Type.String({ minLength: 1 }) })])
const Options = Type.Object({ retries: Type.Integer({ default: 3, minimum: 0 }), tags: Type.Array(Type.String(), { default: ['new'] }) })

const Thing = Type.Object({
  id: Id,
  status: Status,
  note: Type.Optional(Type.String()),
  parent: Type.Optional(Type.Union([Id, Type.Null()])),
  flags: Record(Slug, Type.Boolean()),
  picture: bytes({ maxLength: 64 }),
  balance: Type.BigInt({ minimum: -1_000_000_000_000_000_000_000n }),
})

export default defineMachine({
  name: 'kitchen-sink',
  version: 1,

  state: Type.Object({
    /** By name. */
    things: Record(Type.String({ maxLength: 100 }), Thing),
    ranks: Record(Type.Integer({ minimum: 1 }), Type.Array(Type.String(), { uniqueItems: true })),
    total: Type.Integer(),
    theme: Type.Optional(Type.Union([Type.Literal('dark'), Type.Literal('light'), Type.Null()])),
    shape: Shape,
    counts: Type.Record(Type.String(), Type.Integer()),
    options: Options,
    drawn: Record(Type.Integer({ minimum: 1 }), Shape),
  }),
  indexes: {
    things: {
      /** Who is next, and how much it has. */
      next: ['status', 'balance'],
      id: { on: 'id', unique: true },
      parent: { on: ['parent', 'note'] },
    },
    drawn: { 'by-radius': ['kind', 'radius'] },
  },
  initial: {
    total: 7,
    shape: { kind: 'circle', center: { x: 1, y: 2 }, radius: 3.5 },
    ranks: { 2: ['b'], 1: ['a'], 10: ['j'] },
    counts: { b: 2, a: 1 },
    options: { retries: 1, tags: [] },
  },

  errors: {
    /** Nothing of that name is there. */
    NotFound: Type.Object({}),
    TooMany: Type.Object({ limit: Limit, shapes: Type.Array(Shape), hint: Type.Optional(Type.String()) }),
    'not-yours': Type.Object({ owner: Type.String() }),
  },

  commands: {
    /**
     * Puts a thing.
     *
     * A second line, with a star-slash in it: `*\/`.
     */
    put: { input: Type.Object({ name: Slug, thing: Thing, options: Options }), output: Thing, errors: ['TooMany', 'not-yours'] },
    delete: { input: Type.Object({ name: Slug }), errors: ['NotFound'] },
    class: { input: Type.Object({ toString: Type.String(), constructor: Type.Integer(), 'with-dash': Type.Boolean() }) },
    'close-account': { input: Type.Object({}), output: Type.Tuple([Type.String({ maxLength: 3 }), Type.Integer(), Point]) },
    größe: { input: Type.Object({ größe: Type.Integer({ multipleOf: 5 }), mixed: Mixed, limit: Limit }), output: Mixed },
    draw: { input: Type.Object({ shape: Shape, pairs: Type.Array(Type.Tuple([Slug, Shape])), at: Titled }), output: Titled },
    grow: { input: Type.Object({ tree: Tree, json: Json }), output: Tree },
    tune: {
      input: Type.Object({
        ratio: Type.Number({ default: 0.5, multipleOf: 0.25 }),
        size: Type.Integer({ default: 65_536, exclusiveMinimum: 0 }),
        big: Type.BigInt({ default: 12n, multipleOf: 3n, maximum: 30n }),
        where: Type.Object({ x: Type.Integer(), y: Type.Integer({ default: 1 }) }, { default: { x: 4 } }),
        key: bytes(),
        level: Type.Enum([1, 2, 3], { default: 2 }),
        unique: Type.Array(Point, { uniqueItems: true, default: [] }),
        weights: Type.Record(Type.Integer(), Type.Number(), { default: { 3: 0.5 } }),
        partial: Type.Partial(Point),
        picked: Type.Pick(Thing, ['id', 'status']),
      }),
    },
  },

  queries: {
    /** One thing, or none. */
    find: { input: Type.Object({ name: Slug, level: Type.Optional(Type.Union([Type.Integer(), Type.Null()])) }), output: Type.Union([Thing, Type.Null()]) },
    all: { input: Type.Object({ after: Type.String({ default: '' }) }), output: Record(Type.String(), Type.Array(Thing)) },
    state: { input: Type.Object({}), output: Status },
    json: { input: Type.Object({}, { title: 'ReadJson' }), output: Json },
    mail: {
      input: Type.Object({ to: Type.String({ format: 'email' }), on: Type.String({ format: 'date' }), from: Type.Optional(Type.String({ format: 'ipv4' })) }),
      output: Type.Null(),
    },
  },
})
