// A cluster as lines of text.
import type { ClusterMember, ClusterView } from '../client/index.ts'
import type { NodeAnswer } from './cluster-nodes.ts'

/** As its leader sees it. */
export function memberLines(view: ClusterView): readonly string[] {
  const { clusterId, leader, term, commitIndex, members, removed, isJoint, leaseReads } = view
  // Of interest only where a member has come back without its disk.
  const shown = members.some(({ incarnation }) => incarnation > 1)
  const rows = members.map((member) => [
    `${member.id}`,
    ...(shown ? [`${member.incarnation}`] : []),
    roleOf(member),
    ...standingOf(member),
    member.client,
    member.peer,
  ])
  return [
    `cluster ${clusterId}: node ${leader} leads in term ${term}, ${commitIndex} entries are committed`,
    `lease reads: ${leaseReads === undefined ? 'off' : `${leaseReads.durationMs} ms`}`,
    ...(removed.length === 0 ? [] : [`removed: ${removed.join(', ')}`]),
    ...(isJoint ? ['a change of the voters is under way: a majority of the old and one of the new ones are needed'] : []),
    '',
    ...table(['id', ...(shown ? ['incarnation'] : []), 'role', 'state', 'match', 'lag', 'active', 'client', 'peer'], rows),
  ]
}

/** As each sees itself, when there is no leader to ask. */
export function nodeLines(nodes: readonly NodeAnswer[]): readonly string[] {
  const rows = nodes.map(({ address, status, problem }) =>
    status === undefined
      ? [address, '-', '-', '-', '-', '-', '-', problem ?? '']
      : [
          address,
          `${status.nodeId}`,
          status.role,
          `${status.term}`,
          status.leader === undefined ? '-' : `${status.leader}`,
          `${status.lastIndex}`,
          `${status.commitIndex}`,
          '',
        ],
  )
  return table(['address', 'id', 'role', 'term', 'leader', 'last', 'committed', 'problem'], rows)
}

const roleOf = ({ role, isLeader }: ClusterMember): string => (isLeader ? 'leader' : role)

function standingOf({ progress }: ClusterMember): readonly string[] {
  if (progress === undefined) return ['-', '-', '-', '-']
  const { state, isActive, isCaughtUp, matchIndex, lag } = progress
  return [state === 'leader' ? '-' : state, `${matchIndex}`, `${lag}`, isActive ? (isCaughtUp ? 'yes' : 'catches up') : 'no']
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)))
  return [heads, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
