import type { CounterHandlers } from './generated/index.js'

export const handlers: CounterHandlers = {
  add(state, { amount }) {
    state.value += amount
    return state.value
  },

  value(state) {
    return state.value
  },
}
