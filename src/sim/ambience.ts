// What surrounds a handler and is none of its business: clocks, chance, the time zone. Here it is as it is; elsewhere it is another. What is
// replaced is named by its global name, as handlers would.

/** More than a day, and no whole number of hours. */
const shiftMs = 123_456_789
const otherZones = ['Asia/Kathmandu', 'America/Caracas'] as const

export interface AmbienceOptions {
  /** Whether the time zone is another one, too: changing it takes some tens of microseconds. Default true. */
  readonly zone?: boolean
}

export class Ambience {
  readonly #zone: boolean
  /** Chance as it was drawn here. */
  #drawn: number[] = []

  constructor({ zone = true }: AmbienceOptions = {}) {
    this.#zone = zone
  }

  /** Runs `run` as things are. */
  here<T>(run: () => T): T {
    this.#drawn = []
    const math = globalThis['Math']
    const { random } = math
    math.random = () => {
      const drawn = random()
      this.#drawn.push(drawn)
      return drawn
    }
    try {
      return run()
    } finally {
      math.random = random
    }
  }

  /** Runs `run`, which ran here before, on a machine with another clock, in another time zone, and with other luck: half a circle away. */
  elsewhere<T>(run: () => T): T {
    const [math, stopwatch] = [globalThis['Math'], globalThis['performance']]
    const [random, now, calendar] = [math.random, stopwatch.now, globalThis['Date']]
    const environment = this.#zone ? globalThis['process']?.env : undefined
    const zone = environment?.['TZ']
    let draws = 0
    math.random = () => ((this.#drawn[draws++] ?? random()) + 0.5) % 1
    stopwatch.now = () => now.call(stopwatch) + shiftMs
    globalThis['Date'] = shifted(calendar)
    if (environment !== undefined) environment['TZ'] = otherZones.find((other) => other !== zone)
    try {
      return run()
    } finally {
      math.random = random
      stopwatch.now = now
      globalThis['Date'] = calendar
      if (environment !== undefined && zone === undefined) delete environment['TZ']
      else if (environment !== undefined) environment['TZ'] = zone
    }
  }
}

function shifted(calendar: (typeof globalThis)['Date']): typeof calendar {
  const now = (): number => calendar.now() + shiftMs
  return new Proxy(calendar, {
    construct: (target, values, made) => Reflect.construct(target, values.length === 0 ? [now()] : values, made),
    apply: () => new calendar(now()).toString(),
    get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
  })
}
