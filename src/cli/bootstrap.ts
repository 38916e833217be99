// `raftgen bootstrap`: `Server.bootstrap` for people and start-up scripts.
import { type ExitCode, exitCode, WrongUse } from './exit-code.ts'
import type { BootstrapOptions } from './program.ts'
import type { MemberOptions } from '../server/index.ts'
import type { Terminal } from './terminal.ts'

export async function bootstrapCommand(command: { readonly options: BootstrapOptions; readonly terminal: Terminal }): Promise<ExitCode> {
  const { options, terminal } = command
  const members = options.member.map(parsedMember)
  const id = parsedId(options.id, '--id')
  const { Server } = await import('../server/index.ts')
  await Server.bootstrap({ dir: options.dir, id, clusterId: options.cluster, members })
  if (options.json === true) terminal.out(JSON.stringify({ ok: true, dir: options.dir, id, clusterId: options.cluster, members }))
  terminal.err(
    `node ${id} of cluster ${options.cluster} may start on ${options.dir}; members: ${members.map((member) => member.id).join(', ')}`,
  )
  return exitCode.fine
}

const memberHint = 'Write <id>=<peer host:port>,<client host:port>, for example 1=10.0.0.1:7001,10.0.0.1:7101.'

/** `1=10.0.0.1:7001,10.0.0.1:7101`. The addresses themselves are judged by `Server.bootstrap`. */
function parsedMember(text: string): MemberOptions {
  const [, id, peer, client] = /^([^=]*)=([^,]*),([^,]*)$/.exec(text) ?? []
  if (id === undefined || peer === undefined || client === undefined) throw new WrongUse(`--member ${text} is not a member`, memberHint)
  return { id: parsedId(id, `--member ${text}`), peer, client }
}

function parsedId(text: string, option: string): number {
  const id = Number(text)
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(id) && id >= 1) return id
  throw new WrongUse(`${option}: '${text}' is not the id of a node`, 'Ids are whole numbers from 1.')
}
