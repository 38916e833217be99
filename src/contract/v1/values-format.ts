// The text formats that raftgen knows. Written here, not taken from TypeBox: all replicas must judge alike, whatever versions they were
// installed with. Whatever one of these accepts, TypeBox accepts too; where they are narrower, it says so.
import { InvalidValue, show } from './values-invalid.ts'

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const hostnamePattern = new RegExp(`^${label}(?:\\.${label})*$`, 'i')
const emailPattern = new RegExp(`^[a-z0-9!#$%&'*+/=?^_\`{|}~-]+(?:\\.[a-z0-9!#$%&'*+/=?^_\`{|}~-]+)*@${label}(?:\\.${label})*$`, 'i')
const ipv4Pattern = new RegExp(`^${octet}(?:\\.${octet}){3}$`)
const uuidPattern = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i
const datePattern = /^(\d{4})-(\d\d)-(\d\d)$/
const timePattern = /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i
const durationPattern =
  /^P(?:\d+W|(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)(?:T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S))?|T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S))$/
const hex4 = /^[0-9a-f]{1,4}$/i
const uriPattern =
  /^[a-z][a-z0-9+.-]*:(?:\/\/[-a-z0-9._~!$&'()*+,;=]+(?::\d*)?(?:\/(?:[-a-z0-9._~!$&'()*+,;=:@/]|%[0-9a-f]{2})*)?|[-a-z0-9._~!$&'()*+,;=:@](?:[-a-z0-9._~!$&'()*+,;=:@]|%[0-9a-f]{2})*)(?:\?(?:[-a-z0-9._~!$&'()*+,;=:@/?]|%[0-9a-f]{2})*)?(?:#(?:[-a-z0-9._~!$&'()*+,;=:@/?]|%[0-9a-f]{2})*)?$/i

function isDate(text: string): boolean {
  const [, year = '', month = '', day = ''] = datePattern.exec(text) ?? []
  if (year === '') return false
  const leap = Number(year) % 4 === 0 && (Number(year) % 100 !== 0 || Number(year) % 400 === 0)
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][Number(month) - 1]
  return days !== undefined && Number(day) >= 1 && Number(day) <= days
}

function isIpv6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  const last = groups.at(-1)
  // An IPv4 address at the end stands for two groups.
  const dotted = last?.includes('.') === true && !text.endsWith('::')
  if (dotted && !ipv4Pattern.test(last)) return false
  const plain = dotted ? groups.slice(0, -1) : groups
  if (!plain.every((group) => hex4.test(group))) return false
  const count = plain.length + (dotted ? 2 : 0)
  return halves.length === 2 ? count <= 7 : count === 8
}

const formats = {
  /** Year, month, day: `2026-02-28`. */
  date: { test: isDate, words: 'a date (2026-02-28)' },
  /** With its offset. Narrower than TypeBox: no leap second. */
  time: { test: (text: string) => timePattern.test(text), words: 'a time with its offset (12:30:00Z)' },
  /** RFC 3339. Narrower than TypeBox: no leap second, no suffix in brackets. */
  'date-time': {
    test: (text: string) => /^.{10}T/i.test(text) && isDate(text.slice(0, 10)) && timePattern.test(text.slice(11)),
    words: 'a date and time (2026-02-28T12:30:00Z)',
  },
  /** ISO 8601, whole numbers. */
  duration: { test: (text: string) => durationPattern.test(text), words: 'a duration (P1DT12H)' },
  /** Narrower than TypeBox: no quoted name, no address in brackets; at most 254 characters. */
  email: { test: (text: string) => text.length <= 254 && emailPattern.test(text), words: 'an email address' },
  /** Narrower than TypeBox: ASCII, no internationalised labels; at most 253 characters. */
  hostname: {
    test: (text: string) => text.length <= 253 && !/(?:^|\.)..--/.test(text) && hostnamePattern.test(text),
    words: 'a host name',
  },
  ipv4: { test: (text: string) => ipv4Pattern.test(text), words: 'an IPv4 address' },
  ipv6: { test: isIpv6, words: 'an IPv6 address' },
  /** With a scheme. Narrower than TypeBox: no user name, no host in brackets, a host that is not empty. */
  uri: { test: (text: string) => uriPattern.test(text), words: 'a URI' },
  uuid: { test: (text: string) => uuidPattern.test(text), words: 'a UUID' },
} as const

export type FormatName = keyof typeof formats

export const formatNames: readonly string[] = Object.keys(formats).sort()
export const isFormatName = (name: string): name is FormatName => Object.hasOwn(formats, name)

export function format(value: string, key: string | number, name: FormatName): string {
  if (!formats[name].test(value)) throw new InvalidValue(key, `is ${show(value)}, ${formats[name].words} is required`)
  return value
}
