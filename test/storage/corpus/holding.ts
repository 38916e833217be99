// What a data directory holds, as JSON: the log as it opens, the snapshots, and the state that both lead to.
import { createHash } from 'node:crypto'
import type { Entry } from '../../../src/core/types.ts'
import type { StateMachine } from '../../../src/machine/state-machine.ts'
import { recover } from '../../../src/node/recover.ts'
import type { Recovered } from '../../../src/node/options.ts'
import type { Snapshots } from '../../../src/ports/snapshots.ts'
import { LevelLog, openSnapshotDir, PeersFile } from '../../../src/storage/index.ts'
import { decodeEnvelope } from '../../../src/wire/envelope-codec.ts'
import { encodeSessions } from '../../../src/wire/sessions-codec.ts'

const text = new TextDecoder()

/** Appends what it is told. */
export function lines(): StateMachine {
  let all: string[] = []
  return {
    name: 'lines',
    version: 1,
    wire: 'utf8',
    apply: (command) => new TextEncoder().encode(String(all.push(text.decode(command)))),
    query: () => new TextEncoder().encode(all.join(',')),
    snapshot: () => new TextEncoder().encode(all.join('\n')),
    restoreSnapshot: (snapshot) => {
      all = snapshot.length === 0 ? [] : text.decode(snapshot).split('\n')
    },
  }
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** Opens `dir` as a node does, and closes it again. `expect`: whatever else it holds that is not as it should be. */
export async function holdingOf(
  dir: string,
): Promise<{ readonly holding: Json; readonly findings: readonly unknown[]; readonly diskId: string }> {
  const machine = lines()
  const log = await LevelLog.open(dir, { machine })
  const snapshots = await openSnapshotDir(dir)
  const peers = await PeersFile.open(dir)
  const { clusterId, nodeId, incarnation, diskId } = log.identity
  const { hardState, base, lastIndex, terms, confs, witness = [] } = log.summary
  const entries = await entriesOf(log)
  const { replica } = await recovered(log, { machine, snapshots })
  for (const entry of entries.filter(({ index }) => index > replica.lastApplied)) {
    if (entry.kind === 'command') replica.apply(entry, decodeEnvelope(entry.data))
    else replica.pass(entry)
  }
  const digest = createHash('sha256').update(machine.snapshot()).update(encodeSessions(replica.sessions)).digest('hex')
  const holding = {
    identity: { clusterId, nodeId, incarnation },
    hardState,
    base,
    lastIndex,
    terms,
    confs,
    entries: entries.map(({ term, index, kind, data, conf }) => ({ term, index, kind, data: Buffer.from(data).toString('base64'), conf })),
    snapshots: snapshots.list,
    peers: peers.stored,
    ...(witness.length === 0 ? {} : { witness }),
    state: { lastApplied: replica.lastApplied, now: replica.now, lines: text.decode(machine.query(new Uint8Array(0), never)), digest },
  }
  await called((done) => snapshots.close(done))
  await called((done) => log.close(done))
  const findings = [...log.findings, ...(log.summary.fence === undefined ? [] : [log.summary.fence])]
  const json: Json = JSON.parse(JSON.stringify(holding))
  return { holding: json, findings, diskId }
}

const never = { index: 0, now: 0, version: 1 }

const entriesOf = (log: LevelLog): Promise<readonly Entry[]> =>
  new Promise((resolve, reject) => {
    const { firstIndex, latestLogIndex: lastIndex } = log
    log.entries({ firstIndex, lastIndex, bytesMax: Number.MAX_SAFE_INTEGER }, (error, entries) =>
      error === undefined ? resolve(entries) : reject(error),
    )
  })

const recovered = (log: LevelLog, { machine, snapshots }: { machine: StateMachine; snapshots: Snapshots }): Promise<Recovered> =>
  new Promise((resolve, reject) => {
    const unusable = (_: number, error: Error): void => reject(error)
    const options = { id: log.identity.nodeId, machine, log: log.summary, snapshots, unusable }
    recover(options, (error, state) => (state === undefined ? reject(error) : resolve(state)))
  })

export const called = (call: (done: (error: Error | undefined) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => call((error) => (error === undefined ? resolve() : reject(error))))
