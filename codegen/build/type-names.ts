// Who has which name in the generated code. A type is called by its title, else by the constant that holds it, else by where it stands.
import { isDeclarable, pascalCase, reservedTypes } from '../names.ts'
import type { Place } from '../place.ts'
import type { Reporter } from './reporter.ts'
import { type Schema, textOf } from './schema-value.ts'

export class TypeNames {
  readonly #reporter: Reporter
  /** Name to what bears it. */
  readonly #taken = new Map<string, string>()

  constructor(reporter: Reporter) {
    this.#reporter = reporter
  }

  /** What the schema itself says it is called; none when only its place does. */
  given(schema: Schema, place: Place): string | undefined {
    const title = textOf(schema['title'])
    const name = title ?? place.constantName
    return name === undefined ? undefined : pascalCase(name)
  }

  /** Takes `name` for `bearer`, a few words. Reports and returns false when another bearer has it, or nobody may. */
  take(name: string, bearer: string, place: Place): boolean {
    if (!isDeclarable(name) || reservedTypes.has(name)) {
      this.#reporter.report(place, {
        code: 'NAME_RESERVED',
        message: `${bearer} would be called ${name === '' ? 'nothing' : name} in the generated code, which ${isDeclarable(name) ? 'uses that name itself' : 'is no name in TypeScript'}`,
        hint: 'Give its schema another `title`.',
      })
      return false
    }
    const owner = this.#taken.get(name)
    if (owner === undefined) {
      this.#taken.set(name, bearer)
      return true
    }
    if (owner === bearer) return true
    this.clash(name, owner, bearer, place)
    return false
  }

  clash(name: string, owner: string, bearer: string, place: Place): void {
    this.#reporter.report(place, {
      code: 'NAME_TAKEN',
      message: `${bearer} would be called ${name} in the generated code, as is ${owner}`,
      hint: 'Rename one of them, or give one a `title`.',
    })
  }

  ownerOf(name: string): string | undefined {
    return this.#taken.get(name)
  }
}
