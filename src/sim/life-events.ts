// What a node reports, told to the story, the coverage and the oracles.
import type { NodeEvent } from '../node/index.ts'
import type { SimServer } from './sim-server.ts'
import type { World } from './world.ts'

export function noteEvent(event: NodeEvent, server: SimServer, { safety, applied, coverage, verdict, sabotage, note: tell }: World): void {
  const { id, name } = server
  const note = (mark: number, what: string, about: unknown): void => tell(mark, { who: name, what, about })
  switch (event.kind) {
    case 'role':
      safety.onRole(id, event.softState)
      return note(event.softState.term, `is ${event.softState.role} of term`, event.softState.term)
    case 'snapshotInstalled':
      applied.onRestored(id, event.index)
      server.hasLostState = false
      coverage.count('snapshotFetched')
      return note(event.index, 'has its state from a snapshot of', event.index)
    case 'snapshotTaken':
      coverage.count('snapshotTaken')
      server.hasLostState = false
      return note(event.index, 'has taken a snapshot of', event.index)
    case 'snapshotFailed':
      return note(event.index, `fails with a snapshot of ${event.index}:`, event.error.message)
    case 'handlerFailed':
      coverage.count('handlerFailed')
      return note(event.index, `fails at ${event.index}:`, event.failure.message)
    case 'versionActive':
      if (event.version > 1) coverage.count('versionActivated')
      return note(event.version, 'is of version', event.version)
    case 'applyHalted':
      return note(event.halt.index, 'applies nothing from', event.halt)
    case 'applyGoesOn':
      server.halted = undefined
      return note(event.index, 'has behind it', event.index)
    case 'handlerFatal':
      server.halted = event.halt
      return note(event.halt.index, 'dies of', event.halt)
    case 'commandSkipped':
      return note(event.index, 'skips', event.index)
    case 'stateAstray':
      return note(event.index, 'gives up its state:', event)
    case 'forgotten':
      coverage.count('forgotten')
      if (event.floor !== undefined) safety.onFloor(id)
      return note(event.by, 'had forgotten what it is told:', event)
    case 'floorLearned':
      safety.onFloor(id)
      return note(event.floor.index, 'learns what it may have held:', event.floor)
    case 'logRepaired':
      return note(event.lastIndex, 'has back', event)
    case 'entriesMissing':
      return note(event.firstIndex, 'lacks', event)
    case 'stateDiverged':
      note(event.index, 'finds that states differ:', event)
      return verdict.check(
        sabotage.machine !== undefined,
        'equal digests at equal applied index',
        () => `${name} finds that its state after entry ${event.index} is not that of ${event.others.join(', ')} (${event.standing})`,
      )
    case 'statesAgree':
      return note(event.index, 'finds that all states agree after', event.index)
    case 'differenceFound':
      return note(event.index, 'finds where they began to differ:', event)
    case 'logCompacted':
      coverage.count('logCompacted')
      return note(event.firstIndex, 'has a log from', event.firstIndex)
    default:
  }
}
