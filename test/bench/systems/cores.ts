// Cores of their own for who must not be in each other's way. Linux, with `taskset` of util-linux.
import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'

/** The last core is for the client, all others for the nodes. False where that cannot be had. */
export async function separate(nodes: readonly (number | undefined)[], client: number | undefined): Promise<boolean> {
  const last = availableParallelism() - 1
  if (last === 0) return false
  try {
    for (const pid of nodes) await pin(pid, `0-${last - 1}`)
    await pin(client, `${last}`)
    return true
  } catch {
    return false
  }
}

/** With all of its threads. */
const pin = (pid: number | undefined, cores: string): Promise<unknown> =>
  promisify(execFile)('taskset', ['-a', '-c', '-p', cores, `${pid}`])
