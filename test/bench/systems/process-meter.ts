// CPU and memory of processes, as Linux tells them; elsewhere nothing is told.
import { readFileSync } from 'node:fs'
import type { Meter } from './system.js'

/** Of a second; the same on every Linux that Node runs on. */
const ticksPerSecond = 100
const unknown: Meter = { cores: Number.NaN, mebibytes: Number.NaN }

interface Reading {
  readonly at: number
  readonly cpuSeconds: number
  readonly mebibytes: number
}

export function readProcess(pid: number | undefined): Reading | undefined {
  if (pid === undefined) return undefined
  try {
    // The name, in parentheses, may hold anything: what follows the last of them is numbers.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const [user = 0, system = 0] = [fields[11], fields[12]]
    const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return { at: performance.now(), cpuSeconds: (user + system) / ticksPerSecond, mebibytes: Math.round(Number(resident ?? 0) / 1_024) }
  } catch {
    return undefined
  }
}

/** Reads `pids` now, and again at the end. */
export class ProcessMeter {
  readonly #pids: readonly (number | undefined)[]
  readonly #began: readonly (Reading | undefined)[]

  constructor(pids: readonly (number | undefined)[]) {
    this.#pids = pids
    this.#began = pids.map(readProcess)
  }

  read(): readonly Meter[] {
    return this.#pids.map((pid, i) => {
      const [began, ended] = [this.#began[i], readProcess(pid)]
      if (began === undefined || ended === undefined) return unknown
      const cores = (1_000 * (ended.cpuSeconds - began.cpuSeconds)) / (ended.at - began.at)
      return { cores, mebibytes: ended.mebibytes }
    })
  }
}
