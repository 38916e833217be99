// One emitted file: its text grows, its imports are gathered as names are used.
import { quoted } from '../names.ts'

const contract = 'raftgen/contract/v1'
const lineMax = 120

export class Module {
  readonly name: string
  readonly #extension: string
  #imports = new Map<string, Map<string, 'value' | 'type'>>()
  /** Whole modules, by the name that they have here. */
  #namespaces = new Map<string, string>()
  readonly #parts: string[] = []

  /** `name`: `codec`; `extension`: of imports of its neighbours, `js` or `ts`. */
  constructor(name: string, extension: string) {
    this.name = name
    this.#extension = extension
  }

  /** A function or constant of the contract; returns its name. */
  use(name: string): string {
    return this.#import(contract, name, 'value')
  }

  /** A type of the contract. */
  useType(name: string): string {
    return this.#import(contract, name, 'type')
  }

  useFrom(module: string, name: string): string {
    return this.#import(this.#neighbour(module), name, 'value')
  }

  useTypeFrom(module: string, name: string): string {
    return this.#import(this.#neighbour(module), name, 'type')
  }

  /** Under another name than it has there. */
  useAs(module: string, name: string, as: string): string {
    this.#import(this.#neighbour(module), `${name} as ${as}`, 'value')
    return as
  }

  useTypeAs(module: string, name: string, as: string): string {
    this.#import(this.#neighbour(module), `${name} as ${as}`, 'type')
    return as
  }

  /** All types of a neighbour. */
  useNamespace(module: string, as: string): string {
    this.#namespaces.set(as, this.#neighbour(module))
    return as
  }

  /** From a module that is no neighbour: `path` as imports name it. */
  useFile(path: string, name: string): string {
    return this.#import(path, name, 'value')
  }

  /** What `work` returns. Where it throws, nothing that it added or used is left. */
  attempt<T>(work: () => T): T {
    const count = this.#parts.length
    const imports = new Map([...this.#imports].map(([module, names]) => [module, new Map(names)]))
    const namespaces = new Map(this.#namespaces)
    try {
      return work()
    } catch (error) {
      this.#parts.splice(count)
      this.#imports = imports
      this.#namespaces = namespaces
      throw error
    }
  }

  /** A declaration that several need. */
  once(...lines: readonly string[]): void {
    if (!this.#parts.includes(lines.join('\n'))) this.add(...lines)
  }

  /** A declaration; an empty line stands before it. */
  add(...lines: readonly string[]): void {
    this.#parts.push(lines.join('\n'))
  }

  /** A line of its own without an empty line before it. */
  line(text: string): void {
    this.#parts.push(`${this.#parts.pop() ?? ''}\n${text}`.replace(/^\n/, ''))
  }

  text(header: string): string {
    const imports = [...this.#imports].sort(([a], [b]) => byModule(a, b)).map(([module, names]) => importLine(module, names))
    const namespaces = [...this.#namespaces].sort(([a], [b]) => byName(a, b))
    imports.push(...namespaces.map(([as, module]) => `import type * as ${as} from ${quoted(module)}`))
    const parts = imports.length === 0 ? this.#parts : [imports.join('\n'), ...this.#parts]
    return `${header}\n${parts.join('\n\n')}\n`
  }

  #neighbour(module: string): string {
    return `${module.startsWith('../') ? '' : './'}${module}.${this.#extension}`
  }

  #import(module: string, name: string, kind: 'value' | 'type'): string {
    const names = this.#imports.get(module) ?? new Map<string, 'value' | 'type'>()
    this.#imports.set(module, names)
    // A value that is also a type serves as both.
    if (names.get(name) !== 'value') names.set(name, kind)
    return name
  }
}

/** The contract first, then neighbours by name. */
const byModule = (a: string, b: string): number => (a === contract ? -1 : b === contract ? 1 : a < b ? -1 : 1)

function importLine(module: string, names: ReadonlyMap<string, 'value' | 'type'>): string {
  const onlyTypes = [...names.values()].every((kind) => kind === 'type')
  const sorted = [...names].sort(([a], [b]) => byName(a, b))
  const list = sorted.map(([name, kind]) => (kind === 'type' && !onlyTypes ? `type ${name}` : name))
  const start = onlyTypes ? 'import type' : 'import'
  const flat = `${start} { ${list.join(', ')} } from ${quoted(module)}`
  return flat.length <= lineMax ? flat : `${start} {\n${list.map((name) => `  ${name},`).join('\n')}\n} from ${quoted(module)}`
}

/** As editors sort: letters first, whatever their case; by code units, whatever the locale. */
function byName(a: string, b: string): number {
  const [x, y] = [a.toLowerCase(), b.toLowerCase()]
  return x < y ? -1 : x > y ? 1 : a < b ? -1 : 1
}

/** A doc comment in `indent`; nothing for none. */
export function docLines(docs: string | undefined, indent = ''): readonly string[] {
  if (docs === undefined || docs.trim() === '') return []
  const lines = docs.trim().replaceAll('*/', '*\\/').split(/\r?\n/)
  if (lines.length === 1) return [`${indent}/** ${lines[0]} */`]
  return [`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */`]
}
