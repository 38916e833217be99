// Whether the settings of a project compile what is generated.
import { tsconfigOptions } from '../../codegen/tsconfig.ts'
import type { DoctorFinding } from './doctor-check.ts'
import { shownPath } from './terminal.ts'

export async function tsconfigFinding(schemaFile: string): Promise<DoctorFinding> {
  const options = await tsconfigOptions(schemaFile)
  const finding = { check: 'tsconfig', file: shownPath(schemaFile) } as const
  if (options === undefined) {
    const wayOut = 'Write one: { "compilerOptions": { "strict": true, "target": "es2022", "module": "nodenext" } }'
    return { ...finding, state: 'warning', message: 'there is no tsconfig.json in its folder or above', wayOut }
  }
  const { ts } = await import('ts-morph')
  const { moduleResolution, module, target, strict, strictNullChecks } = options
  const readsExports = new Set([ts.ModuleResolutionKind.Node16, ts.ModuleResolutionKind.NodeNext, ts.ModuleResolutionKind.Bundler])
  const implied = module !== undefined && module >= ts.ModuleKind.Node16 && module <= ts.ModuleKind.Preserve
  if (moduleResolution === undefined ? !implied : !readsExports.has(moduleResolution)) {
    const message = 'generated code imports raftgen/contract/v1, which this module resolution does not find'
    return { ...finding, state: 'error', message, wayOut: 'Set "module": "nodenext", or "moduleResolution": "bundler".' }
  }
  if (target !== undefined && target < ts.ScriptTarget.ES2022) {
    const message = 'generated code needs ES2022, and "target" is older'
    return { ...finding, state: 'error', message, wayOut: 'Set "target": "es2022", or a newer one.' }
  }
  if (strict !== true && strictNullChecks !== true) {
    const message = 'without "strict" the compiler does not notice what a handler may find absent'
    return { ...finding, state: 'warning', message, wayOut: 'Set "strict": true.' }
  }
  return { ...finding, state: 'ok', message: 'compiles generated code' }
}
