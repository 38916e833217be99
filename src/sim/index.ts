export { type LocalFailure, type LocalOptions, type LocalReplica, local } from './local.ts'
