// Three nodes on this machine. In production: one address per machine, and the same list everywhere.
export const clusterId = 'store-dev'

/** Where a node is, one that joins later too. */
export const addressesOf = (id: number) => ({
  /** Where the other nodes reach it. */
  peer: `127.0.0.1:${7000 + id}`,
  /** Where clients reach it. */
  client: `127.0.0.1:${7100 + id}`,
})

/** The first members, of which the cluster is made. Who is one today, it knows itself: `npx raftgen cluster status --server 127.0.0.1:7101`. */
export const members = [1, 2, 3].map((id) => ({ id, ...addressesOf(id) }))
