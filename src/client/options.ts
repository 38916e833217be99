// What users may say, checked before anything is done with it.
import { RaftgenError } from '../errors.ts'
import type { MachineIdentity } from '../session/api.ts'
import type { CallOptions, Consistency, QueryOptions, Token } from '../session/caller.ts'
import { defaultLimits } from '../session/limits.ts'
import { parseAddress } from '../transport/address.ts'
import type { Dial } from './dial.ts'

export const defaultTimeoutMs = 5_000
export const timeoutMsMax = 3_600_000
/** Indexes travel in 48 bits. */
const indexMax = 2 ** 48 - 1

export interface ClientOptions {
  /** `host:port` of some members of the cluster, 1 to 64; the others are learned from them. */
  readonly servers: readonly string[]
  /** For connecting, and for each call that does not say otherwise. Milliseconds, 1 to 3,600,000. Default 5,000. */
  readonly timeoutMs?: number
  /** Gives up connecting: ABORTED. Without effect on what comes later. */
  readonly signal?: AbortSignal
  /** Only a cluster of this id will do: CLUSTER_MISMATCH. Default: whichever answers first. */
  readonly clusterId?: string
  /** Only servers of this machine will do: MACHINE_MISMATCH. Default: any; a client of bytes must know itself whom it talks to. */
  readonly machine?: MachineIdentity
  /** Not supported yet: BAD_OPTIONS. */
  readonly tls?: undefined
  /** Plain TCP, the only transport so far. */
  readonly insecure?: boolean
  /** Another way to reach servers than TCP. */
  readonly dial?: Dial
}

const optionNames: ReadonlySet<string> = new Set([
  'servers',
  'timeoutMs',
  'signal',
  'clusterId',
  'machine',
  'tls',
  'insecure',
  'dial',
] satisfies readonly (keyof ClientOptions)[])

/** Throws BAD_OPTIONS that names the first option that is wrong. */
export function checkClientOptions(options: ClientOptions): void {
  if (typeof options !== 'object' || options === null)
    throw bad(`options are ${show(options)}, not an object: write { servers: ['host:port'] }`)
  for (const name of Object.keys(options)) {
    if (!optionNames.has(name)) throw bad(`option ${name} is unknown; known are ${[...optionNames].join(', ')}`)
  }
  checkServers(options.servers)
  const timeout = timeoutProblem(options.timeoutMs)
  if (timeout !== undefined) throw bad(timeout)
  checkSignal(options.signal)
  if (options.tls !== undefined) throw bad('TLS is not supported yet: leave out the option tls')
  if (options.clusterId !== undefined && (typeof options.clusterId !== 'string' || options.clusterId === '')) {
    throw bad(`option clusterId is ${show(options.clusterId)}, not the id of a cluster`)
  }
  checkMachine(options.machine)
  if (options.insecure !== undefined && typeof options.insecure !== 'boolean')
    throw bad(`option insecure is ${show(options.insecure)}, not true or false`)
  if (options.dial !== undefined && typeof options.dial !== 'function') throw bad(`option dial is ${show(options.dial)}, not a function`)
}

/** A sentence that says what is wrong with the options of a call, or nothing. */
export function callProblem(options: CallOptions): string | undefined {
  if (typeof options !== 'object' || options === null) return `the options of the call are ${show(options)}, not an object`
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal))
    return `option signal is ${show(options.signal)}, not an AbortSignal`
  return timeoutProblem(options.timeoutMs)
}

export function queryProblem(options: QueryOptions): string | undefined {
  const problem = callProblem(options)
  if (problem !== undefined) return problem
  const { consistency, atLeast, from } = options
  if (consistency !== undefined && !consistencies.has(consistency))
    return `option consistency is ${show(consistency)}, not 'linearizable', 'lease' or 'stale'`
  if (from !== undefined && from !== 'leader' && from !== 'nearest') return `option from is ${show(from)}, not 'leader' or 'nearest'`
  if (atLeast === undefined) return undefined
  if (!isToken(atLeast)) return `option atLeast is ${show(atLeast)}, not a token: take one from \`client.token\``
  if (consistency !== undefined) return `options consistency and atLeast exclude each other: a token says how fresh the answer must be`
  return undefined
}

const consistencies: ReadonlySet<unknown> = new Set(['linearizable', 'lease', 'stale'] satisfies readonly Consistency[])

/** It may have come as JSON from anywhere. */
function isToken(token: Token): boolean {
  if (typeof token !== 'object' || token === null) return false
  const { clusterId, index } = token
  return typeof clusterId === 'string' && clusterId !== '' && Number.isSafeInteger(index) && index >= 0 && index <= indexMax
}

/** Throws BAD_OPTIONS unless `address` is one that can be dialled. */
export function checkAddress(address: unknown, option: string): void {
  if (typeof address !== 'string')
    throw bad(`option ${option} holds ${show(address)}, not an address: write host:port, as in 127.0.0.1:4001`)
  if (parseAddress(address).port === 0)
    throw bad(`option ${option} holds ${show(address)}, whose port is 0: write the one the server listens on`)
}

export function checkTimeoutMs(timeoutMs: number | undefined): void {
  const problem = timeoutProblem(timeoutMs)
  if (problem !== undefined) throw bad(problem)
}

function timeoutProblem(timeoutMs: number | undefined): string | undefined {
  if (timeoutMs === undefined || (Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= timeoutMsMax)) return undefined
  return `option timeoutMs is ${show(timeoutMs)}, not a whole number from 1 to 3,600,000`
}

function checkServers(servers: readonly string[]): void {
  if (!Array.isArray(servers)) throw bad(`option servers is ${show(servers)}, not a list: write servers: ['host:port']`)
  if (servers.length === 0) throw bad('option servers is empty: write the address of one server at least')
  if (servers.length > defaultLimits.addressesMax)
    throw bad(`option servers has ${servers.length} addresses, at most ${defaultLimits.addressesMax} are allowed`)
  for (const address of servers) checkAddress(address, 'servers')
}

function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw bad(`option signal is ${show(signal)}, not an AbortSignal`)
}

function checkMachine(machine: MachineIdentity | undefined): void {
  if (machine === undefined) return
  const fits =
    typeof machine === 'object' &&
    machine !== null &&
    typeof machine.name === 'string' &&
    machine.name !== '' &&
    Number.isSafeInteger(machine.version) &&
    typeof machine.wire === 'string'
  if (!fits) throw bad(`option machine is ${show(machine)}, not { name, version, wire }`)
}

const bad = (message: string): RaftgenError => new RaftgenError('BAD_OPTIONS', message)

function show(value: unknown): string {
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') return `a ${typeof value}`
  return JSON.stringify(value) ?? String(value)
}
