// A scenario: what is done to each system in turn, and what is told of it.
import type { System } from '../systems/system.js'

export interface Context {
  /** Interleaved: A B A B. */
  readonly systems: readonly System[]
  readonly rounds: number
  /** Of each measurement. */
  readonly seconds: number
  /** All of them, or what fits into two minutes. */
  readonly isFull: boolean
  /** An empty folder for data. */
  readonly folder: string
  progress(text: string): void
}

export interface Chart {
  /** Of the file: `writes`. */
  readonly name: string
  readonly title: string
  /** Of the vertical axis. */
  readonly unit: string
  readonly isLogarithmic: boolean
  readonly categories: readonly string[]
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[]
}

/** A part of the report. */
export interface Section {
  readonly title: string
  /** What was done, in a sentence or two. */
  readonly text: string
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
  readonly charts: readonly Chart[]
  /** As measured, for the JSON file. */
  readonly raw: unknown
}

export interface Scenario {
  /** Measures the `systems` of its context; the others start their own cluster, and are alone on the machine. */
  readonly isShared?: boolean
  readonly name: string
  /** For `--help` and progress. */
  readonly title: string
  /** `full`: with `--full`; `named`: only where it is asked for by its name. */
  readonly when: 'always' | 'full' | 'named'
  run(context: Context): Promise<Section>
}
