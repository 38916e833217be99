export function sortedBy<T>(list: readonly T[], by: (one: T) => number): readonly T[] {
  return [...list].sort((a, b) => by(a) - by(b))
}
