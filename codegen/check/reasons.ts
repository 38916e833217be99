// What makes replicas differ, in words. Loads nothing.
import type { Reason } from './finding.ts'

const time = 'Take the time from ctx.now: the same on every replica, and it never goes backwards.'
const state = 'A handler knows its state and its input. Let the caller do this, and send what came of it as input.'

export const clock: Reason = { code: 'CLOCK', why: 'reads the clock of its machine', instead: time }
export const localTime: Reason = {
  code: 'LOCAL_TIME',
  why: 'depends on the time zone of its machine',
  instead: 'Use getUTC*, Date.UTC(...), toISOString(), or keep milliseconds; where a zone matters, let it be an input.',
}
export const zonelessText: Reason = {
  code: 'LOCAL_TIME',
  why: 'reads a text, and one without a zone is in that of its machine',
  instead: 'Keep times as milliseconds (Type.Integer), or end the text with its zone, as in 2030-01-01T12:00:00Z.',
}
export const chance: Reason = {
  code: 'RANDOM',
  why: 'gives something else on each replica',
  instead: 'Use ctx.random(), which is seeded from the entry, or ctx.id() for what must be unique.',
}
export const uniqueness: Reason = { ...chance, instead: 'Use ctx.id(): unique, and the same on every replica.' }
export const leftovers: Reason = {
  code: 'RANDOM',
  why: 'gives memory with whatever was there before',
  instead: 'Use Buffer.alloc, or new Uint8Array(size).',
}
export const float: Reason = {
  code: 'FLOAT',
  why: 'may differ in its last bits between machines and versions of Node',
  instead: 'Only + - * / % and Math.sqrt, floor, round, abs, min, max and the like are exact. Use integers, or a table of values.',
}
export const power: Reason = { ...float, instead: 'Multiply: x * x; or use a power of two, bigints, or a table of values.' }
export const locale: Reason = {
  code: 'LOCALE',
  why: 'depends on the language of its machine and on the ICU of its Node',
  instead: 'Leave the wording to the caller; for numbers use String(n) or toFixed, for upper and lower case toUpperCase and toLowerCase.',
}
export const collation: Reason = {
  ...locale,
  instead: 'Sort by code unit: (a, b) => (a < b ? -1 : a > b ? 1 : 0). Tables are sorted that way already.',
}
export const unicode: Reason = {
  code: 'UNICODE',
  why: 'depends on the version of Unicode that its Node has: new characters fit one replica and not the other',
  instead: 'Name the characters: [A-Za-z0-9], [À-ÿ]; or check it at the caller.',
}
export const sharedMemory: Reason = {
  code: 'SHARED_MEMORY',
  why: 'is memory that these bytes share with others: where they are in it, and what is beside them, differs on each replica',
  instead:
    'Say where they are: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength); or take a copy: new Uint8Array(bytes).buffer.',
}
export const machine: Reason = { code: 'MACHINE', why: 'tells something of its own process or machine', instead: state }
export const io: Reason = { code: 'IO', why: 'reaches outside of the log, where each replica finds something else', instead: state }
export const nodeModule: Reason = { ...io, why: 'may give something else on another machine, or with another version of Node' }
export const timer: Reason = {
  code: 'TIMER',
  why: 'runs when the event loop has time for it, not when the log says so',
  instead: 'Keep a deadline in the state and compare it with ctx.now; let a client send the command that is due.',
}
export const asynchronous: Reason = {
  code: 'ASYNC',
  why: 'goes on later, when other entries may have been applied: handlers are synchronous',
  instead: 'Return the value itself. What has to be awaited is done by the caller, and its result is an input.',
}
export const unseen: Reason = {
  code: 'UNSEEN',
  why: 'runs or reaches what cannot be seen here',
  instead: 'Import what is needed by name, at the top of the file.',
}
export const garbage: Reason = {
  code: 'GARBAGE_COLLECTION',
  why: 'shows when the garbage collector ran, which differs on each replica',
  instead: 'Keep what is needed in the state, and delete it there.',
}
export const errorText: Reason = {
  code: 'ERROR_TEXT',
  why: 'is worded by the engine: other versions of Node word it otherwise',
  instead: 'Throw and catch a class of your own and read its fields, or answer with a declared error.',
}
export const stack: Reason = { ...errorText, why: 'has paths and line numbers of its own machine' }
export const moduleState: Reason = {
  code: 'MODULE_STATE',
  why: 'is in no snapshot, is not rolled back with a failed command, and begins anew with each process',
  instead: 'Keep it in the state, which is all of that; or fill it while the module loads, and leave it alone then.',
}
export const lastIndex: Reason = {
  ...moduleState,
  why: 'keeps its lastIndex from one call to the next, which a replica that was restarted does not have',
  instead: 'Leave out the flags g and y, make the expression inside of the function, or use text.matchAll.',
}
export const lastMatch: Reason = {
  ...moduleState,
  why: 'is left over from whatever was matched last in this process',
  instead: 'Use what exec, match or matchAll return.',
}
export const output: Reason = {
  code: 'OUTPUT',
  why: 'is no state, so it does no harm; but it is printed by each replica, and again whenever one replays its log',
  instead: 'Print where the command is called, or remove it before you deploy.',
}
