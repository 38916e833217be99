import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { migrationsFileOf } from '../../codegen/beside-handlers.ts'
import { WrongUse } from './wrong-use.ts'
import { commandNames } from './program.ts'
import { suggestion } from './suggest.ts'
import { shownPath } from './terminal.ts'

/** The schema file an argument names, absolute. Throws `WrongUse` where there is none. */
export function schemaFileOf(argument: string): string {
  const path = resolve(argument)
  if (!existsSync(path)) {
    if (/^[a-z]+$/i.test(argument)) throw unknownCommand(argument)
    throw new WrongUse(`there is no schema file ${argument}`, 'Correct the path, or start with `raftgen init <dir>`.')
  }
  if (statSync(path).isDirectory()) throw new WrongUse(`${argument} is a folder`, 'Name the schema file in it.')
  return path
}

/** The handlers that belong to a schema, absolute: `option`, or `handlers.ts` beside it. Throws `WrongUse` where there are none. */
export function handlersFileOf(schemaFile: string, option: string | undefined): string {
  const file = option === undefined ? join(dirname(schemaFile), 'handlers.ts') : resolve(option)
  if (file === schemaFile) throw new WrongUse(`${shownPath(file)} is the file of the handlers`, 'Name the schema file.')
  if (existsSync(file)) return file
  throw new WrongUse(
    `there is no file of handlers ${shownPath(file)}`,
    `Run \`raftgen ${shownPath(schemaFile)}\`, which makes one, or name yours with --handlers.`,
  )
}

/** What else of the user's every replica runs, absolute: functions between versions, handlers of older versions. */
export function besidesHandlers(handlersFile: string): readonly string[] {
  const extension = extname(handlersFile)
  const start = `${basename(handlersFile, extension)}.v`
  const isOlder = (name: string): boolean => name.startsWith(start) && /^\d+$/.test(name.slice(start.length, -extension.length))
  const older = readdirSync(dirname(handlersFile)).filter((name) => name.endsWith(extension) && isOlder(name))
  const files = older.sort().map((name) => join(dirname(handlersFile), name))
  return [...files, migrationsFileOf(handlersFile)].filter((file) => existsSync(file))
}

function unknownCommand(word: string): WrongUse {
  const meant = suggestion(word, commandNames)
  const hint = meant === undefined ? 'Run `raftgen --help` for the commands.' : `Did you mean \`raftgen ${meant}\`?`
  return new WrongUse(`'${word}' is neither a schema file nor a command`, hint)
}
