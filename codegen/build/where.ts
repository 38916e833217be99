// Where in the schema the things of a model stand.
import type { Place, Position } from '../place.ts'

/** Something of a schema that has a name, or a part of the machine itself. */
export type Spot =
  | { readonly kind: 'machine'; readonly key: 'name' | 'version' | 'retired' | 'commands' | 'queries' | 'errors' | 'state' }
  | { readonly kind: 'command' | 'query' | 'error' | 'property' | 'type'; readonly name: string }
  | { readonly kind: 'input' | 'output'; readonly of: 'command' | 'query'; readonly name: string }
  | { readonly kind: 'field'; readonly owner: 'type' | 'error'; readonly of: string; readonly name: string }

export class Where {
  readonly #machine: Place
  readonly #types: ReadonlyMap<string, Place>

  /** `types`: where each named type was met first. */
  constructor(machine: Place, types: ReadonlyMap<string, Place>) {
    this.#machine = machine
    this.#types = types
  }

  /** Of its name, or of the constant that a type is. */
  position(spot: Spot): Position {
    const place = this.place(spot)
    return spot.kind === 'type' ? place.declarationPosition : place.namePosition
  }

  place(spot: Spot): Place {
    switch (spot.kind) {
      case 'machine':
        return this.#machine.property(spot.key)
      case 'command':
      case 'query':
        return this.#operation(spot.kind, spot.name)
      case 'input':
      case 'output':
        return this.#operation(spot.of, spot.name).property(spot.kind)
      case 'error':
        return this.#machine.property('errors').property(spot.name)
      case 'property':
        return this.#machine.property('state').field(spot.name)
      case 'type':
        return this.#types.get(spot.name) ?? this.#machine
      case 'field': {
        const owner = this.place({ kind: spot.owner, name: spot.of })
        return owner.field(spot.name)
      }
    }
  }

  #operation(kind: 'command' | 'query', name: string): Place {
    return this.#machine.property(kind === 'command' ? 'commands' : 'queries').property(name)
  }
}
