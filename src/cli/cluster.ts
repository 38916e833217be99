// `raftgen cluster ...`: `ClusterAdmin` for people and scripts.
import type { ChangeStep, ClusterAdmin, ClusterView } from '../client/index.ts'
import { leaseMsMax } from '../core/limits.ts'
import { RaftgenError } from '../errors.ts'
import { u48Max } from '../wire/u48.ts'
import { everyStatus, whyLeaderless } from './cluster-nodes.ts'
import { noteLines } from './cluster-notes.ts'
import type { ClusterCommandLine } from './cluster-program.ts'
import { memberLines, nodeLines } from './cluster-table.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { WrongUse } from './wrong-use.ts'
import { type NodeArgument, parsedId, parsedMember } from './node-arguments.ts'
import type { Terminal } from './terminal.ts'

const defaultTimeoutMs = 10_000
const timeoutMsMax = 3_600_000

/** What came of it: a view of the cluster, and a sentence. */
interface Done {
  readonly view: ClusterView
  readonly sentence: string
}
interface Action {
  /** Of the members; none for others. */
  readonly steps: readonly ChangeStep[]
  run(admin: ClusterAdmin): Promise<Done>
}

export async function clusterCommand(line: ClusterCommandLine, terminal: Terminal): Promise<ExitCode> {
  const timeoutMs = parsedMs(line.options.timeout ?? `${defaultTimeoutMs}`, '--timeout')
  // Judged before anything is connected.
  const action = actionOf(line, timeoutMs)
  const { ClusterAdmin } = await import('../client/index.ts')
  const servers = line.options.server
  let admin: ClusterAdmin | undefined
  try {
    admin = await ClusterAdmin.connect({ servers, timeoutMs })
    if (action === undefined) return await status(admin, line, { timeoutMs, terminal })
    const { view, sentence } = await action.run(admin)
    if (line.options.json === true) terminal.out(JSON.stringify({ ok: true, cluster: view }))
    terminal.err(sentence)
    return exitCode.fine
  } catch (error) {
    const { withAdvice } = await import('./cluster-advice.ts')
    throw await withAdvice(error, { servers, admin, steps: action?.steps ?? [] })
  } finally {
    await admin?.close()
  }
}

/** What is to be done; nothing for `status`. Throws WrongUse. */
function actionOf({ name, words, options }: ClusterCommandLine, timeoutMs: number): Action | undefined {
  const force = options.force === true
  const change = (steps: readonly ChangeStep[], what: string): Action => ({
    steps,
    run: async (admin) => {
      const view = await admin.change(steps, { timeoutMs, force })
      return { view, sentence: `${what}; members: ${view.members.map(({ id, role }) => `${id} (${role})`).join(', ')}` }
    },
  })
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
      return { steps: [], run: (admin) => transferred(admin, to, timeoutMs) }
    }
    case 'lease': {
      const [word = ''] = words
      const lease = word === 'off' ? 'off' : { durationMs: parsedMs(word, 'lease', leaseMsMax) }
      const run = async (admin: ClusterAdmin): Promise<Done> => {
        const view = await admin.setLeaseReads(lease, { timeoutMs })
        return { view, sentence: view.leaseReads === undefined ? 'lease reads are off' : `leases last ${view.leaseReads.durationMs} ms` }
      }
      return { steps: [], run }
    }
    case 'skip': {
      const [word = ''] = words
      const index = parsedIndex(word)
      const run = async (admin: ClusterAdmin): Promise<Done> => {
        const view = await admin.skip(index, { timeoutMs })
        return { view, sentence: `the command at index ${index} is skipped on every node` }
      }
      return { steps: [], run }
    }
    case 'activate': {
      const [word] = words
      const version = word === undefined ? undefined : parsedVersion(word)
      const run = async (admin: ClusterAdmin): Promise<Done> => {
        const view = await admin.activate(version, { timeoutMs })
        return {
          view,
          sentence: version === undefined ? 'the newest version of the schema is in force' : `version ${version} of the schema is in force`,
        }
      }
      return { steps: [], run }
    }
  }
}

function parsedVersion(word: string): number {
  const version = Number(word)
  if (/^\d+$/.test(word) && version >= 1 && version <= 65_535) return version
  throw new WrongUse(
    `activate: '${word}' is not a version of the schema`,
    'Versions are whole numbers from 1; leave it out for the newest.',
  )
}

function parsedIndex(word: string): number {
  const index = Number(word)
  if (/^\d+$/.test(word) && index >= 1 && index <= u48Max) return index
  throw new WrongUse(
    `skip: '${word}' is not the index of an entry`,
    'Indexes are whole numbers from 1; `raftgen cluster status` shows which.',
  )
}

/** Who leads already has what was asked for. */
async function transferred(admin: ClusterAdmin, to: number | undefined, timeoutMs: number): Promise<Done> {
  try {
    const view = await admin.transferLeadership({ timeoutMs, ...(to === undefined ? {} : { to }) })
    return { view, sentence: `node ${view.leader} leads` }
  } catch (error) {
    if (!(error instanceof RaftgenError && 'reason' in error && error.reason === 'transferToSelf')) throw error
    return { view: await admin.members({ timeoutMs }), sentence: `node ${to} leads already` }
  }
}

async function status(
  admin: ClusterAdmin,
  { options }: ClusterCommandLine,
  { timeoutMs, terminal }: { readonly timeoutMs: number; readonly terminal: Terminal },
): Promise<ExitCode> {
  try {
    const view = await admin.members({ timeoutMs })
    // Of itself only a node knows what stands in its way.
    const nodes = await everyStatus([...options.server, ...view.members.map(({ client }) => client)])
    if (options.json === true) terminal.out(JSON.stringify({ ok: true, cluster: view, nodes }))
    else for (const line of [...memberLines(view), ...paragraph(noteLines(nodes))]) terminal.out(line)
    return exitCode.fine
  } catch (error) {
    if (!(error instanceof RaftgenError) || error.code !== 'UNAVAILABLE') throw error
    return leaderless(error, options, terminal)
  }
}

/** Nobody leads, or nobody that leads can be reached: what each node says of itself shows why. */
async function leaderless(error: RaftgenError, options: ClusterCommandLine['options'], terminal: Terminal): Promise<ExitCode> {
  const nodes = await everyStatus(options.server)
  const hint = whyLeaderless(nodes)
  if (options.json === true) {
    const { code, message, retryable } = error
    terminal.out(JSON.stringify({ ok: false, error: { exitCode: exitCode.findings, code, retryable, message, hint }, nodes }))
  } else for (const line of [...nodeLines(nodes), ...paragraph(noteLines(nodes))]) terminal.out(line)
  terminal.err(`raftgen: ${error.message}\n${terminal.paint('dim', `  ${hint}`)}`)
  return exitCode.findings
}

const paragraph = (lines: readonly string[]): readonly string[] => (lines.length === 0 ? [] : ['', ...lines])

function parsedMs(text: string, what: string, max = timeoutMsMax): number {
  const ms = Number(text)
  if (/^[0-9]+$/.test(text) && ms >= 1 && ms <= max) return ms
  throw new WrongUse(
    `${what}: '${text}' is not a duration of 1 to ${max} milliseconds`,
    `Write whole milliseconds${what === 'lease' ? ', or off' : ''}.`,
  )
}

const named = (nodes: readonly Pick<NodeArgument, 'id'>[]): string =>
  `${nodes.length === 1 ? 'node' : 'nodes'} ${nodes.map(({ id }) => id).join(', ')}`
