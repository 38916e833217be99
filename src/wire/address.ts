// What an address is: one rule for whoever takes one in, so that none gets into a configuration that another part could not dial.

export interface Address {
  readonly host: string
  readonly port: number
}

/** The longest name of a host has 253 letters. */
export const addressLengthMax = 300

/** `host:port`, where an IPv6 host stands in brackets. A `/` belongs to networks and URLs, not to hosts. */
const form = /^(?:\[([0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%[\w.-]+)?)\]|([^:[\]/\s\p{Cc}]+)):(\d{1,5})$/u

/** Of `host:port` or `[v6]:port`; `undefined` when `text` is none. Port 0 is left to the caller. */
export function readAddress(text: string): Address | undefined {
  if (text.length > addressLengthMax) return undefined
  const [, v6, name, digits] = form.exec(text) ?? []
  const host = v6 ?? name
  const port = Number(digits)
  return host === undefined || port > 65_535 ? undefined : { host, port }
}

/** Whether somebody could be reached there: an address with a port that is not 0. */
export function isAddress(text: string): boolean {
  return (readAddress(text)?.port ?? 0) > 0
}
