import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importExtensionFor } from '../../src/cli/import-extension.ts'
import { temporaryFolder } from './temporary-folder.ts'

const extensionIn = (files: Readonly<Record<string, string>>): Promise<'js' | 'ts'> =>
  importExtensionFor(join(temporaryFolder(files), 'src/schema.ts'))

const allows = '{ "compilerOptions": { "allowImportingTsExtensions": true, "noEmit": true } }'

test('imports end in .js where no tsconfig says otherwise', async () => {
  expect(await extensionIn({ 'src/schema.ts': '', 'src/tsconfig.json': '{}' })).toBe('js')
})
test('imports end in .ts where the nearest tsconfig allows it', async () => {
  expect(await extensionIn({ 'tsconfig.json': `// with a comment\n${allows}` })).toBe('ts')
  expect(await extensionIn({ 'tsconfig.json': allows, 'src/tsconfig.json': '{}' })).toBe('js')
})
test('what a tsconfig extends counts', async () => {
  expect(await extensionIn({ 'base.json': allows, 'src/tsconfig.json': '{ "extends": "../base.json" }' })).toBe('ts')
})
test('a tsconfig that cannot be read is for the compiler to complain about', async () => {
  expect(await extensionIn({ 'src/tsconfig.json': '{ "compilerOptions": ' })).toBe('js')
})
