// How the event loop of a process fares, in slices of time: for how long it stood still at most, and what of that the garbage collector took.
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'

export interface SnapshotNote {
  /** Wall clock, milliseconds. */
  readonly from: number
  readonly to: number
  readonly longestMs: number
}

export interface WatchNote {
  /** Wall clock at the beginning of the slice, milliseconds. */
  readonly at: number
  readonly longestMs: number
  /** Of a turn, what no garbage collection took. */
  readonly withoutGcMs: number
  readonly residentMiB: number
}

export interface HealthNote {
  /** How late timers of the event loop came, of all of them in that time. */
  readonly delayP99Ms: number
  /** The least that was in use: what is there after a collection. */
  readonly heapMiB: number
}

export interface Span {
  readonly from: number
  readonly to: number
}

/** What the garbage collector does, as it is told: a little later. By `performance.now()`. */
export function watchCollections(): { spans: Span[] } {
  const watch: { spans: Span[] } = { spans: [] }
  const observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) watch.spans.push({ from: startTime, to: startTime + duration })
  })
  observer.observe({ entryTypes: ['gc'] })
  return watch
}

/** How much of `span` none of `others` takes. */
export const lengthWithout = (span: Span, others: readonly Span[]): number => span.to - span.from - overlap(span, others)

/** Tells of each slice of `sliceMs`, one slice late. What is under a millisecond is not seen. */
export function watchEventLoop(sliceMs: number, tell: (note: WatchNote) => void): void {
  const collections = watchCollections()
  let begun = { at: Date.now(), from: performance.now() }
  let stood: Span[] = []
  let before: { readonly at: number; readonly stood: readonly Span[] } | undefined
  let last = begun.from

  const finish = (at: number, spans: readonly Span[]): void => {
    const longestMs = Math.max(0, ...spans.map(({ from, to }) => to - from))
    const withoutGcMs = Math.max(0, ...spans.map((span) => lengthWithout(span, collections.spans)))
    tell({ at, longestMs, withoutGcMs, residentMiB: Math.round(process.memoryUsage.rss() / 1_048_576) })
  }
  const look = (): void => {
    const now = performance.now()
    // What a timer of a millisecond is late.
    if (now - last > 1) stood.push({ from: last + 1, to: now })
    last = now
    if (now - begun.from >= sliceMs) {
      if (before !== undefined) finish(before.at, before.stood)
      collections.spans = collections.spans.filter(({ to }) => to >= begun.from)
      before = { at: begun.at, stood }
      stood = []
      begun = { at: Date.now(), from: now }
    }
    setTimeout(look, 1)
  }
  look()
}

/** Tells every `everyMs`; looks once a second. It costs next to nothing, and sees no single block. */
export function watchHealth(everyMs: number, tell: (note: HealthNote) => void): void {
  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs })
  delay.enable()
  let heap = Number.POSITIVE_INFINITY
  setInterval(() => (heap = Math.min(heap, process.memoryUsage().heapUsed)), 1_000)
  setInterval(() => {
    // The time between two timers is told, with their interval.
    tell({ delayP99Ms: Math.max(0, delay.percentile(99) / 1e6 - delayResolutionMs), heapMiB: heap / 1_048_576 })
    delay.reset()
    heap = Number.POSITIVE_INFINITY
  }, everyMs)
}

const delayResolutionMs = 10

function overlap({ from, to }: Span, others: readonly Span[]): number {
  return others.reduce((sum, other) => sum + Math.max(0, Math.min(to, other.to) - Math.max(from, other.from)), 0)
}
