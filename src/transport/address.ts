import { RaftgenError } from '../errors.ts'
import { type Address, readAddress } from '../wire/address.ts'

/** Of `host:port` or `[v6]:port`. Throws BAD_OPTIONS. Port 0 is left to the caller. */
export function parseAddress(text: string): Address {
  const address = readAddress(text)
  if (address !== undefined) return address
  throw new RaftgenError('BAD_OPTIONS', `${JSON.stringify(text)} is not an address: write host:port, as in 127.0.0.1:4001 or [::1]:4001`)
}

export const formatAddress = ({ host, port }: Address): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
