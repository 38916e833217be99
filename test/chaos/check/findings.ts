/** Of one kind that are told; the others are counted. */
const eachMax = 5

/** What was found to be wrong, by the rule that it breaks. */
export class Findings {
  readonly #byRule = new Map<string, { readonly first: string[]; count: number }>()

  add(rule: string, what: string): void {
    const found = this.#byRule.get(rule) ?? { first: [], count: 0 }
    this.#byRule.set(rule, found)
    found.count += 1
    if (found.first.length < eachMax) found.first.push(what)
  }

  get sentences(): readonly string[] {
    return [...this.#byRule].flatMap(([rule, { first, count }]) => [
      ...first.map((what) => `${rule}: ${what}`),
      ...(count > eachMax ? [`${rule}: and ${count - eachMax} more`] : []),
    ])
  }
}
