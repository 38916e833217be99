// A data directory as lines of text, and as one object.
import type { ConfState, Fence, TermRun } from '../core/index.ts'
import type { FatalCommand } from '../storage/halt-file.ts'
import type { DirFinding, Inspection } from '../storage/inspect.ts'
import { entriesName } from '../storage/inspect-log.ts'
import { type Outcome, todoOf } from './log-outcome.ts'
import type { KeptSchema } from '../storage/schema-file.ts'
import { counted } from './terminal.ts'

/** Terms and runs beyond are counted, not listed. */
const listedMax = 8
/** Findings likewise; --json has all. */
const findingsMax = 50
const labelWidth = 12

export function inspectionLines(inspection: Inspection): readonly string[] {
  const { dir, identity, machine, schema, snapshots, peers, halted, putAside, witness } = inspection
  const whose =
    identity === undefined
      ? 'nothing tells whose it is'
      : `node ${identity.nodeId} of cluster ${identity.clusterId}, incarnation ${identity.incarnation}${identity.diskId === undefined ? '' : `, disk ${identity.diskId}`}`
  const machineText =
    machine === undefined ? 'none has run on it yet' : `${machine.name}, version ${machine.version}, wire format ${machine.wire}`
  return [
    `${dir}: ${whose}`,
    ...labelled('machine', [machineText]),
    ...labelled('schema', schema === undefined ? [] : [schemaText(schema)]),
    ...logLines(inspection),
    ...labelled('snapshots', snapshots.length === 0 ? ['none'] : snapshots.map(snapshotText)),
    ...labelled('peers', [
      peers.length === 0 ? 'no disk of theirs is known' : `the disks of ${peers.length} are known`,
      ...witness.map(witnessText),
    ]),
    ...labelled('halted', halted === undefined ? [] : [haltedText(halted)]),
    ...labelled(
      'put aside',
      putAside.map(({ path, bytes }) => `${path}, ${bytesText(bytes)}`),
    ),
  ]
}

const schemaText = ({ machine, versions }: KeptSchema): string =>
  `of ${machine}, ${versions.length === 1 ? 'version' : 'versions'} ${versions.map(({ version }) => version).join(', ')}`

const haltedText = ({ index, command, message }: FatalCommand): string =>
  `before entry ${index}, of which its last life died${command === '' ? '' : ` in ${command}`}: ${message}`

function logLines({ log }: Inspection): readonly string[] {
  const { found, islands, slots, asIs } = log
  const { base, end, terms, hardState, confs } = found
  const first = (base?.id.index ?? 0) + 1
  const held = end.index < first ? 'no entries' : `${entriesName({ firstIndex: first, lastIndex: end.index })} of ${termsText(terms.runs)}`
  const before = base === undefined || base.id.index === 0 ? '' : `, after the snapshot of entry ${base.id.index} of term ${base.id.term}`
  const behind = islands.map((run) => `behind a hole: ${entriesName(run)}`)
  const conf = base === undefined ? undefined : (confs.at(-1)?.conf ?? base.conf)
  const { newest } = slots
  const water = newest === undefined ? 'cannot be read' : `${idText(newest.last)}, write ${newest.last.writes}`
  const vote =
    hardState === undefined
      ? 'cannot be read'
      : `term ${hardState.term}, ${hardState.votedFor === undefined ? 'no vote' : `vote for ${hardState.votedFor}`}`
  return [
    ...labelled('members', [conf === undefined ? membersText(newest?.members ?? []) : confText(conf)]),
    ...labelled('log', [
      base === undefined && islands.length === 0 && end.index === 0 ? 'nothing can be read' : `${held}${before}`,
      ...shortened(behind),
    ]),
    ...labelled('last write', [vote]),
    ...labelled('high water', [water]),
    ...(asIs.kind === 'open' && asIs.fence !== undefined ? labelled('lacks', [fenceText(asIs.fence, asIs.end.index)]) : []),
  ]
}

export function findingLines(inspection: Inspection, outcome: Outcome): readonly string[] {
  const { findings } = inspection
  if (findings.length === 0) return []
  const more = findings.length > findingsMax ? [`  and ${findings.length - findingsMax} more: --json has all of them`] : []
  const lines = findings
    .slice(0, findingsMax)
    .flatMap((finding) => [`  ${findingText(finding)}`, `    -> ${todoOf(finding, inspection, outcome)}`])
  return [`${counted(findings.length, 'finding')}:`, ...lines, ...more, '']
}

/** With the entries that it is about. */
export const findingText = ({ range, what }: DirFinding): string =>
  range === undefined || what.startsWith(entriesName(range)) ? what : `${entriesName(range)}: ${what}`

/** The same for scripts. */
export function contentOf({ dir, identity, machine, schema, log, snapshots, peers, halted, witness, putAside }: Inspection): object {
  const { found, islands, slots, asIs } = log
  const { base, end, hardState, confs } = found
  const fence = asIs.kind === 'open' ? asIs.fence : undefined
  return {
    dir,
    identity,
    machine,
    schema: schema && { machine: schema.machine, versions: schema.versions.map(({ version }) => version) },
    members: base === undefined ? undefined : (confs.at(-1)?.conf ?? base.conf),
    log: {
      base: base?.id,
      firstIndex: (base?.id.index ?? 0) + 1,
      lastIndex: end.index,
      terms: found.terms.runs,
      islands: islands.map(({ firstIndex, lastIndex }) => ({ firstIndex, lastIndex })),
      hardState: hardState && { term: hardState.term, votedFor: hardState.votedFor },
    },
    highWater: slots.newest && { term: slots.newest.last.term, index: slots.newest.last.index, writes: slots.newest.last.writes },
    fence,
    snapshots: snapshots.map(({ file, id, meta, damage }) => ({ file, ...id, bytes: meta?.bytes, damage })),
    peers,
    halted,
    witness,
    putAside,
  }
}

/** The last entry that anything tells of, whether it is there or not. */
export function knownEnd({ log }: Inspection): number {
  const { found, slots, asIs, islands } = log
  const floor = asIs.kind === 'open' ? asIs.fence?.floor?.index : undefined
  const known = Math.max(found.end.index, found.hardState?.lastIndex ?? 0, slots.newest?.last.index ?? 0, floor ?? 0)
  return islands.reduce((last, { lastIndex }) => Math.max(last, lastIndex), known)
}

/** The largest term that is there to be read. */
export const knownTerm = ({ log }: Inspection): number =>
  log.islands.reduce((last, { lastTerm }) => Math.max(last, lastTerm), log.found.end.term)

export const idText = ({ index, term }: { readonly index: number; readonly term: number }): string =>
  index === 0 ? 'no entry' : `entry ${index} of term ${term}`

/** `voters 1, 2, 3; learners 4 (joining)` */
export function confText({ voters, votersOutgoing, learners, joining, leaseMs, members }: ConfState): string {
  if (voters.length === 0) return `none votes yet; to be asked: ${members.map(({ id }) => id).join(', ')}`
  const parts = [
    `voters ${voters.join(', ')}`,
    ...(votersOutgoing.length === 0 ? [] : [`together with the voters before, ${votersOutgoing.join(', ')}`]),
    ...(learners.length === 0 ? [] : [`learners ${learners.map((id) => (joining.includes(id) ? `${id} (joining)` : `${id}`)).join(', ')}`]),
    ...(leaseMs === 0 ? [] : [`leases of ${leaseMs} ms`]),
  ]
  return parts.join('; ')
}

export function bytesText(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

const membersText = (members: readonly { readonly id: number }[]): string =>
  members.length === 0 ? 'cannot be read' : `${members.map(({ id }) => id).join(', ')}, as far as the high water tells`

function fenceText({ floor }: Fence, lastIndex: number): string {
  if (floor === undefined) return `perhaps something after entry ${lastIndex}: nothing tells`
  return floor.index > lastIndex
    ? entriesName({ firstIndex: lastIndex + 1, lastIndex: floor.index })
    : `entry ${floor.index} of term ${floor.term}`
}

function termsText(runs: readonly TermRun[]): string {
  if (runs.length === 1) return `term ${runs[0]?.term}`
  if (runs.length > listedMax) return `${runs.length} terms, ${runs[0]?.term} to ${runs.at(-1)?.term}`
  return `terms ${runs.map(({ term, firstIndex }, i) => (i === 0 ? `${term}` : `${term} (from ${firstIndex})`)).join(', ')}`
}

function witnessText({ id, match, votedTerm }: Inspection['witness'][number]): string {
  const vote = votedTerm === 0 ? [] : [`it voted for this one in term ${votedTerm}`]
  const entry = match.index === 0 ? [] : [`it has acknowledged ${idText(match)}`]
  return `node ${id}: ${[...entry, ...vote].join(', ')}`
}

function snapshotText({ file, id, meta, damage }: Inspection['snapshots'][number]): string {
  const size = meta === undefined ? '' : `, ${bytesText(meta.bytes)}`
  return `${idText(id)}${size}${damage === undefined ? '' : `, damaged (${file})`}`
}

const shortened = (lines: readonly string[]): readonly string[] =>
  lines.length <= listedMax ? lines : [...lines.slice(0, listedMax), `and ${lines.length - listedMax} more runs`]

const labelled = (label: string, lines: readonly string[]): readonly string[] =>
  lines.map((line, i) => `${(i === 0 ? label : '').padEnd(labelWidth)}${line}`)
