// Names that a module of the user's declares or imports. Syntax only. Loads the compiler: import it late.
import { ts } from 'ts-morph'

export function namesIn(text: string): ReadonlySet<string> {
  const names = new Set<string>()
  const add = (name: ts.BindingName | undefined): void => {
    if (name === undefined) return
    if (ts.isIdentifier(name)) names.add(name.text)
    else for (const element of name.elements) if (ts.isBindingElement(element)) add(element.name)
  }
  for (const statement of ts.createSourceFile('module.ts', text, ts.ScriptTarget.Latest).statements) {
    if (ts.isVariableStatement(statement)) for (const { name } of statement.declarationList.declarations) add(name)
    if (ts.isFunctionDeclaration(statement) || ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement))
      add(statement.name)
    for (const specifier of specifiersOf(statement)) names.add(specifier.name.text)
  }
  return names
}

function specifiersOf(statement: ts.Statement): readonly { readonly name: { readonly text: string } }[] {
  const clause = ts.isImportDeclaration(statement)
    ? statement.importClause?.namedBindings
    : ts.isExportDeclaration(statement)
      ? statement.exportClause
      : undefined
  return clause !== undefined && (ts.isNamedImports(clause) || ts.isNamedExports(clause)) ? [...clause.elements] : []
}
