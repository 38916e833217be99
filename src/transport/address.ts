import { RaftgenError } from '../errors.ts'

/** The longest name of a host has 253 letters. */
const addressLengthMax = 300

export interface Address {
  readonly host: string
  readonly port: number
}

/** Of `host:port` or `[v6]:port`. Throws BAD_OPTIONS. Port 0 is left to the caller. */
export function parseAddress(text: string): Address {
  const address = readAddress(text)
  if (address !== undefined) return address
  throw new RaftgenError('BAD_OPTIONS', `${JSON.stringify(text)} is not an address: write host:port, as in 127.0.0.1:4001 or [::1]:4001`)
}

/** Of what another process said: whether somebody could listen there. */
export function isAddress(text: string): boolean {
  return text.length <= addressLengthMax && (readAddress(text)?.port ?? 0) > 0
}

function readAddress(text: string): Address | undefined {
  const [, v6, name, digits] = /^(?:\[([^\]]+)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(text) ?? []
  const host = v6 ?? name
  const port = Number(digits)
  return host === undefined || port > 65_535 ? undefined : { host, port }
}

export const formatAddress = ({ host, port }: Address): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
