/** The candidate that `word` was probably meant to be: at most two letters off, and fewer than half of them. */
export function suggestion(word: string, candidates: readonly string[]): string | undefined {
  const near = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate) }))
    .filter(({ candidate, distance }) => distance <= 2 && distance * 2 < Math.max(candidate.length, word.length))
    .sort((left, right) => left.distance - right.distance)
  return near[0]?.candidate
}

/** Letters to insert, delete, replace or swap with their neighbour. */
function editDistance(left: string, right: string): number {
  let older: readonly number[] = []
  let previous: readonly number[] = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const cost = left[row - 1] === right[column - 1] ? 0 : 1
      const choices = [at(previous, column) + 1, at(current, column - 1) + 1, at(previous, column - 1) + cost]
      const isSwap = row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      current.push(Math.min(...choices, isSwap ? at(older, column - 2) + 1 : Number.POSITIVE_INFINITY))
    }
    older = previous
    previous = current
  }
  return at(previous, right.length)
}

const at = (row: readonly number[], column: number): number => row[column] ?? Number.POSITIVE_INFINITY
