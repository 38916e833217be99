export { type CoreView, Refinement } from './refinement.ts'
export type { ReferenceStart } from './reference-server.ts'
export type { Refused } from './rules.ts'
