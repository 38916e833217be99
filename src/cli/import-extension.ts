import { tsconfigOptions } from '../../codegen/tsconfig.ts'

/** `ts` where the nearest tsconfig.json allows it (`allowImportingTsExtensions`, inherited too), else `js`. */
export async function importExtensionFor(schemaFile: string): Promise<'js' | 'ts'> {
  const options = await tsconfigOptions(schemaFile)
  return options?.allowImportingTsExtensions === true ? 'ts' : 'js'
}
