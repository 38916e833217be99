// The step of what an operation answers: a bare output, nothing, or a `Result`.
import { formerOf } from '../../evolution/step.ts'
import type { ErrorModel, OperationModel } from '../../model.ts'
import { pascalCase, quoted } from '../../names.ts'
import { replyType } from '../types.ts'
import type { StepWriter } from './step-writer.ts'
import { endsOf, type Way } from './way.ts'

export interface OperationPair {
  readonly before: OperationModel
  readonly after: OperationModel
}

/** Whether both answer the same, and bounded alike. */
export function isSameReply(writer: StepWriter, { before, after }: OperationPair): boolean {
  const errors = answeredBy(writer, after)
  if (before.errors.length !== errors.length || !errors.every((error) => isSameError(writer, before, error))) return false
  if (before.output === undefined || after.output === undefined) return before.output === after.output
  return writer.changes(before.output, after.output).length === 0
}

function isSameError(writer: StepWriter, before: OperationModel, error: ErrorModel): boolean {
  const old = formerOf(error, writer.pair.before.errors)
  if (old === undefined || old.name !== error.name || !before.errors.includes(old.name)) return false
  return writer.errorChanges(old, error).length === 0
}

/** The name of a function. */
export function replyFunction(writer: StepWriter, operations: OperationPair, way: Way): string {
  const { from, to } = writer.sides(way)
  const [given, made] = way === 'up' ? [operations.before, operations.after] : [operations.after, operations.before]
  const types = {
    from: replyType(given, writer.module, from.text, (name) => from.error(errorOf(from.model.errors, name).typeName)),
    to: replyType(made, writer.module, to.text, (name) => to.error(errorOf(to.model.errors, name).typeName)),
  }
  const { kind, name } = operations.after
  return writer.function(`reply of ${kind} ${name}`, `${pascalCase(name)}Reply`, way, types, () => replyLines(writer, operations, way))
}

function replyLines(writer: StepWriter, operations: OperationPair, way: Way): readonly string[] {
  const { source } = endsOf(way)
  const [given, made] = way === 'up' ? [operations.before, operations.after] : [operations.after, operations.before]
  const isResult = made.errors.length > 0
  const answered = (value: string): string => {
    const output = outputText(writer, operations, value, way)
    return isResult ? `${writer.module.use('ok')}(${output ?? ''})` : (output ?? 'undefined')
  }
  if (given.errors.length === 0) return [`  return ${answered(source)}`]
  const failed = given.errors.map((name) => errorText(writer, operations, { name, isResult, way }))
  const [only] = failed
  const head = `  if (${source}.ok) return ${answered(`${source}.value`)}`
  if (failed.length === 1) return [head, `  return ${only}`]
  const cases = given.errors.flatMap((name, i) => [`    case ${quoted(name)}:`, `      return ${failed[i]}`])
  return [head, `  switch (${source}.error.code) {`, ...cases, '  }']
}

/** Nothing where the other version answers with nothing. */
function outputText(writer: StepWriter, { before, after }: OperationPair, value: string, way: Way): string | undefined {
  if (before.output !== undefined && after.output !== undefined)
    return writer.convert(before.output, after.output, { value, at: after.name, way })
  const made = way === 'up' ? after : before
  return made.output === undefined
    ? undefined
    : writer.refuse(
        `${after.name} ${way === 'up' ? 'answered with nothing before' : 'answers with nothing since'} version ${writer.pair.after.version}`,
        way,
      )
}

interface GivenError {
  readonly name: string
  readonly isResult: boolean
  readonly way: Way
}

/** An answer that the other version does not know has no form there. */
function errorText(writer: StepWriter, { before, after }: OperationPair, { name, isResult, way }: GivenError): string {
  const pairs = answeredBy(writer, after).map((error) => ({ error, old: formerOf(error, writer.pair.before.errors) }))
  const pair = pairs.find(({ error, old }) => (way === 'up' ? old : error)?.name === name)
  const { version } = writer.sides(way).to.model
  const isKept = pair?.old !== undefined && before.errors.includes(pair.old.name)
  const isGone = way === 'up' && !isKept && !writer.retiredErrors.includes(name)
  if (isGone) return writer.refuse(`${after.name} does not answer ${name} in version ${version}`, way)
  if (!isResult || pair?.old === undefined || !isKept)
    return writer.inexpressible(`${after.name} does not answer ${name} in version ${version}`)
  return `${writer.module.use('fail')}(${writer.error(pair.old, pair.error, `${endsOf(way).source}.error`, way)})`
}

const answeredBy = ({ pair }: StepWriter, { errors }: OperationModel): readonly ErrorModel[] =>
  errors.map((name) => errorOf(pair.after.errors, name))

function errorOf(errors: readonly ErrorModel[], name: string): ErrorModel {
  const error = errors.find((one) => one.name === name)
  if (error === undefined) throw new Error(`there is no error ${name}`)
  return error
}
