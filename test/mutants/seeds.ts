// Runs seeds of the swarm, one after the other, until one fails. Tells its parent of each.
import { runSeed, SimulationError } from '../../src/sim/index.ts'

export type SeedNews =
  | { readonly kind: 'held'; readonly seed: number; readonly steps: number }
  | { readonly kind: 'failed'; readonly seed: number; readonly steps: number; readonly invariant: string; readonly finding: string }
  | { readonly kind: 'threw'; readonly seed: number; readonly error: string }

function run(seed: number): SeedNews {
  try {
    return { kind: 'held', seed, steps: runSeed(seed).steps }
  } catch (error) {
    if (error instanceof SimulationError) {
      return { kind: 'failed', seed, steps: error.run.steps, invariant: error.invariant, finding: error.finding }
    }
    return { kind: 'threw', seed, error: error instanceof Error ? error.message : String(error) }
  }
}

/** Each is told before the next begins: what comes of one that never ends is known by that. */
function next(seed: number, last: number): void {
  const news = run(seed)
  process.send?.(news, () => {
    if (news.kind === 'held' && seed < last) setImmediate(next, seed + 1, last)
    else process.disconnect?.()
  })
}

process.once('disconnect', () => process.exit())
const [first = 1, last = 1] = process.argv.slice(2).map(Number)
next(first, last)
