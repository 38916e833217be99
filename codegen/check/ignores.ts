// `// raftgen-ignore determinism: <reason>`: switches off what is found in its own line or, where it has a line to itself, in the next.
import { ts } from 'ts-morph'

export interface Ignore {
  /** Offsets of the comment. */
  readonly start: number
  readonly end: number
  /** 0-based; what is found there is switched off. */
  readonly line: number
  /** Why it is none; nothing when it is one. */
  readonly problem: string | undefined
}

export function ignoresIn(file: ts.SourceFile): readonly Ignore[] {
  const ignores: Ignore[] = []
  for (const match of file.text.matchAll(/\/\/[ \t]*raftgen-ignore\b(.*)/g)) {
    if (isInText(file, match.index)) continue
    ignores.push({
      start: match.index,
      end: match.index + match[0].trimEnd().length,
      line: lineOf(file, match.index),
      problem: problemOf(match[1] ?? ''),
    })
  }
  return ignores
}

function problemOf(words: string): string | undefined {
  const [, rule, reason] = /^\s*([\w-]*)\s*:?(.*)$/.exec(words) ?? []
  if (rule !== 'determinism') return 'does not say what it switches off'
  return (reason ?? '').trim() === '' || !/^\s*determinism\s*:/.test(words) ? 'gives no reason' : undefined
}

/** The line of the next code, when nothing stands before the comment in its own. */
function lineOf(file: ts.SourceFile, offset: number): number {
  const lines = file.text.split('\n')
  const { line, character } = file.getLineAndCharacterOfPosition(offset)
  if ((lines[line] ?? '').slice(0, character).trim() !== '') return line
  const next = lines.findIndex((text, i) => i > line && !/^\s*(?:\/\/.*)?$/.test(text))
  return next === -1 ? line : next
}

/** Inside of a string, a template or a regular expression it is no comment. */
function isInText(file: ts.SourceFile, offset: number): boolean {
  let node: ts.Node = file
  for (;;) {
    const inner: ts.Node | undefined = ts.forEachChild(node, (child) =>
      child.getStart(file) <= offset && offset < child.end ? child : undefined,
    )
    if (inner === undefined) return ts.isStringLiteralLike(node) || ts.isTemplateLiteralToken(node) || ts.isRegularExpressionLiteral(node)
    node = inner
  }
}
