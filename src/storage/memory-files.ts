// Files in memory that a crash takes back: what a disk may do to snapshots, without a disk. For tests and for the simulator.
import type { Done } from '../ports/log.ts'
import type { FileDone, Files, NewFile, StoredFile } from './files.ts'

/** What is asked of the disk, as a fault may hit it. `name` is `undefined` where a directory is meant. */
export interface FileOperation {
  readonly kind: 'list' | 'open' | 'create' | 'rename' | 'remove' | 'syncDir' | 'read' | 'append' | 'sync'
  readonly name: string | undefined
}

export interface MemoryFilesOptions {
  /** How callbacks come back. Default `queueMicrotask`. */
  readonly defer?: (task: () => void) => void
  /** Asked for every operation as it takes effect; an error is what comes of it instead. Default: none fails. */
  readonly fault?: (operation: FileOperation) => Error | undefined
}

/** What a crash leaves of what was not synced. Default: nothing. */
export interface FilesCrash {
  /** Whether this change of a name is on the disk. Asked in the order of the changes, each for itself. */
  readonly keepsName?: () => boolean
  /** How many of the last `bytes` bytes of a file are on the disk. */
  readonly keptBytes?: (bytes: number) => number
}

interface Content {
  bytes: Buffer
  /** Bytes written, and how many of them are on the disk whatever happens. */
  length: number
  synced: number
}
/** A name that was given or, without a content, taken away. */
interface NameChange {
  readonly names: readonly { readonly name: string; readonly content: Content | undefined }[]
}

export class MemoryFiles implements Files {
  readonly #options: MemoryFilesOptions
  readonly #names = new Map<string, Content>()
  readonly #durableNames = new Map<string, Content>()
  /** Not synced yet, in order. */
  #changes: NameChange[] = []
  #isDead = false
  #openFiles = 0

  constructor(options: MemoryFilesOptions = {}) {
    this.#options = options
  }

  get names(): readonly string[] {
    return [...this.#names.keys()].sort()
  }

  /** Opened or created, and not closed. */
  get openFiles(): number {
    return this.#openFiles
  }

  list(done: (error: Error | undefined, names: readonly string[]) => void): void {
    this.#run({ kind: 'list', name: undefined }, (error) => done(error, error === undefined ? this.names : []))
  }

  open(name: string, done: FileDone<StoredFile>): void {
    this.#run({ kind: 'open', name }, (error) => {
      const content = this.#names.get(name)
      if (error !== undefined || content === undefined) return done(error ?? systemError('ENOENT', `no such file: ${name}`), undefined)
      done(undefined, this.#storedFile(name, content))
    })
  }

  create(name: string, done: FileDone<NewFile>): void {
    this.#run({ kind: 'create', name }, (error) => {
      if (error !== undefined) return done(error, undefined)
      if (this.#names.has(name)) return done(systemError('EEXIST', `file exists: ${name}`), undefined)
      const content: Content = { bytes: Buffer.alloc(0), length: 0, synced: 0 }
      this.#change([{ name, content }])
      done(undefined, this.#newFile(name, content))
    })
  }

  rename({ source, target }: { readonly source: string; readonly target: string }, done: Done): void {
    this.#run({ kind: 'rename', name: source }, (error) => {
      const content = this.#names.get(source)
      if (error !== undefined || content === undefined) return done(error ?? systemError('ENOENT', `no such file: ${source}`))
      this.#change([
        { name: source, content: undefined },
        { name: target, content },
      ])
      done(undefined)
    })
  }

  remove(name: string, done: Done): void {
    this.#run({ kind: 'remove', name }, (error) => {
      if (error === undefined && this.#names.has(name)) this.#change([{ name, content: undefined }])
      done(error)
    })
  }

  syncDir(done: Done): void {
    this.#run({ kind: 'syncDir', name: undefined }, (error) => {
      if (error === undefined) for (const change of this.#changes.splice(0)) apply(change, this.#durableNames)
      done(error)
    })
  }

  /** Files that have crashed answer nothing any more. */
  defer(task: () => void): void {
    const { defer = queueMicrotask } = this.#options
    defer(() => {
      if (!this.#isDead) task()
    })
  }

  /** A copy of what the file holds. */
  peek(name: string): Buffer | undefined {
    const content = this.#names.get(name)
    return content === undefined ? undefined : Buffer.from(content.bytes.subarray(0, content.length))
  }

  /** Changes what is stored behind the store's back, durably. */
  poke(name: string, bytes: Uint8Array | undefined): void {
    const known = this.#names.get(name)
    if (bytes === undefined) {
      this.#names.delete(name)
      this.#durableNames.delete(name)
    } else if (known === undefined) {
      const content = { bytes: Buffer.from(bytes), length: bytes.length, synced: bytes.length }
      this.#names.set(name, content)
      this.#durableNames.set(name, content)
    } else {
      known.bytes = Buffer.from(bytes)
      known.length = bytes.length
      known.synced = bytes.length
    }
  }

  /** Ends these files, and gives what the disk holds after the power was cut. */
  crash({ keepsName = () => false, keptBytes = () => 0 }: FilesCrash = {}, options: MemoryFilesOptions = this.#options): MemoryFiles {
    this.#isDead = true
    const names = new Map(this.#durableNames)
    for (const change of this.#changes) if (keepsName()) apply(change, names)
    const disk = new MemoryFiles(options)
    for (const [name, { bytes, length, synced }] of names) {
      disk.poke(name, bytes.subarray(0, synced + (length > synced ? keptBytes(length - synced) : 0)))
    }
    return disk
  }

  #run(operation: FileOperation, effect: (error: Error | undefined) => void): void {
    this.defer(() => effect(this.#options.fault?.(operation)))
  }

  #change(names: NameChange['names']): void {
    const change = { names }
    apply(change, this.#names)
    this.#changes.push(change)
  }

  #close(done: Done): void {
    this.#openFiles--
    this.defer(() => done(undefined))
  }

  #storedFile(name: string, content: Content): StoredFile {
    this.#openFiles++
    return {
      bytes: content.length,
      read: ({ offset, length }, done) => {
        this.#run({ kind: 'read', name }, (error) => {
          const end = Math.min(offset + length, content.length)
          done(error, error === undefined ? Buffer.from(content.bytes.subarray(offset, end)) : Buffer.alloc(0))
        })
      },
      close: (done) => this.#close(done),
    }
  }

  #newFile(name: string, content: Content): NewFile {
    this.#openFiles++
    return {
      append: (bytes, done) => {
        this.#run({ kind: 'append', name }, (error) => {
          // As on a full disk: a part of it may be there.
          append(content, error === undefined ? bytes : bytes.subarray(0, bytes.length >> 1))
          done(error)
        })
      },
      sync: (done) => {
        this.#run({ kind: 'sync', name }, (error) => {
          if (error === undefined) content.synced = content.length
          done(error)
        })
      },
      close: (done) => this.#close(done),
    }
  }
}

function append(content: Content, bytes: Uint8Array): void {
  const length = content.length + bytes.length
  if (length > content.bytes.length) {
    const grown = Buffer.alloc(Math.max(length, content.bytes.length * 2))
    content.bytes.copy(grown, 0, 0, content.length)
    content.bytes = grown
  }
  content.bytes.set(bytes, content.length)
  content.length = length
}

function apply({ names }: NameChange, to: Map<string, Content>): void {
  for (const { name, content } of names) {
    if (content === undefined) to.delete(name)
    else to.set(name, content)
  }
}

const systemError = (code: string, message: string): Error => Object.assign(new Error(`${code}: ${message}`), { code })
