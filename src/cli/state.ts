// `raftgen state ...`: what its commands have in common.
import type { ExitCode } from './exit-code.ts'
import { dataDirOf } from './log.ts'
import type { StateCommandLine } from './state-program.ts'
import type { Terminal } from './terminal.ts'

export async function stateCommand({ dirs, options }: StateCommandLine, terminal: Terminal): Promise<ExitCode> {
  const { diffStates } = await import('./state-diff.ts')
  return await diffStates({ dirs: [dataDirOf(dirs[0]), dataDirOf(dirs[1])], options }, terminal)
}
