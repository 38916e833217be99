// Modules that a handler takes something from, and that are not the user's.
import { ts } from 'ts-morph'
import type { Finding } from '../finding.ts'
import { builtinReason, packageVerdict, pureExports } from '../modules.ts'
import type { Import, LocalModule } from '../program.ts'
import type { Scope } from '../scope.ts'
import { accessName, accessText, forEachValueNode, isAccess, isReference } from '../walk.ts'

export function importFindings({ file, imports }: LocalModule, scope: Scope): readonly Finding[] {
  return [...imports.flatMap(importFinding), ...builtinUses(file, scope)]
}

function importFinding({ statement, specifier, target }: Import): readonly Finding[] {
  const what = specifier.text
  switch (target.kind) {
    case 'builtin': {
      const pure = pureExports(target.name)
      if (pure === 'all') return []
      const reason = builtinReason(target.name)
      // Nothing of it can be used: said once. Otherwise what is used of it decides.
      if (pure.size === 0 || !ts.isImportDeclaration(statement)) return [{ ...reason, at: specifier, what }]
      return impureNames(statement, pure).map((name) => ({
        ...reason,
        at: name,
        what: `${(name.propertyName ?? name.name).text} of ${what}`,
      }))
    }
    case 'package': {
      const verdict = packageVerdict(target.specifier)
      return typeof verdict === 'string' ? [] : [{ ...verdict, at: specifier, what: `the package ${what}` }]
    }
    case 'missing':
      return [
        {
          code: 'UNREADABLE',
          at: specifier,
          what,
          why: 'cannot be found, so it was not looked into',
          instead: 'Correct the path; if it is generated code, run `raftgen <schema.ts>` first.',
        },
      ]
    default:
      return []
  }
}

function impureNames({ importClause }: ts.ImportDeclaration, pure: ReadonlySet<string>): readonly ts.ImportSpecifier[] {
  const bindings = importClause?.namedBindings
  if (bindings === undefined || !ts.isNamedImports(bindings)) return []
  return bindings.elements.filter((name) => !name.isTypeOnly && !pure.has((name.propertyName ?? name.name).text))
}

/** `crypto.createHash` of `import crypto from 'node:crypto'` is fine, `crypto` itself or another member is not. */
function builtinUses(file: ts.SourceFile, scope: Scope): readonly Finding[] {
  const findings: Finding[] = []
  forEachValueNode(file, (node) => {
    if (!isReference(node)) return
    const imported = scope.builtinImport(node)
    if (imported === undefined || imported.member !== '*') return
    const pure = pureExports(imported.module)
    if (pure === 'all' || pure.size === 0) return
    const member = isAccess(node.parent) && node.parent.expression === node ? accessName(node.parent) : undefined
    if (member === undefined || !pure.has(member)) findings.push({ ...builtinReason(imported.module), at: node, what: accessText(node) })
  })
  return findings
}
