// The ways that a value goes between two neighbouring versions.

/** `exactly`: down, and nothing is left out that the older version has no place for. */
export type Way = 'up' | 'down' | 'exactly'

/** What is given on that way, and what comes of it, as emitted functions call them. */
export const endsOf = (way: Way): { readonly source: 'older' | 'newer'; readonly target: 'older' | 'newer' } =>
  way === 'up' ? { source: 'older', target: 'newer' } : { source: 'newer', target: 'older' }
