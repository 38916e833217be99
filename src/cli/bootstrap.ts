// `raftgen bootstrap`: `Server.bootstrap` for people and start-up scripts.
import { type ExitCode, exitCode } from './exit-code.ts'
import { parsedId, parsedMember } from './node-arguments.ts'
import type { BootstrapOptions } from './program.ts'
import type { MemberOptions } from '../server/index.ts'
import type { Terminal } from './terminal.ts'

export async function bootstrapCommand(command: { readonly options: BootstrapOptions; readonly terminal: Terminal }): Promise<ExitCode> {
  const { options, terminal } = command
  const members = options.member.map((text): MemberOptions => parsedMember(text, `--member ${text}`))
  const id = parsedId(options.id, '--id')
  const { Server } = await import('../server/index.ts')
  await Server.bootstrap({ dir: options.dir, id, clusterId: options.cluster, members })
  if (options.json === true) terminal.out(JSON.stringify({ ok: true, dir: options.dir, id, clusterId: options.cluster, members }))
  terminal.err(
    `node ${id} of cluster ${options.cluster} may start on ${options.dir}; members: ${members.map((member) => member.id).join(', ')}`,
  )
  terminal.err(`Once per node and cluster: should ${options.dir} be lost, do not bootstrap node ${id} again, but start it with \`join\`.`)
  return exitCode.fine
}
