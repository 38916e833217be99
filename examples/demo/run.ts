// How every demonstration ends.
import { rm } from 'node:fs/promises'
import { type Replica, stop } from './cluster.js'

/** Ends the process: with exit code 0 only if `main` finds that all was well. The replicas end with it, and nothing is left below `root`. */
export async function runDemo(
  { replicas, root }: { readonly replicas: readonly Replica[]; readonly root: string },
  main: () => Promise<boolean>,
): Promise<never> {
  // However this process ends, short of kill -9, its replicas end with it; also when nobody reads its output any more.
  process.stdout.on('error', () => process.exit(1))
  process.once('exit', () => {
    for (const replica of replicas) replica.process?.kill('SIGKILL')
  })
  let fine = false
  try {
    fine = await main()
  } catch (error) {
    console.error(error)
  } finally {
    await Promise.all(replicas.map((replica) => stop(replica, 'SIGTERM')))
    await rm(root, { recursive: true, force: true })
  }
  // Whatever still waits after a failure waits in vain.
  process.exit(fine ? 0 : 1)
}
