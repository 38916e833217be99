// TypeScript to what jiti runs, by sucrase, which only takes the types out: some twenty times as fast as jiti's own way. Import it late.
import { transform } from 'sucrase'

export interface TranspileRequest {
  readonly source: string
  readonly filename: string
  /** Whether imports may be awaited. */
  readonly async: boolean
}

/** None where jiti's own way is needed: what is no TypeScript, knows where it is, or is not understood. */
export function transpiled({ source, filename, async }: TranspileRequest): string | undefined {
  if (!/\.[cm]?ts$/.test(filename) || /\bimport\.meta\b|\bimport\s*\(|\brequire\b/.test(source)) return undefined
  const code = withoutTypes(source)
  // No other `require` is left: imports stand at the top of the file, where they may be awaited.
  return async ? code?.replace(/\brequire\(/g, 'await jitiImport(') : code
}

function withoutTypes(source: string): string | undefined {
  try {
    return transform(source, { transforms: ['typescript', 'imports'], disableESTransforms: true }).code
  } catch {
    return undefined
  }
}
