// A plan of repair in words, and as an object.
import type { Inspection } from '../storage/inspect.ts'
import { entriesName } from '../storage/inspect-log.ts'
import type { Repair } from '../storage/repair-dir.ts'
import type { CommandDecoder } from './command-decoder.ts'
import { columnsFor, entryLine, headLine, readEntry } from './entry-words.ts'
import type { Outcome } from './log-outcome.ts'
import { holeText } from './log-show.ts'
import { knownTerm } from './log-words.ts'
import type { EntryRange, RepairChoice } from './repair-plan.ts'

/** Entries listed one by one; `log show` has the others. */
const listedMax = 100
type Loss = Extract<RepairChoice, { readonly kind: 'loss' }>

export interface PlanContext {
  readonly inspection: Inspection
  readonly outcome: Outcome
  readonly peers: readonly Inspection[]
  readonly decoder: CommandDecoder | undefined
}

export async function planLines(choice: RepairChoice, context: PlanContext): Promise<readonly string[]> {
  const { dir } = context.inspection
  switch (choice.kind) {
    case 'none':
      return [`${dir} is whole: there is nothing to repair.`]
    case 'finish':
      return [
        `A repair of ${dir} was cut off: its result is in ${dir}/repairing, and nothing is in its place yet.`,
        'Plan:',
        '  put it there',
      ]
    case 'start':
      return [`Nothing to do here: start the node. ${context.outcome.sentence}`]
    case 'refused':
      return [`This cannot be repaired here. ${context.outcome.sentence}`]
    case 'stuck':
      return stuckLines(context)
    case 'gone':
      return [
        `Nothing is left of the log of ${dir}, nor a whole snapshot: nothing tells who votes, so no node can be made of it.`,
        'Put back a copy of the directory; or begin a new cluster in an empty one.',
      ]
    case 'fill':
      return [
        'Plan:',
        ...stepLines(choice.repair, dir),
        'They are verified: they lead to chain values that this log itself has held, so they are the very entries that it lacks.',
        choice.left === undefined ? `${dir} is whole then.` : `${entriesName(choice.left)} will still be missing.`,
      ]
    case 'snapshot':
      return [
        'Plan:',
        ...stepLines(choice.repair, dir),
        `Nothing is lost: the snapshot holds what the entries up to its own did. ${dir} is whole then.`,
      ]
    case 'loss':
      return lossLines(choice, context)
  }
}

function stepLines({ plan }: Repair, dir: string): readonly string[] {
  const { reset, steps } = plan
  const first = reset === undefined ? [] : [`  begin the log anew after the snapshot of entry ${reset.id.index} of term ${reset.id.term}`]
  const taken = steps.map((step) =>
    step.source.name === dir
      ? `  keep ${entriesName(step)}, which ${dir} still has`
      : `  take ${entriesName(step)} from ${step.source.name}`,
  )
  return [...first, ...taken]
}

function stuckLines({ inspection, peers }: PlanContext): readonly string[] {
  const { dir, log } = inspection
  const end = log.asIs.kind === 'open' ? log.asIs.end.index : 0
  const helpless =
    peers.length === 0
      ? ['Nothing in this directory brings back what is missing.']
      : [
          `Nothing in ${peers.map((peer) => peer.dir).join(', ')} leads from entry ${end} to what ${dir} held after it:`,
          ...peers.map(heldText),
        ]
  const ways =
    log.verdict.kind === 'open'
      ? ['Start the node: its peers give it back, or a snapshot in its place.']
      : [
          'What is left:',
          `  take it from a${peers.length === 0 ? '' : 'nother'} copy of this directory, or of another member's: raftgen log repair ${dir} --from <copy>`,
          `  give up what is missing, for good: raftgen log repair ${dir} --accept-loss`,
        ]
  return [...helpless, ...ways]
}

function heldText({ dir, log }: Inspection): string {
  const { base, end } = log.found
  const first = (base?.id.index ?? 0) + 1
  const runs = [...(end.index < first ? [] : [{ firstIndex: first, lastIndex: end.index }]), ...log.islands]
  return `  ${dir} has ${runs.length === 0 ? 'no entries' : runs.map(entriesName).join(', ')}`
}

async function lossLines(choice: Loss, context: PlanContext): Promise<readonly string[]> {
  const { dir } = context.inspection
  const { plan } = choice.repair
  const kept = plan.end.index === 0 ? 'no entries' : `everything up to entry ${plan.end.index} of term ${plan.end.term}`
  return [
    'Plan: give up what is missing, for good.',
    ...stepLines(choice.repair, dir),
    `  kept: ${kept}`,
    ...(choice.lost === undefined
      ? ['  lost: nothing that is known of; whether there was more, nothing tells']
      : [
          `  lost: ${entriesName(choice.lost)}${choice.lost.firstIndex === choice.lost.lastIndex ? '' : ', whether they can still be read or not'}`,
          ...(await lostLines(choice.lost, context)),
        ]),
    '',
    ...meaningLines(context),
  ]
}

/** What can still be read of it, in words. */
async function lostLines(lost: EntryRange, { inspection, decoder }: PlanContext): Promise<readonly string[]> {
  const { walk, dir } = inspection
  const columns = columnsFor({ index: lost.lastIndex, term: knownTerm(inspection) })
  const lines = [headLine(columns)]
  for await (const piece of walk.pieces(lost)) {
    if (piece.kind === 'hole') lines.push(`# ${holeText(piece)}`)
    else for (const entry of piece.entries) lines.push(entryLine(readEntry(entry, decoder), columns))
    if (lines.length <= listedMax) continue
    return [...lines.slice(0, listedMax), `# and more: raftgen log show ${dir} --from ${lost.firstIndex}`].map((line) => `    ${line}`)
  }
  return lines.map((line) => `    ${line}`)
}

function meaningLines({ inspection }: PlanContext): readonly string[] {
  const { log, dir } = inspection
  const opened = log.asIs
  if (opened.kind === 'refuse') return []
  const said = 'Their commands may have been acknowledged: for whoever sent them they have happened, and from now on they have not.'
  const { voters, members } = log.judged.confs.at(-1)?.conf ?? opened.base.conf
  if (members.length <= 1) {
    return [said, `${dir} is of the only member of its cluster. If there is a copy of it that has these entries, use that: --from <copy>.`]
  }
  return [
    said,
    `Look at every member first (${voters.join(', ')}; raftgen log verify): one that has these entries gives them back to all others once it runs, and nothing`,
    'is lost. Only where no member that is left has them does this help: then do it on each member that lacks them, before any of them is started. This node',
    'votes again then, also for members that lack them too.',
  ]
}

/** The same for scripts. */
export function planObject(choice: RepairChoice): object {
  if (!('repair' in choice)) return { kind: choice.kind }
  const { plan } = choice.repair
  return {
    kind: choice.kind,
    snapshot: plan.reset?.id,
    steps: plan.steps.map(({ firstIndex, lastIndex, source }) => ({ firstIndex, lastIndex, from: source.name })),
    lastKept: { term: plan.end.term, index: plan.end.index },
    left: choice.kind === 'fill' ? choice.left : undefined,
    lost: choice.kind === 'loss' ? choice.lost : undefined,
  }
}
