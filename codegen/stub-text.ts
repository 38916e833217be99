// How a stub reads, and a new handlers file around them.
import { docLines } from './emit/module.ts'
import type { OperationSummary } from './model.ts'
import { quoted } from './names.ts'

export type StubOperation = Pick<OperationSummary, 'name' | 'handlerKey' | 'docs'>

export interface Indentation {
  /** Of a member of the literal. */
  readonly member: string
  /** Of one level more. */
  readonly unit: string
  readonly newline: string
}

export const plainIndentation: Indentation = { member: '  ', unit: '  ', newline: '\n' }

/** One method, without the line break behind it, comma-terminated. It compiles under `noUnusedParameters` and throws when it is called. */
export function stubText({ name, handlerKey, docs }: StubOperation, { member, unit, newline }: Indentation): string {
  const lines = [
    ...docLines(docs),
    `${handlerKey}(_state, _input, _ctx) {`,
    `${unit}throw new Error(${quoted(`not implemented: ${name}`)})`,
    '},',
  ]
  return lines.map((line) => (line === '' ? '' : member + line)).join(newline)
}

/** Stubs with an empty line between them. */
export const stubsText = (operations: readonly StubOperation[], indentation: Indentation): string =>
  operations.map((operation) => stubText(operation, indentation)).join(indentation.newline.repeat(2))

export interface NewHandlers {
  readonly operations: readonly StubOperation[]
  /** `LocksHandlers`. */
  readonly handlersType: string
  /** How a handlers file imports the generated code: `./generated/index.js`. */
  readonly generatedModule: string
}

/** The handlers file as it is first handed over. */
export function newHandlersText({ operations, handlersType, generatedModule }: NewHandlers): string {
  const members = operations.length === 0 ? '{}' : `{\n${stubsText(operations, plainIndentation)}\n}`
  return `// Written once by raftgen; yours from then on. Later runs insert stubs for new operations and never change or delete a line.
//
// Every replica runs these functions over the same log, so they must answer alike everywhere: take time from \`ctx.now\`, identity
// from \`ctx.index\` or \`ctx.id()\` and chance from \`ctx.random()\`, never from Date, Math.random, process or I/O.
import type { ${handlersType} } from ${quoted(generatedModule)}

export const handlers: ${handlersType} = ${members}
`
}
