// `--watch`: one child process per run. A schema is a program: in a process of its own it may exit, leak or never be unloaded without
// harm to the watcher, and no module is ever stale.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, type FSWatcher, watch } from 'node:fs'
import { dirname } from 'node:path'
import { type ExitCode, exitCode } from './exit-code.ts'
import { localImports, type SourceTexts } from './local-imports.ts'
import { counted, shownPath, type Terminal } from './terminal.ts'

/** Editors save in several steps. */
const debounceMs = 60

export interface WatchCommand {
  readonly schemaFile: string
  readonly args: readonly string[]
  readonly terminal: Terminal
}

/** Ends with SIGINT or SIGTERM, and fine. */
export async function watchCommand({ schemaFile, args, terminal }: WatchCommand): Promise<ExitCode> {
  const watcher = new SchemaWatcher(schemaFile, childArgs(args), terminal)
  await new Promise<void>((ended) => {
    process.once('SIGINT', ended)
    process.once('SIGTERM', ended)
    watcher.run()
  })
  watcher.close()
  return exitCode.fine
}

function childArgs(args: readonly string[]): readonly string[] {
  return [...process.execArgv, process.argv[1] ?? '', ...args.filter((arg) => arg !== '--watch')]
}

class SchemaWatcher {
  readonly #schemaFile: string
  readonly #childArgs: readonly string[]
  readonly #terminal: Terminal
  readonly #folders = new Map<string, FSWatcher>()
  /** What the last run started from. A change elsewhere in the folder, our own output included, leaves it equal. */
  #texts: SourceTexts = new Map()
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(schemaFile: string, args: readonly string[], terminal: Terminal) {
    this.#schemaFile = schemaFile
    this.#childArgs = args
    this.#terminal = terminal
  }

  run(): void {
    this.#texts = localImports(this.#schemaFile)
    this.#watchFolders()
    this.#child = spawn(process.execPath, this.#childArgs, { stdio: ['ignore', 'inherit', 'inherit'] })
    this.#child.once('error', (error) => this.#terminal.err(`raftgen: cannot start a run: ${error.message}`))
    this.#child.once('close', () => this.#onRunEnded())
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#child?.kill()
    for (const folder of this.#folders.values()) folder.close()
  }

  #onRunEnded(): void {
    this.#child = undefined
    if (this.#isClosed) return
    const imports = this.#texts.size - 1
    const others = imports > 0 ? ` and ${counted(imports, 'import')}` : ''
    this.#terminal.err(`watching ${shownPath(this.#schemaFile)}${others}; Ctrl-C ends`)
    this.#onChange()
  }

  #onChange(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (this.#isClosed || this.#child !== undefined || isEqual(this.#texts, localImports(this.#schemaFile))) return
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
