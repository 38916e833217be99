// Modules that are not the user's: those of Node, and packages.
import { isBuiltin } from 'node:module'
import type { Reason } from './finding.ts'
import * as reasons from './reasons.ts'

/** `node:fs/promises` is `fs/promises`; none when it is no module of Node. */
export const builtinName = (specifier: string): string | undefined => (isBuiltin(specifier) ? specifier.replace(/^node:/, '') : undefined)

const pureMembers: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    // OpenSSL computes what the standard says, or throws.
    crypto: 'createHash createHmac hash timingSafeEqual',
    buffer: 'Buffer constants',
    // Not resolve and relative, which look at the working directory.
    'path/posix': 'basename dirname extname format isAbsolute join normalize parse sep',
    querystring: 'decode encode escape parse stringify unescape',
  }).map(([name, members]) => [name, new Set(members.split(' '))]),
)
/** It throws or it does not; its words are not replicated. */
const pureModules: ReadonlySet<string> = new Set(['assert', 'assert/strict'])

const moduleReasons: ReadonlyMap<string, Reason> = new Map([
  ['crypto', reasons.chance],
  ['perf_hooks', reasons.clock],
  ['timers', reasons.timer],
  ['async_hooks', reasons.asynchronous],
  ['os', reasons.machine],
  ['process', reasons.machine],
  ['vm', reasons.unseen],
  ['module', reasons.unseen],
  ...'fs net http http2 https dns dgram tls child_process cluster worker_threads readline sqlite inspector repl'
    .split(' ')
    .map((name) => [name, reasons.io] as const),
])

/** Of a module of Node: which of its exports are the same everywhere. */
export function pureExports(builtin: string): 'all' | ReadonlySet<string> {
  return pureModules.has(builtin) ? 'all' : (pureMembers.get(builtin) ?? new Set())
}

export const builtinReason = (builtin: string): Reason => moduleReasons.get(builtin.split('/')[0] ?? '') ?? reasons.nodeModule

const packageReasons: ReadonlyMap<string, Reason> = new Map(
  (
    [
      ['uuid nanoid ulid cuid @paralleldrive/cuid2 short-uuid shortid ksuid', reasons.uniqueness],
      ['chance random-js @faker-js/faker', reasons.chance],
      ['moment moment-timezone dayjs luxon date-fns', reasons.localTime],
      ['axios got ky node-fetch undici superagent request ws socket.io socket.io-client', reasons.io],
      ['pg mysql mysql2 sqlite3 better-sqlite3 mongodb mongoose redis ioredis knex sequelize typeorm @prisma/client level', reasons.io],
      ['kafkajs amqplib nats fs-extra graceful-fs', reasons.io],
      ['dotenv', reasons.machine],
      ['winston pino bunyan log4js', reasons.io],
    ] as const
  ).flatMap(([names, { why, instead }]) => names.split(' ').map((name) => [name, { code: 'IMPURE_PACKAGE', why, instead }] as const)),
)
const ownIo: Reason = {
  code: 'IMPURE_PACKAGE',
  why: 'runs nodes and clients, which a handler runs inside of',
  instead: 'Import it where the server is started; handlers take what they need from ./generated.',
}
const ownPure: ReadonlySet<string> = new Set(['raftgen', 'raftgen/contract/v1', 'typebox'])

/** `@scope/name/sub` is `@scope/name`. */
export const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

/** What is known of a package: why it may not be used, that it may, or nothing. */
export function packageVerdict(specifier: string): Reason | 'pure' | 'unknown' {
  const name = packageName(specifier)
  if (ownPure.has(specifier) || name === 'typebox') return 'pure'
  if (name === 'raftgen') return ownIo
  return packageReasons.get(name) ?? 'unknown'
}
