import type { MachineNames } from './model.ts'
import { camelCase, lowerFirst, pascalCase } from './names.ts'

/** Of a machine called `name`. */
export function machineNamesOf(name: string): MachineNames {
  const machine = camelCase(name)
  const prefix = pascalCase(machine)
  return {
    machine,
    prefix,
    state: `${prefix}State`,
    readonlyState: `${prefix}ReadonlyState`,
    handlers: `${prefix}Handlers`,
    client: `${prefix}Client`,
    descriptor: `${lowerFirst(prefix)}Descriptor`,
    ladder: `${lowerFirst(prefix)}Ladder`,
    steps: `${lowerFirst(prefix)}Steps`,
    schema: `${lowerFirst(prefix)}Schema`,
  }
}

/** Of the constant that stands for an operation in the codec. */
export const operationConstant = (name: string, kind: 'command' | 'query'): string =>
  `${lowerFirst(pascalCase(name))}${kind === 'command' ? 'Command' : 'Query'}`
