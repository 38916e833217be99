export * from './api.ts'
export * from './invariant.ts'
export * from './types.ts'
