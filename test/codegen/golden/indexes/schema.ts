// Indexes of whatever a table may hold. Its generated code is committed and compared.
import { bytes, defineMachine, Record } from 'raftgen'
import Type from 'typebox'

const Due = Type.Union([Type.Literal('soon'), Type.Literal('late'), Type.Null()])
const Maybe = Type.Union([Type.Integer(), Type.Null()])
const Node = Type.Cyclic(
  { Node: Type.Object({ label: Type.String(), rank: Type.Optional(Maybe), children: Type.Array(Type.Ref('Node')) }) },
  'Node',
)
const Both = Type.Intersect([
  Type.Object({ x: Type.Integer({ default: 3 }) }),
  Type.Object({ y: Type.Boolean(), 'a-b': Type.Number(), class: Type.String() }),
])
const Event = Type.Union([
  Type.Object({ kind: Type.Literal('timed'), at: Type.Integer(), due: Due }),
  Type.Object({ kind: Type.Literal('loose'), at: Type.Optional(Maybe) }),
  Type.Object({ kind: Type.Literal('sealed'), seal: bytes() }),
])

export default defineMachine({
  name: 'indexes',
  version: 1,
  state: Type.Object({
    plain: Record(Type.String(), Type.Object({ due: Due, at: Type.Optional(Maybe), flag: Type.Literal(true), size: Type.Enum([1, 2]), sum: Type.BigInt() })),
    nodes: Record(Type.Integer(), Node),
    both: Record(Type.String(), Both),
    events: Type.Record(Type.String(), Event),
  }),
  indexes: {
    plain: {
      /** With a comment of its own. */
      due: 'due',
      once: { on: ['at', 'due'], unique: true },
      size: ['flag', 'size', 'sum'],
    },
    nodes: { label: 'label', rank: { on: ['rank', 'label'] } },
    both: { x: 'x', all: ['a-b', 'y', 'class'], 'by-class': 'class' },
    events: { kind: 'kind', at: ['kind', 'at', 'due'] },
  },
  commands: { go: { input: Type.Object({}) } },
})
