// What the nodes have applied, each by its own account. All accounts together have every command that took effect: whoever applies one writes that down before
// anything that stands for it is durable.
import { readFile } from 'node:fs/promises'

export interface AppliedCommand {
  readonly index: number
  readonly command: string
  readonly input: { readonly key: string; readonly value: number; readonly expected?: number | null }
}

/** One account for all, by index; and where they contradict each other. */
export interface Applied {
  readonly commands: ReadonlyMap<number, AppliedCommand>
  readonly problems: readonly string[]
}

export async function readApplied(file: string): Promise<readonly AppliedCommand[]> {
  return linesOf(await readFile(file, 'utf8'), isAppliedCommand)
}

/** Of a file to which processes wrote that were killed: a line that was torn is none. */
export function linesOf<T>(text: string, is: (value: unknown) => value is T): T[] {
  const found: T[] = []
  for (const line of text.split('\n')) {
    const value = line.endsWith('}') ? parsed(line) : undefined
    if (is(value)) found.push(value)
  }
  return found
}

export function merged(accounts: ReadonlyMap<number, readonly AppliedCommand[]>): Applied {
  const commands = new Map<number, AppliedCommand>()
  const problems: string[] = []
  for (const [node, account] of accounts) {
    for (const one of account) {
      const before = commands.get(one.index)
      if (before === undefined) commands.set(one.index, one)
      else if (!isSame(before, one)) problems.push(`node ${node} applied ${JSON.stringify(one)}, another ${JSON.stringify(before)}`)
    }
  }
  return { commands, problems }
}

export const isSame = (a: AppliedCommand, b: AppliedCommand): boolean =>
  a.command === b.command && a.input.key === b.input.key && a.input.value === b.input.value && a.input.expected === b.input.expected

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isAppliedCommand(value: unknown): value is AppliedCommand {
  return typeof value === 'object' && value !== null && 'index' in value && 'command' in value && 'input' in value
}
