// `raftgen log repair`: says what can be done, and does it when told to.
import { mkdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Inspection, inspect } from '../storage/inspect.ts'
import { finishRepair, isCutOff, performRepair, type Repair } from '../storage/repair-dir.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { WrongUse } from './wrong-use.ts'
import { dataDirOf, type LogContext, parsedNumber } from './log.ts'
import { type Outcome, outcomeOf } from './log-outcome.ts'
import type { LogCommandLine } from './log-program.ts'
import { findingText } from './log-words.ts'
import { progressOf } from './log-progress.ts'
import { openSchema } from './log-schema.ts'
import { chooseRepair, type RepairChoice } from './repair-plan.ts'
import { planLines, planObject } from './repair-words.ts'
import type { Terminal } from './terminal.ts'

type RepairLine = Extract<LogCommandLine, { readonly name: 'repair' }>

export async function repairLog(line: RepairLine, { scratch, terminal }: LogContext): Promise<ExitCode> {
  const { dir, options } = line
  if (options.after !== undefined && options.acceptLoss !== true)
    throw new WrongUse('--after needs --accept-loss', 'Leave it out, or add --accept-loss.')
  const after = options.after === undefined ? undefined : parsedAfter(options.after)
  const peerDirs = (options.from ?? []).map((other) => peerDirOf(other, dir))
  const looks = new Looks(scratch, terminal)
  try {
    const inspection = await looks.at(dir)
    const peers: Inspection[] = []
    for (const other of peerDirs) peers.push(checkedPeer(await looks.at(other), inspection))
    const { decoder, notice } = openSchema(options.schema, inspection)
    if (notice !== undefined) terminal.err(notice)
    const outcome = outcomeOf(inspection)
    const choice: RepairChoice = (await isCutOff(dir))
      ? { kind: 'finish' }
      : await chooseRepair(inspection, { peers, acceptLoss: options.acceptLoss === true })
    const say = options.json === true ? terminal.err : terminal.out
    for (const finding of inspection.findings) say(findingText(finding))
    for (const text of await planLines(choice, { inspection, outcome, peers, decoder })) say(text)
    const wanted = await wantedOf(choice, { line, after, terminal })
    const done = wanted === undefined ? undefined : await perform(wanted, { dir, looks, say })
    const left = done?.outcome ?? outcome
    if (options.json === true) terminal.out(JSON.stringify(report({ dir, choice, done, left })))
    return left.kind === 'whole' ? exitCode.fine : exitCode.findings
  } finally {
    await looks.close()
  }
}

/** Inspections, each in a folder of its own. */
class Looks {
  /** For other work. */
  readonly scratch: string
  readonly #terminal: Terminal
  readonly #open: Inspection[] = []

  constructor(scratch: string, terminal: Terminal) {
    this.scratch = scratch
    this.#terminal = terminal
  }

  async at(dir: string): Promise<Inspection> {
    const scratch = join(this.scratch, `${this.#open.length}`)
    mkdirSync(scratch)
    const inspection = await inspect(dir, { scratch, ...progressOf(dir, this.#terminal) })
    this.#open.push(inspection)
    return inspection
  }

  async close(): Promise<void> {
    for (const inspection of this.#open) await inspection.close()
  }
}

interface Done {
  readonly backup: string
  readonly outcome: Outcome
}
type Doable = Extract<RepairChoice, { readonly repair: Repair } | { readonly kind: 'finish' }>

async function perform(choice: Doable, { dir, looks, say }: { dir: string; looks: Looks; say: (line: string) => void }): Promise<Done> {
  checkUser(dir)
  const options = { scratch: looks.scratch }
  const backup = choice.kind === 'finish' ? await finishRepair(dir, options) : await performRepair(dir, choice.repair, options)
  const outcome = outcomeOf(await looks.at(dir))
  say(`Done. What was there before is kept in ${backup}: delete it once all is well.`)
  say(outcome.sentence)
  return { backup, outcome }
}

/** Files that this process makes must be the node's to open. */
function checkUser(dir: string): void {
  const own = process.getuid?.()
  const { uid } = statSync(dir)
  if (own === undefined || own === uid) return
  throw new WrongUse(
    `${dir} belongs to user ${uid}, and this is user ${own}`,
    'Run it as the user whose node it is: what is written must be its own.',
  )
}

interface Asking {
  readonly line: RepairLine
  readonly after: number | undefined
  readonly terminal: Terminal
}

/** What is to be done: the plan, if whoever runs this has agreed to it. */
async function wantedOf(choice: RepairChoice, { line: { dir, options }, after, terminal }: Asking): Promise<Doable | undefined> {
  if (choice.kind !== 'finish' && !('repair' in choice)) return undefined
  const again = (more: string): string =>
    `To do it: raftgen log repair ${dir}${(options.from ?? []).map((other) => ` --from ${other}`).join('')}${more}`
  if (choice.kind !== 'loss') {
    if (options.yes === true) return choice
    if (terminal.ask === undefined) terminal.err(again(`${options.acceptLoss === true ? ' --accept-loss' : ''} --yes`))
    else if (/^y(?:es)?$/i.test((await terminal.ask('Do it? (yes/no)')).trim())) return choice
    return undefined
  }
  const kept = choice.repair.plan.end.index
  if (after !== undefined && after !== kept) {
    throw new WrongUse(
      `--after ${after} is not what the plan says: the last entry that stays is ${kept}`,
      'Read the plan again. Nothing was changed.',
    )
  }
  if (after !== undefined && options.yes === true) return choice
  if (terminal.ask === undefined) {
    terminal.err(again(` --accept-loss --after ${kept} --yes`))
    return undefined
  }
  const answer = await terminal.ask(`To give up what is listed, type the number of the last entry that stays (${kept}):`)
  return answer.trim() === `${kept}` ? choice : undefined
}

function report({ dir, choice, done, left }: { dir: string; choice: RepairChoice; done: Done | undefined; left: Outcome }): object {
  return {
    ok: left.kind === 'whole',
    dir,
    plan: planObject(choice),
    done: done !== undefined,
    backup: done?.backup,
    outcome: { kind: left.kind, code: left.error?.code, sentence: left.sentence },
  }
}

/** 0: nothing stays. */
const parsedAfter = (text: string): number => (text === '0' ? 0 : parsedNumber(text, '--after'))

function peerDirOf(argument: string, dir: string): string {
  const other = dataDirOf(argument)
  if (realpathSync(other) !== realpathSync(dir)) return other
  throw new WrongUse(`--from ${argument} is the directory that is to be repaired`, "Name another member's, or a copy.")
}

/** Entries of another cluster are never taken, whatever they look like. */
function checkedPeer(peer: Inspection, { dir, identity }: Inspection): Inspection {
  if (peer.identity !== undefined && identity !== undefined && peer.identity.clusterId === identity.clusterId) return peer
  const [theirs, ours] = [peer, { identity }].map((one) =>
    one.identity === undefined ? 'nobody knows which cluster' : `cluster ${one.identity.clusterId}`,
  )
  throw new WrongUse(`${peer.dir} is of ${theirs}, ${dir} of ${ours}`, 'Name the directory of another member, or a copy.')
}
