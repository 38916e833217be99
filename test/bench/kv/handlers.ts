import type { BenchKvHandlers } from './generated/index.js'

export const handlers: BenchKvHandlers = {
  put(state, { key, value }) {
    state.values.set(key, value)
  },
  get(state, { key }) {
    return state.values.get(key) ?? null
  },
}
