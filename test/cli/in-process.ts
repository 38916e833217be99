import { runCommand } from '../../src/cli/program.ts'

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command line in this process: as a shell would, but for the second that a process takes. `answers`: of who sits at the terminal. */
export async function command(args: readonly string[], { answers }: { readonly answers?: readonly string[] } = {}): Promise<Said> {
  let out = ''
  let err = ''
  const left = [...(answers ?? [])]
  const code = await runCommand(args, {
    out: (line) => {
      out += `${line}\n`
    },
    err: (line) => {
      err += `${line}\n`
    },
    paint: (_, text) => text,
    ...(answers === undefined ? {} : { ask: (question: string) => Promise.resolve(answered(question)) }),
  })
  return { code, out, err }

  function answered(question: string): string {
    err += `${question}\n`
    return left.shift() ?? ''
  }
}
