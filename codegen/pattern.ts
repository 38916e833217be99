// Patterns run on the leader for every input, so one that takes exponential time stops a cluster. A repeated group that repeats something
// inside is refused, unless what begins or ends each round cannot occur within it: then there is only one way to match.

/** Longer ones are nobody's by hand. */
export const patternLengthMax = 1_024

export type PatternVerdict = { readonly kind: 'fine' } | { readonly kind: 'invalid' | 'nested'; readonly message: string }

export function judgePattern(source: string, flags: string): PatternVerdict {
  if (source.length > patternLengthMax) {
    return { kind: 'invalid', message: `has ${source.length} characters, at most ${patternLengthMax} are allowed` }
  }
  try {
    new RegExp(source, flags)
  } catch (error) {
    return { kind: 'invalid', message: `is not a regular expression: ${error instanceof Error ? error.message : String(error)}` }
  }
  const nested = findNested(parse(source))
  return nested === undefined ? { kind: 'fine' } : { kind: 'nested', message: `repeats ${nested}, which repeats something itself` }
}

/** One thing that can be repeated, as it stands in the source. */
interface Atom {
  readonly source: string
  /** Of a group: its alternatives. */
  readonly alternatives: readonly (readonly Atom[])[] | undefined
  readonly repeated: boolean
  readonly optional: boolean
}

/** Backreferences match what a group did: nobody can tell how long that takes. */
const backreference = /^\\(?:[1-9]|k)/

function findNested(alternatives: readonly (readonly Atom[])[]): string | undefined {
  for (const atom of alternatives.flat()) {
    const inner = atom.alternatives
    if (inner === undefined) {
      if (backreference.test(atom.source)) return atom.source
      continue
    }
    if (atom.repeated && inner.some((atoms) => atoms.some(repeatsInside)) && !isUnambiguous(inner)) return atom.source
    const deeper = findNested(inner)
    if (deeper !== undefined) return deeper
  }
  return undefined
}

const repeatsInside = (atom: Atom): boolean => atom.repeated || (atom.alternatives?.flat().some(repeatsInside) ?? false)

/** Whether each round begins, or ends, with a character that nothing else in it can match: `(-[a-z]+)*`, `([a-z]+\.)*`. */
function isUnambiguous([atoms, ...others]: readonly (readonly Atom[])[]): boolean {
  if (atoms === undefined || others.length > 0) return false
  return separates(atoms[0], atoms.slice(1)) || separates(atoms.at(-1), atoms.slice(0, -1))
}

function separates(separator: Atom | undefined, rest: readonly Atom[]): boolean {
  if (separator === undefined || separator.repeated || separator.optional || separator.alternatives !== undefined) return false
  const character = literalOf(separator.source)
  if (character === undefined) return false
  return rest.every((atom) => atom.alternatives === undefined && !new RegExp(`^(?:${atom.source})$`, 'u').test(character))
}

function literalOf(source: string): string | undefined {
  if (/^[^\\.[\]()^$]$/u.test(source)) return source
  return /^\\[^\w]$/u.test(source) ? source.slice(1) : undefined
}

/** The source is known to be a regular expression. */
function parse(source: string): readonly (readonly Atom[])[] {
  let at = 0
  const alternatives = (): readonly (readonly Atom[])[] => {
    const all: Atom[][] = [[]]
    while (at < source.length && source[at] !== ')') {
      if (source[at] === '|') {
        at++
        all.push([])
        continue
      }
      all.at(-1)?.push(atom())
    }
    return all
  }
  const atom = (): Atom => {
    const start = at
    const inner = source[at] === '(' ? group() : undefined
    if (inner === undefined) at += simpleLength(source, at)
    const body = source.slice(start, at)
    const quantifier = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(source.slice(at))
    at += quantifier?.[0].length ?? 0
    return { source: body, alternatives: inner, ...counts(quantifier) }
  }
  const group = (): readonly (readonly Atom[])[] => {
    at += /^\((?:\?(?:<[^=!][^>]*>|<?[=!]|[^)]*?:))?/.exec(source.slice(at))?.[0].length ?? 1
    const inner = alternatives()
    at++
    return inner
  }
  return alternatives()
}

function counts(quantifier: RegExpExecArray | null): { readonly repeated: boolean; readonly optional: boolean } {
  const [text = '', least, comma, most] = quantifier ?? []
  if (text === '') return { repeated: false, optional: false }
  if (least === undefined) return { repeated: !text.startsWith('?'), optional: !text.startsWith('+') }
  // `{2,5}` of something repeated is polynomial at worst; large counts are as good as none.
  const bound = comma === '' ? Number(least) : most === '' ? Number.POSITIVE_INFINITY : Number(most)
  return { repeated: bound > 10, optional: Number(least) === 0 }
}

function simpleLength(source: string, at: number): number {
  const rest = source.slice(at)
  if (rest.startsWith('[')) return /^\[(?:\\[\s\S]|[^\]\\])*\]/.exec(rest)?.[0].length ?? 1
  if (rest.startsWith('\\'))
    return /^\\(?:[pPu]\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|k<[^>]*>|c[A-Za-z]|[\s\S])/.exec(rest)?.[0].length ?? 1
  return String.fromCodePoint(rest.codePointAt(0) ?? 0).length
}
