// `--watch`: one child process per run. A schema is a program: in a process of its own it may exit, leak or never be unloaded without
// harm to the watcher, and no module is ever stale. The process is there before the change, and is used once.
import { existsSync, type FSWatcher, watch } from 'node:fs'
import { dirname } from 'node:path'
import { type ExitCode, exitCode } from './exit-code.ts'
import { localImports, type SourceTexts } from './local-imports.ts'
import { counted, shownPath, type Terminal } from './terminal.ts'
import { WarmChild } from './warm-child.ts'

/** Editors save in several steps. */
const debounceMs = 20

export interface Watched {
  /** Absolute. */
  readonly schemaFile: string
  /** The command line of its runs. */
  readonly args: readonly string[]
}
export interface WatchCommand {
  readonly watched: readonly Watched[]
  readonly terminal: Terminal
}

/** Ends with SIGINT or SIGTERM, and fine. */
export async function watchCommand({ watched, terminal }: WatchCommand): Promise<ExitCode> {
  const watchers = watched.map(({ schemaFile, args }) => new SchemaWatcher(schemaFile, args, terminal))
  await new Promise<void>((ended) => {
    process.once('SIGINT', ended)
    process.once('SIGTERM', ended)
    for (const watcher of watchers) watcher.run()
  })
  for (const watcher of watchers) watcher.close()
  return exitCode.fine
}

class SchemaWatcher {
  readonly #schemaFile: string
  readonly #args: readonly string[]
  readonly #terminal: Terminal
  readonly #folders = new Map<string, FSWatcher>()
  /** What the last run started from. A change elsewhere in the folder, our own output included, leaves it equal. */
  #texts: SourceTexts = new Map()
  /** Waits, or runs. */
  #child: WarmChild | undefined
  #isRunning = false
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(schemaFile: string, args: readonly string[], terminal: Terminal) {
    this.#schemaFile = schemaFile
    this.#args = args
    this.#terminal = terminal
  }

  run(): void {
    this.#texts = localImports(this.#schemaFile)
    this.#watchFolders()
    this.#isRunning = true
    this.#child ??= this.#start()
    this.#child.run(this.#args)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#child?.kill()
    for (const folder of this.#folders.values()) folder.close()
  }

  #start(): WarmChild {
    return new WarmChild(this.#schemaFile, {
      onError: (error) => this.#terminal.err(`raftgen: cannot start a run: ${error.message}`),
      onEnd: ({ ordered }) => this.#onEnd(ordered),
    })
  }

  #onEnd(ordered: boolean): void {
    this.#child = undefined
    if (this.#isClosed) return
    // One that ended while it waited was ended by somebody else: the next run starts its own.
    if (!ordered) return
    this.#isRunning = false
    this.#tell()
    this.#child = this.#start()
    this.#onChange()
  }

  #tell(): void {
    const imports = this.#texts.size - 1
    const others = imports > 0 ? ` and ${counted(imports, 'import')}` : ''
    this.#terminal.err(`watching ${shownPath(this.#schemaFile)}${others}; Ctrl-C ends`)
  }

  #onChange(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (this.#isClosed || this.#isRunning || isEqual(this.#texts, localImports(this.#schemaFile))) return
      this.run()
    }, debounceMs)
  }

  /** Folders, not files: an editor that saves by renaming would leave us with the old file. */
  #watchFolders(): void {
    const wanted = new Set([...this.#texts.keys()].map((file) => dirname(file)))
    for (const [folder, watcher] of this.#folders) {
      if (wanted.has(folder)) continue
      watcher.close()
      this.#folders.delete(folder)
    }
    for (const folder of wanted) {
      if (this.#folders.has(folder) || !existsSync(folder)) continue
      const watcher = watch(folder, () => this.#onChange())
      watcher.on('error', () => {
        watcher.close()
        this.#folders.delete(folder)
      })
      this.#folders.set(folder, watcher)
    }
  }
}

const isEqual = (left: SourceTexts, right: SourceTexts): boolean =>
  left.size === right.size && [...left].every(([file, text]) => right.has(file) && right.get(file) === text)
