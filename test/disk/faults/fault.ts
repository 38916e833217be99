// A real fault, made by the system or by a tool, and the scene that it is played in.
import type { Result } from '../result.ts'
import type { Id } from '../trio.ts'
import { Scene } from './scene.ts'

/** Enough for a snapshot on each node. */
const callsBefore = 200

/** What a fault may use. */
export interface Surroundings {
  readonly seed: number
  /** Of its own, not there yet. */
  readonly folder: string
}

export interface Fault {
  /** Row of the table. */
  readonly kind: string
  readonly name: string
  /** Why it cannot be tried here, if it cannot. */
  missing(): Promise<string | undefined>
  run(surroundings: Surroundings): Promise<Result>
}

/** `dirs`: where the nodes have their directories. `play` throws what is not as it must be. */
export async function played(
  { kind, name }: Pick<Fault, 'kind' | 'name'>,
  play: (scene: Scene) => Promise<void>,
  dirs?: ReadonlyMap<Id, string>,
): Promise<Result> {
  const begun = performance.now()
  const problems: string[] = []
  let scene: Scene | undefined
  try {
    scene = await Scene.open(dirs)
    await scene.serves('before the fault', { calls: callsBefore })
    await play(scene)
  } catch (thrown) {
    problems.push(thrown instanceof Error ? thrown.message : String(thrown))
    // Whatever else is wrong: whether anything was lost is told all the same, where it can be.
    await scene?.heals().catch(() => undefined)
  } finally {
    await scene?.close()
  }
  const { lost, wrong } = scene?.verdict ?? { lost: [], wrong: [] }
  const said = scene?.said ?? []
  const outcome = problems.length > 0 ? 'failed' : said.length > 0 ? 'repaired' : 'unaffected'
  return { kind, name, outcome, isEndedBySignal: false, problems, lost, wrong, said, tookMs: Math.round(performance.now() - begun) }
}
