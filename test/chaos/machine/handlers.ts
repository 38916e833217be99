import { type ChaosHandlers, Mismatch, ok } from './generated/index.js'

/** Of a list; as the schema has it. */
const lastMax = 8
const noList = { count: 0, last: [] } as const

export const handlers: ChaosHandlers = {
  append(state, { key, value }) {
    const { count, last } = state.lists.get(key) ?? noList
    const list = { count: count + 1, last: [...last, value].slice(-lastMax) }
    state.lists.set(key, list)
    state.appended += 1
    return list
  },

  cas(state, { key, expected, value }) {
    const actual = state.registers.get(key) ?? null
    if (actual !== expected) return Mismatch({ actual })
    state.registers.set(key, value)
    return ok()
  },

  read(state, { key }) {
    return { list: state.lists.get(key) ?? noList, register: state.registers.get(key) ?? null }
  },

  sum(state) {
    let registers = 0
    for (const [, value] of state.registers.entries()) registers += value
    return { appended: state.appended, registers }
  },
}
