// Figures of several rounds as one, and as text.

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2
}

/** Three significant figures, thousands apart. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const rounded = Number(value.toPrecision(3))
  return rounded >= 1_000 ? rounded.toLocaleString('en') : String(rounded)
}

/** `3.1x (2.8–3.3)`: the median of ratios of the same round, and how far they are apart. */
export function ratioText(ratios: readonly number[]): string {
  const finite = ratios.filter((ratio) => Number.isFinite(ratio))
  if (finite.length === 0) return '–'
  const spread = finite.length === 1 ? '' : ` (${two(Math.min(...finite))}–${two(Math.max(...finite))})`
  return `${two(median(finite))}x${spread}`
}

const two = (value: number): string => String(Number(value.toPrecision(value < 1 ? 2 : value < 10 ? 2 : 3)))
