// How many seeds it takes until one finds out what is wrong with a copy.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { SeedNews } from './seeds.ts'

/** A seed that takes longer than this is taken never to end: most take less than a second. Milliseconds. */
const seedMs = 60_000
/** Of what a process says as it dies, characters. */
const wordsMax = 2_000

export interface Caught {
  /** From 1 on, so many were run. */
  readonly seeds: number
  /** Of all of them. */
  readonly steps: number
  /** What the last one failed with. */
  readonly by: string
  /** What was seen, with the values. */
  readonly finding: string
}

/** Runs seeds 1 to `seedsMax` with `program`, in a process of their own. `undefined`: none of them has failed. */
export async function hunt(program: string, { seedsMax }: { readonly seedsMax: number }): Promise<Caught | undefined> {
  const child = fork(program, ['1', String(seedsMax)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  const exited = once(child, 'exit')
  const news: SeedNews[] = []
  let words = ''
  let isHung = false
  const timer = setTimeout(() => {
    isHung = true
    child.kill('SIGKILL')
  }, seedMs)
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-wordsMax)
  })
  child.on('message', (one: SeedNews) => {
    news.push(one)
    timer.refresh()
  })
  await exited
  clearTimeout(timer)
  return judge(news, seedsMax, isHung ? 'it never ends' : `the process ends: ${lastWords(words)}`)
}

/** `silence`: why nothing was told of the next seed. */
function judge(news: readonly SeedNews[], seedsMax: number, silence: string): Caught | undefined {
  const steps = news.reduce((sum, one) => sum + (one.kind === 'threw' ? 0 : one.steps), 0)
  const last = news.at(-1)
  if (last?.kind === 'failed') return { seeds: last.seed, steps, by: last.invariant, finding: last.finding }
  if (last?.kind === 'threw') return { seeds: last.seed, steps, by: 'it throws', finding: last.error }
  if (news.length === seedsMax) return undefined
  return { seeds: news.length + 1, steps, by: silence, finding: silence }
}

const lastWords = (words: string): string => /^\w*Error.*$/m.exec(words)?.[0] ?? 'without a word'
