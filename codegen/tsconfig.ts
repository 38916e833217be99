// The compiler options of the project that a file belongs to.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ts } from 'ts-morph'

/** Of the nearest tsconfig.json, inherited ones too; none where there is no such file. Loads the compiler if there is one to read. */
export async function tsconfigOptions(file: string): Promise<ts.CompilerOptions | undefined> {
  const configFile = nearestTsconfig(dirname(file))
  if (configFile === undefined) return undefined
  const { ts } = await import('ts-morph')
  const { config }: { config?: unknown } = ts.readConfigFile(configFile, ts.sys.readFile)
  if (config === undefined) return undefined
  // Only the options are wanted: the files of the project are not looked up.
  const host = { ...ts.sys, readDirectory: (): readonly string[] => [] }
  return ts.parseJsonConfigFileContent(config, host, dirname(configFile), undefined, configFile).options
}

function nearestTsconfig(folder: string): string | undefined {
  const file = join(folder, 'tsconfig.json')
  if (existsSync(file)) return file
  return dirname(folder) === folder ? undefined : nearestTsconfig(dirname(folder))
}
