// What `--old` and `--new` of `raftgen replay` name: a machine, and the wire lock beside its schema.
import { existsSync, lstatSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Lock } from '../../codegen/lock.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import { WrongUse } from './wrong-use.ts'
import { withoutStdout } from './generation-plan.ts'
import { checkOut } from './git.ts'
import { handlersFileOf, schemaFileOf } from './schema-file.ts'
import { openLock } from './schema-lock.ts'
import { userMachine } from './user-machine.ts'

export interface ReplayBuild {
  readonly label: 'old' | 'new'
  /** As it was named. */
  readonly argument: string
  /** What it is; its state is of no use. */
  readonly machine: StateMachine
  /** One with a state of its own. */
  readonly make: () => StateMachine
  readonly lock: Lock | undefined
}
interface Named {
  readonly old: string
  readonly new: string
}
const gitMark = 'git:'

/** `scratch`: an empty directory. Throws `WrongUse`. */
export async function openBuilds(named: Named, scratch: string): Promise<readonly [ReplayBuild, ReplayBuild]> {
  const files = [named.old, named.new].filter((argument) => !argument.startsWith(gitMark)).map(schemaFileOf)
  const open = async (label: 'old' | 'new'): Promise<ReplayBuild> => {
    const argument = named[label]
    const schemaFile = argument.startsWith(gitMark)
      ? await schemaAt(argument.slice(gitMark.length), { label, beside: files[0], scratch: join(scratch, label) })
      : schemaFileOf(argument)
    return await buildOf(schemaFile, { label, argument })
  }
  const builds = [await open('old'), await open('new')] as const
  checkTogether(builds)
  return builds
}

async function buildOf(schemaFile: string, { label, argument }: Pick<ReplayBuild, 'label' | 'argument'>): Promise<ReplayBuild> {
  const handlersFile = handlersFileOf(schemaFile, undefined)
  const { machine: make } = await withoutStdout(() => userMachine({ schemaFile, handlersFile, out: undefined }))
  const machine = make()
  const { lock } = openLock(schemaFile, { name: machine.name, version: machine.version, wire: machine.wire })
  return { label, argument, machine, make, lock }
}

interface AtCommit {
  readonly label: 'old' | 'new'
  /** The schema file as it is now. */
  readonly beside: string | undefined
  readonly scratch: string
}

async function schemaAt(commit: string, { label, beside, scratch }: AtCommit): Promise<string> {
  if (beside === undefined) {
    throw new WrongUse('both builds are commits, and nothing says where the schema is', 'Name the schema file of one of the two.')
  }
  const option = `--${label}`
  mkdirSync(scratch)
  const { root, top } = await checkOut(dirname(beside), commit, { option, target: scratch })
  const schemaFile = join(root, relative(top, beside))
  if (!existsSync(schemaFile)) {
    throw new WrongUse(`${option}: there is no ${relative(top, beside)} at ${commit}`, 'Name another commit, or a checkout in which it is.')
  }
  linkPackages(dirname(beside), { top, root })
  return schemaFile
}

/** What is installed for the folders of the schema, and above: a commit has no packages. */
function linkPackages(folder: string, { top, root }: { readonly top: string; readonly root: string }): void {
  for (let from = folder; ; from = dirname(from)) {
    const packages = join(from, 'node_modules')
    const isInside = !relative(top, from).startsWith('..')
    const link = join(root, isInside ? relative(top, from) : '', 'node_modules')
    if (existsSync(packages) && lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync(packages, link)
    if (dirname(from) === from) return
  }
}

/** Throws `WrongUse` where they are no two builds of one machine. */
function checkTogether([old, next]: readonly [ReplayBuild, ReplayBuild]): void {
  if (old.machine.name !== next.machine.name) {
    const what = `${old.argument} is of the machine ${old.machine.name}, and ${next.argument} of ${next.machine.name}`
    throw new WrongUse(what, 'Name two builds of the same machine.')
  }
  const known = knownOf(next)
  for (const { version, wire } of knownOf(old)) {
    const other = known.find((one) => one.version === version)
    if (other === undefined || other.wire === wire) continue
    const what = `version ${version} has the wire format ${wire} in the old build, and ${other.wire} in the new one`
    throw new WrongUse(
      what,
      'A log can be read by one of the two. Raise the version of the schema where it is edited: `raftgen freeze` keeps it from changing.',
    )
  }
}

const knownOf = ({ machine }: ReplayBuild) => machine.evolution?.known ?? [{ version: machine.version, wire: machine.wire }]
