// `raftgen cluster ...`: `ClusterAdmin` for people and scripts.
import type { ChangeStep, ClusterAdmin, ClusterView, NodeStatus } from '../client/index.ts'
import { RaftgenError } from '../errors.ts'
import type { ClusterCommandLine } from './cluster-program.ts'
import { memberLines, nodeLines } from './cluster-table.ts'
import { type ExitCode, exitCode, WrongUse } from './exit-code.ts'
import { type NodeArgument, parsedId, parsedMember } from './node-arguments.ts'
import type { Terminal } from './terminal.ts'

const defaultTimeoutMs = 10_000

/** What came of it: a view of the cluster, and a sentence. */
interface Done {
  readonly view: ClusterView
  readonly sentence: string
}

export async function clusterCommand(line: ClusterCommandLine, terminal: Terminal): Promise<ExitCode> {
  const timeoutMs = parsedMs(line.options.timeout ?? `${defaultTimeoutMs}`, '--timeout')
  // Judged before anything is connected.
  const act = actionOf(line, timeoutMs)
  const { ClusterAdmin } = await import('../client/index.ts')
  const admin = await ClusterAdmin.connect({ servers: line.options.server, timeoutMs })
  try {
    if (act === undefined) return await status(admin, line, { timeoutMs, terminal })
    const { view, sentence } = await act(admin)
    if (line.options.json === true) terminal.out(JSON.stringify({ ok: true, cluster: view }))
    terminal.err(sentence)
    return exitCode.fine
  } finally {
    await admin.close()
  }
}

/** What is to be done; nothing for `status`. Throws WrongUse. */
function actionOf({ name, words, options }: ClusterCommandLine, timeoutMs: number): ((admin: ClusterAdmin) => Promise<Done>) | undefined {
  const force = options.force === true
  const change =
    (steps: readonly ChangeStep[], what: string) =>
    async (admin: ClusterAdmin): Promise<Done> => {
      const view = await admin.change(steps, { timeoutMs, force })
      return { view, sentence: `${what}; members: ${view.members.map(({ id, role }) => `${id} (${role})`).join(', ')}` }
    }
  switch (name) {
    case 'status':
      return undefined
    case 'add': {
      const members = words.map((word) => parsedMember(word, word))
      const kind = options.learner === true ? 'addLearner' : 'addVoter'
      const what = `${named(members)} added${kind === 'addVoter' ? ', to vote once caught up' : ''}`
      return change(
        members.map((member) => ({ kind, member })),
        what,
      )
    }
    case 'update': {
      const members = words.map((word) => parsedMember(word, word))
      return change(
        members.map((member) => ({ kind: 'update', member })),
        `${named(members)} updated`,
      )
    }
    case 'promote':
    case 'demote':
    case 'remove': {
      const ids = words.map((word) => parsedId(word, name))
      return change(
        ids.map((id) => ({ kind: name, id })),
        `${named(ids.map((id) => ({ id })))} ${name}d`,
      )
    }
    case 'transfer': {
      const to = options.to === undefined ? undefined : parsedId(options.to, '--to')
      return async (admin) => {
        const view = await admin.transferLeadership({ timeoutMs, ...(to === undefined ? {} : { to }) })
        return { view, sentence: `node ${view.leader} leads` }
      }
    }
    case 'lease': {
      const [word = ''] = words
      const lease = word === 'off' ? 'off' : { durationMs: parsedMs(word, 'lease') }
      return async (admin) => {
        const view = await admin.setLeaseReads(lease, { timeoutMs })
        return { view, sentence: view.leaseReads === undefined ? 'lease reads are off' : `leases last ${view.leaseReads.durationMs} ms` }
      }
    }
  }
}

async function status(
  admin: ClusterAdmin,
  { options }: ClusterCommandLine,
  { timeoutMs, terminal }: { readonly timeoutMs: number; readonly terminal: Terminal },
): Promise<ExitCode> {
  try {
    const view = await admin.members({ timeoutMs })
    if (options.json === true) terminal.out(JSON.stringify({ ok: true, cluster: view }))
    else for (const line of memberLines(view)) terminal.out(line)
    return exitCode.fine
  } catch (error) {
    if (!(error instanceof RaftgenError) || error.code !== 'UNAVAILABLE') throw error
    return leaderless(error, options, terminal)
  }
}

/** Nobody leads, or nobody that leads can be reached: what each node says of itself shows why. */
async function leaderless(error: RaftgenError, options: ClusterCommandLine['options'], terminal: Terminal): Promise<ExitCode> {
  const nodes = await everyStatus(options.server)
  if (options.json === true) {
    const { code, message } = error
    terminal.out(JSON.stringify({ ok: false, error: { exitCode: exitCode.findings, code, message }, nodes }))
  } else for (const line of nodeLines(nodes)) terminal.out(line)
  terminal.err(`raftgen: ${error.message}`)
  return exitCode.findings
}

export interface NodeAnswer {
  readonly address: string
  readonly status: NodeStatus | undefined
  /** Why there is none. */
  readonly problem: string | undefined
}

/** Of the given servers, and of the members that they name. */
async function everyStatus(servers: readonly string[]): Promise<readonly NodeAnswer[]> {
  const { nodeStatus } = await import('../client/index.ts')
  const asked = async (address: string): Promise<NodeAnswer> => {
    try {
      return { address, status: await nodeStatus({ address, timeoutMs: 1_000 }), problem: undefined }
    } catch (error) {
      return { address, status: undefined, problem: error instanceof Error ? error.message : String(error) }
    }
  }
  const given = await Promise.all([...new Set(servers)].map(asked))
  const named = given.flatMap(({ status }) => status?.conf.members.map(({ client }) => client) ?? [])
  const others = [...new Set(named)].filter((address) => !servers.includes(address))
  return [...given, ...(await Promise.all(others.map(asked)))]
}

function parsedMs(text: string, what: string): number {
  const ms = Number(text)
  if (/^[0-9]+$/.test(text) && ms >= 1 && ms <= 3_600_000) return ms
  throw new WrongUse(
    `${what}: '${text}' is not a duration`,
    `Write whole milliseconds from 1 to 3600000${what === 'lease' ? ', or off' : ''}.`,
  )
}

const named = (nodes: readonly Pick<NodeArgument, 'id'>[]): string =>
  `${nodes.length === 1 ? 'node' : 'nodes'} ${nodes.map(({ id }) => id).join(', ')}`
