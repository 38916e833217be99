// What becomes of a disk, in words for operators.
import { unreachable } from '../core/invariant.ts'
import type { NodeEvent } from '../node/index.ts'
import { inMebibytes, leftOf } from '../node/disk-watch.ts'

export type DiskEvent = Extract<NodeEvent, { kind: 'diskFull' | 'diskHasRoom' | 'diskHung' | 'diskBack' }>

export function diskSentence(nodeId: number, event: DiskEvent): string {
  const disk = `the disk of node ${nodeId}`
  switch (event.kind) {
    case 'diskFull': {
      const { space, reserveBytes, roomBytes } = event
      const { freeBytes, neededBytes } = space
      const left = inMebibytes(leftOf(space))
      const why =
        neededBytes === 0
          ? ''
          : ` (${inMebibytes(freeBytes)} are free, and its database may need ${inMebibytes(neededBytes)} to merge its tables)`
      return (
        `${disk} is nearly full: ${left} are left${why}, and ${inMebibytes(reserveBytes)} are its reserve. ` +
        `Until ${inMebibytes(roomBytes)} are left it takes no commands and no snapshots, and leads only where nobody else can`
      )
    }
    case 'diskHasRoom':
      return `${disk} has room again: ${inMebibytes(leftOf(event.space))} are left`
    case 'diskHung':
      return `${disk} has not finished a write for ${seconds(event.forMs)}: ${event.handsOver ? 'handing over' : 'meanwhile it acknowledges nothing, and does not campaign'}`
    case 'diskBack':
      return `${disk} has finished a write after ${seconds(event.tookMs)}`
    default:
      return unreachable(event)
  }
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
