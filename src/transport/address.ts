import { RaftgenError } from '../errors.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Of `host:port` or `[v6]:port`. Throws BAD_OPTIONS. Port 0 is left to the caller. */
export function parseAddress(text: string): Address {
  const [, v6, name, digits] = /^(?:\[([^\]]+)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(text) ?? []
  const host = v6 ?? name
  const port = Number(digits)
  if (host === undefined || port > 65_535) {
    throw new RaftgenError('BAD_OPTIONS', `${JSON.stringify(text)} is not an address: write host:port, as in 127.0.0.1:4001 or [::1]:4001`)
  }
  return { host, port }
}

export const formatAddress = ({ host, port }: Address): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
