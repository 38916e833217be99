// What clients are told of a handler that failed.
import type { HandlerFailure } from './state-machine.ts'

/** Of this package. */
const ownFolder = pathOf(new URL('../', import.meta.url).href)

/** What it threw, and where in the source of its user, as far as the stack tells. */
export function failureText({ message, stack }: HandlerFailure): string {
  const position = positionOf(stack)
  return position === undefined ? message : `${message} (at ${position})`
}

/** Where `stack` comes to the source of a user: its first place that is not raftgen's, nor of Node, nor, if there is another, in a folder `generated`. */
export function positionOf(stack: string | undefined): string | undefined {
  const paths = placesOf(stack)
  return paths.find((path) => !path.includes('/generated/')) ?? paths[0]
}

function placesOf(stack: string | undefined): readonly string[] {
  const paths: string[] = []
  for (const line of stack?.split('\n') ?? []) {
    const place = /^\s+at (?:.* \()?(.+:\d+:\d+)\)?$/.exec(line)?.[1]
    if (place === undefined || place.startsWith('node:')) continue
    const path = pathOf(place)
    if (!path.startsWith(ownFolder)) paths.push(path)
  }
  return paths
}

function pathOf(place: string): string {
  return place.replace(/^file:\/\//, '')
}
