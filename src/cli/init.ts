// `raftgen init [dir]`: hands a project over, once. What it wrote is the user's from then on.
import { constants, copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { type ExitCode, exitCode } from './exit-code.ts'
import { WrongUse } from './wrong-use.ts'
import { installedSpec } from './installed-spec.ts'
import { ownPackage, packageRoot } from './own-package.ts'
import type { JsonOption } from './program.ts'
import { shownPath, type Terminal } from './terminal.ts'

export async function initCommand(command: {
  readonly dir: string
  readonly options: JsonOption
  readonly terminal: Terminal
}): Promise<ExitCode> {
  const { dir, options, terminal } = command
  const target = resolve(dir)
  await refuseWhatIsInTheWay(target, dir)
  await mkdir(target, { recursive: true })
  const template = join(packageRoot(), 'templates', 'service')
  const names = (await readdir(template)).sort()
  for (const name of names) await copyFile(join(template, name), join(target, deliveredName(name)), constants.COPYFILE_EXCL)
  const name = packageNameOf(basename(target))
  const values = valuesFor(target, name)
  await fillIn(join(target, 'package.json'), values)
  await fillIn(join(target, 'README.md'), values)

  const files = names.map((file) => shownPath(join(target, deliveredName(file)))).sort()
  if (options.json === true) terminal.out(JSON.stringify({ ok: true, dir: shownPath(target), name, files }))
  else for (const file of files) terminal.out(file)
  terminal.err(nextSteps(shownPath(target), name))
  return exitCode.fine
}

/** npm leaves files of the name .gitignore out of packages. */
const deliveredName = (name: string): string => (name === 'gitignore' ? '.gitignore' : name)

/** A fresh repository is as good as an empty folder. */
const harmless = new Set(['.git', '.DS_Store'])
const shownMax = 5

async function refuseWhatIsInTheWay(target: string, dir: string): Promise<void> {
  const found = await stat(target).catch(() => undefined)
  if (found === undefined) return
  if (!found.isDirectory()) throw new WrongUse(`${dir} is a file`, 'Name a folder that is empty or does not exist.')
  const inTheWay = (await readdir(target)).filter((name) => !harmless.has(name)).sort()
  if (inTheWay.length === 0) return
  const more = inTheWay.length > shownMax ? ` and ${inTheWay.length - shownMax} more` : ''
  const hint = 'Name a folder that is empty or does not exist.'
  throw new WrongUse(`${dir} is not empty: ${inTheWay.slice(0, shownMax).join(', ')}${more}; nothing was written`, hint)
}

/** What npm accepts as a name. */
export function packageNameOf(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9._~-]+/g, '-')
    .replace(/^[-._~]+|[-._~]+$/g, '')
  return name === '' ? 'service' : name
}

/** What the template leaves open, by the words that stand there. */
function valuesFor(target: string, name: string): ReadonlyMap<string, string> {
  const { version, typebox } = ownPackage()
  return new Map([
    ['raftgen-template-name', name],
    ['raftgen-template-spec', installedSpec(target) ?? `^${version}`],
    ['raftgen-template-typebox', typebox],
  ])
}

async function fillIn(file: string, values: ReadonlyMap<string, string>): Promise<void> {
  let text = await readFile(file, 'utf8')
  // Inside of a string of JSON, where a path may need escapes.
  for (const [word, value] of values) text = text.replaceAll(word, () => JSON.stringify(value).slice(1, -1))
  await writeFile(file, text)
}

function nextSteps(dir: string, name: string): string {
  const enter = dir === '.' ? '' : `  cd ${/\s/.test(dir) ? JSON.stringify(dir) : dir}\n`
  return `created ${name}. Next:\n${enter}  npm install\n  npm run generate\n  npm test\n  npm run dev`
}
