const fields = Array.from({ length: 10 }, (_, i) => `f${i}: Type.String({ minLength: 1, maxLength: ${100 + i} })`).join(', ')
const command = (i: number): string =>
  `    /** Does ${i}. */\n    do${i}: { input: Type.Object({ ${fields}, lease: Lease }), output: Lease, errors: ['Held'] },`

/** A schema with a hundred commands of eleven fields each. `edit`: makes it another one. */
export const hundredCommands = (edit: number): string => `import { defineMachine } from 'raftgen'
import Type from 'typebox'

const Lease = Type.Object({ owner: Type.String(), token: Type.Integer({ minimum: ${edit} }) })

export default defineMachine({
  name: 'shop',
  version: 1,
  state: Type.Object({}),
  errors: { Held: Type.Object({}) },
  commands: {
${Array.from({ length: 100 }, (_, i) => command(i)).join('\n')}
  },
})
`
