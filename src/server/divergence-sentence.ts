// Replicas that differ, in sentences for the operator's log.
import type { NodeEvent } from '../node/index.ts'

type Event = Extract<NodeEvent, { kind: 'stateDiverged' | 'differenceFound' | 'statesAgree' }>

export function divergenceSentence(id: number, event: Event): string {
  switch (event.kind) {
    case 'stateDiverged':
      return divergedSentence(id, event)
    case 'differenceFound': {
      const { index, isFirst, command, from } = event
      const what = command === undefined ? `entry ${index}` : `entry ${index}, a command ${command}`
      const since = isFirst ? `since ${what}` : `since ${what}, or an earlier one: further back neither remembers`
      return `the states of nodes ${id} and ${from} differ ${since}`
    }
    case 'statesAgree':
      return `node ${id}: all voters have the same state after entry ${event.index}`
  }
}

function divergedSentence(id: number, { standing, index, others }: Extract<Event, { kind: 'stateDiverged' }>): string {
  const theirs = `${others.length === 1 ? 'node' : 'nodes'} ${others.join(', ')}`
  const evidence = 'Each node keeps a snapshot of one same entry: `raftgen state diff` says what differs in them'
  switch (standing) {
    case 'fenced':
      return (
        `the state of node ${id} after entry ${index} is not that of a majority, ${theirs}: it answers nothing and votes for nobody any more. ${evidence}. ` +
        'Its snapshots of that state are set aside: restarted, it begins with an older one and its log, or fetches one from another node'
      )
    case 'doubtful':
      return `the state of node ${id} after entry ${index} is not that of ${theirs}, and no majority has the same one so far: it answers nothing until one has. ${evidence}`
    case 'sound':
      return `the state of ${theirs} after entry ${index} is not that of the majority, which node ${id} belongs to. ${evidence}`
  }
}
