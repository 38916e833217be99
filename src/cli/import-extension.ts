import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** `ts` where the nearest tsconfig.json allows it (`allowImportingTsExtensions`, inherited too), else `js`. Loads the compiler if there is one to read. */
export async function importExtensionFor(schemaFile: string): Promise<'js' | 'ts'> {
  const configFile = nearestTsconfig(dirname(schemaFile))
  if (configFile === undefined) return 'js'
  const { ts } = await import('ts-morph')
  const { config }: { config?: unknown } = ts.readConfigFile(configFile, ts.sys.readFile)
  if (config === undefined) return 'js'
  // Only the options are wanted: the files of the project are not looked up.
  const host = { ...ts.sys, readDirectory: (): readonly string[] => [] }
  const { options } = ts.parseJsonConfigFileContent(config, host, dirname(configFile), undefined, configFile)
  return options.allowImportingTsExtensions === true ? 'ts' : 'js'
}

function nearestTsconfig(folder: string): string | undefined {
  const file = join(folder, 'tsconfig.json')
  if (existsSync(file)) return file
  return dirname(folder) === folder ? undefined : nearestTsconfig(dirname(folder))
}
