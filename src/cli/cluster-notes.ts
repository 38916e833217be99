// What stands in the way of a node, by its own account: for operators, below the table of a cluster.
import type { NodeStatus } from '../client/index.ts'
import { haltText } from '../node/halt-sentence.ts'
import type { NodeAnswer } from './cluster-nodes.ts'

/** A line for each thing; none where all is well. */
export function noteLines(nodes: readonly NodeAnswer[]): readonly string[] {
  const statuses = nodes.flatMap(({ status }) => status ?? []).toSorted((a, b) => a.nodeId - b.nodeId)
  // One that was asked at two addresses says the same twice.
  return [...new Set(statuses.flatMap((status) => notesOn(status).map((note) => `node ${status.nodeId}: ${note}`)))]
}

function notesOn({ fence, lastIndex, disk, divergence, halted, schema, role }: NodeStatus): readonly string[] {
  const notes: string[] = []
  if (fence !== undefined) notes.push(onFence(fence, lastIndex))
  if (divergence !== undefined) notes.push(onDivergence(divergence))
  if (disk.isFull) {
    const left = disk.leftBytes === undefined ? '' : `, ${(disk.leftBytes / 1_048_576).toFixed(1)} MiB are left`
    notes.push(`its disk is nearly full${left}: it takes no commands, and leads only where nobody else can`)
  }
  if (disk.hungMs !== undefined) {
    notes.push(
      `its disk has not finished a write for ${(disk.hungMs / 1_000).toFixed(1)} s: it acknowledges nothing, and does not campaign`,
    )
  }
  if (halted !== undefined) notes.push(haltText(halted))
  if (schema.failed !== undefined) notes.push(`version ${schema.version} of the schema is in force, and ${schema.failed}`)
  else if (role === 'leader' && schema.next !== undefined) notes.push(onNext(schema))
  return notes
}

function onNext({ version, next, lacking }: NodeStatus['schema']): string {
  const what = `version ${version} of the schema is in force, version ${next} could be`
  if (lacking.length === 0) return `${what}: raftgen cluster activate`
  const who = lacking.length === 1 ? `node ${lacking[0]} runs a build that knows it` : `nodes ${lacking.join(', ')} run builds that know it`
  return `${what}, once ${who}; or ${lacking.length === 1 ? 'is' : 'are'} removed`
}

function onDivergence({ standing, others, checkedIndex, index, isFirst, command }: NonNullable<NodeStatus['divergence']>): string {
  const theirs = `${others.length === 1 ? 'node' : 'nodes'} ${others.join(', ')}`
  const called = command === undefined ? '' : ` (${command})`
  const since =
    index === undefined ? ` after entry ${checkedIndex}` : ` since entry ${index}${called}${isFirst ? '' : ' or an earlier one'}`
  switch (standing) {
    case 'fenced':
      return `its state differs from that of a majority, ${theirs},${since}: it answers nothing and does not vote`
    case 'doubtful':
      return `its state differs from that of ${theirs}${since}, and no majority has the same one: it answers nothing`
    case 'sound':
      return `${theirs} differ from the majority${since}`
  }
}

function onFence({ floor }: NonNullable<NodeStatus['fence']>, lastIndex: number): string {
  if (floor === undefined) {
    return `cannot tell what its log held after entry ${lastIndex}: takes part in nothing until all other members, whole themselves, have told it what they hold`
  }
  const missing =
    floor.index > lastIndex + 1
      ? `entries ${lastIndex + 1} to ${floor.index}, the last of term ${floor.term}`
      : `entry ${floor.index} of term ${floor.term}`
  return `lacks ${missing}: follows, and does not vote for less`
}
