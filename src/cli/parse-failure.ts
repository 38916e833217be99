import type { Command, CommanderError } from 'commander'
import { WrongUse } from './wrong-use.ts'

/** What the parser of arguments found wrong, with a way out. */
export function parseFailure({ message }: CommanderError, program: Command, args: readonly string[]): WrongUse {
  const [what = '', meant] = message.replace(/^error: /, '').split('\n')
  const suggestion = meant === undefined ? undefined : /^\((.*)\)$/.exec(meant)?.[1]
  return new WrongUse(what, suggestion ?? `\`${[program.name(), ...commandIn(program, args), '--help'].join(' ')}\` shows how it is used.`)
}

/** The words that `args` begin with and that name a command. */
function commandIn(program: Command, args: readonly string[]): readonly string[] {
  const [word, ...rest] = args
  const command = program.commands.find((one) => one.name() === word)
  return command === undefined || word === undefined ? [] : [word, ...commandIn(command, rest)]
}
