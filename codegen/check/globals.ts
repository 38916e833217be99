// Names that every program has, and what is wrong with them in a handler.
import type { Reason } from './finding.ts'
import * as reasons from './reasons.ts'

const all = (names: string, reason: Reason): readonly (readonly [string, Reason])[] =>
  names.split(' ').map((name) => [name, reason] as const)

/** Whoever mentions one of these is told. */
export const globals: ReadonlyMap<string, Reason> = new Map([
  ...all('performance', reasons.clock),
  ...all('crypto', reasons.chance),
  ...all('Intl', reasons.locale),
  ...all('process navigator __dirname __filename', reasons.machine),
  ...all('fetch WebSocket EventSource XMLHttpRequest BroadcastChannel MessageChannel Worker localStorage sessionStorage', reasons.io),
  ...all('setTimeout setInterval setImmediate queueMicrotask requestAnimationFrame requestIdleCallback scheduler', reasons.timer),
  ...all('Promise', reasons.asynchronous),
  ...all('eval require', reasons.unseen),
  ...all('WeakRef FinalizationRegistry', reasons.garbage),
  ...all('console', reasons.output),
])

/** Members of globals that are fine themselves, or wrong for another reason. */
export const globalMembers: ReadonlyMap<string, Reason> = new Map([
  ['crypto.randomUUID', reasons.uniqueness],
  ['crypto.subtle', reasons.asynchronous],
  ['process.hrtime', reasons.clock],
  ['process.uptime', reasons.clock],
  ['process.nextTick', reasons.timer],
  ['Buffer.allocUnsafe', reasons.leftovers],
  ['Buffer.allocUnsafeSlow', reasons.leftovers],
  ['AbortSignal.timeout', reasons.timer],
  ['Temporal.Now', reasons.clock],
  ['Error.captureStackTrace', reasons.stack],
  ['Error.stackTraceLimit', reasons.stack],
  ['Error.prepareStackTrace', reasons.stack],
])

/** The object whose properties they all are. */
export const globalObjects: ReadonlySet<string> = new Set(['globalThis', 'global', 'window', 'self'])

const localParts =
  'getFullYear getYear getMonth getDate getDay getHours getMinutes getSeconds getTimezoneOffset ' +
  'setFullYear setYear setMonth setDate setHours setMinutes setSeconds toString toDateString toTimeString'
/** Implementations may approximate these (ECMA-262, 21.3.2); V8 has changed some of them. Exact: abs ceil clz32 floor fround imul max min round sign sqrt trunc. */
const approximated = 'acos acosh asin asinh atan atan2 atanh cbrt cos cosh exp expm1 hypot log log10 log1p log2 sin sinh tan tanh'
const owned = (owner: string, names: string, reason: Reason): readonly (readonly [string, Reason])[] =>
  all(names, reason).map(([name, why]) => [`${owner}.${name}`, why] as const)

/** Members of what the language declares, by the interface that declares them. */
export const members: ReadonlyMap<string, Reason> = new Map([
  ...owned('Math', 'random', reasons.chance),
  ...owned('Math', approximated, reasons.float),
  ...owned('Math', 'pow', reasons.power),
  ...owned('DateConstructor', 'now', reasons.clock),
  ...owned('Date', localParts, reasons.localTime),
  ...owned('Uint8Array', 'buffer', reasons.sharedMemory),
  ...owned('Error', 'stack', reasons.stack),
  ...owned('ErrorConstructor', 'captureStackTrace stackTraceLimit prepareStackTrace', reasons.stack),
  ...owned(
    'RegExpConstructor',
    '$1 $2 $3 $4 $5 $6 $7 $8 $9 $& $+ $_ $` input lastMatch lastParen leftContext rightContext',
    reasons.lastMatch,
  ),
])

/** Members that are about locales, whatever has them: strings, numbers, dates, arrays. */
export const localeMembers: ReadonlyMap<string, Reason> = new Map([
  ['localeCompare', reasons.collation],
  ...all('toLocaleLowerCase toLocaleUpperCase toLocaleString toLocaleDateString toLocaleTimeString', reasons.locale),
])
