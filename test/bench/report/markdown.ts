import type { Section } from '../scenarios/scenario.js'
import type { System } from '../systems/system.js'
import type { Machine } from './machine.js'

export interface Report {
  readonly machine: Machine
  readonly systems: readonly Pick<System, 'name' | 'version' | 'driver'>[]
  /** The command line that makes it again. */
  readonly command: string
  readonly sections: readonly Section[]
}

/** `chartPath`: where the chart of a name is, as the page names it. */
export function markdown({ machine, systems, command, sections }: Report, chartPath: (name: string) => string): string {
  const { cpu, cores, memoryGiB, system, node, commit, date } = machine
  const versions = systems.map(({ name, version, driver }) => `${name} ${version} (load: ${driver})`).join(', ')
  return [
    '# Benchmark',
    '',
    `Three processes of each system on one machine, 256-byte values, every acknowledged write synced by a majority. Absolute figures say little elsewhere: look at the ratios, which are of one run.`,
    '',
    `- ${versions}`,
    `- ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, node ${node}`,
    `- commit ${commit}, ${date} UTC: \`${command}\``,
    ...sections.flatMap((section) => ['', ...sectionLines(section, chartPath)]),
    '',
  ].join('\n')
}

function sectionLines({ title, text, header, rows, charts }: Section, chartPath: (name: string) => string): readonly string[] {
  const pictures = charts.flatMap(({ name, title: alt }) => ['', `![${alt}](${chartPath(name)})`])
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [`## ${title}`, '', text, '', line(header), line(header.map(() => '---')), ...rows.map(line), ...pictures]
}
