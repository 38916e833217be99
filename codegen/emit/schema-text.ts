import type { VersionSchema } from '../../src/contract/v1/descriptor.ts'
import type { Model } from '../model.ts'
import { quoted } from '../names.ts'
import { Module } from './module.ts'

/** `schema-text.ts`: the wire lock, as the machine takes it along. A line for each version: those that are frozen never change again. */
export function emitSchemaText({ name, names }: Model, schema: readonly VersionSchema[], extension: string): Module {
  const module = new Module('schema-text', extension)
  module.add(
    `/** What the wire lock of \`${name}\` says of each version. A node keeps it beside its log, which can then be read without this build. */`,
    `export const ${names.schema}: readonly ${module.useType('VersionSchema')}[] = [`,
    ...schema.map(({ version, text }) => `  { version: ${version}, text: ${quoted(text)} },`),
    ']',
  )
  return module
}
