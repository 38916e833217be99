// Three nodes on this machine. In production: one address per machine, and the same list everywhere.
export const clusterId = 'store-dev'

export const members = [1, 2, 3].map((id) => ({
  id,
  /** Where the other nodes reach it. */
  peer: `127.0.0.1:${7000 + id}`,
  /** Where clients reach it. */
  client: `127.0.0.1:${7100 + id}`,
}))
