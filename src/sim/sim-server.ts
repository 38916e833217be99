// One machine of the cluster: its disk and its clock last, its processes come and go. While it stalls everything waits.
import type { ConfState, Ms, NodeId } from '../core/types.ts'
import type { Halt } from '../node/index.ts'
import { KnownDisks } from '../ports/peer-disks.ts'
import type { SimClock } from './clock.ts'
import type { SimDisk } from './disk.ts'
import type { SimFiles } from './files.ts'
import { Life, type Trap } from './life.ts'
import { incarnationIn } from './oracle/confs.ts'
import type { LogShadow } from './oracle/log-shadow.ts'
import type { SimSlots } from './sim-slots.ts'
import type { World } from './world.ts'

/** How long it takes to put an empty disk into a machine, on average. Milliseconds. */
const replaceMs = 200

/** Of all that is on the disk of a machine, and what the oracles know of it. */
export interface OlderCopy {
  readonly disk: SimDisk['content']
  readonly highWater: SimSlots['content']
  readonly witness: SimSlots['content']
  readonly files: SimFiles['content']
  readonly shadow: LogShadow
}

export interface SimServerOptions {
  readonly id: NodeId
  readonly disk: SimDisk
  readonly files: SimFiles
  readonly highWater: SimSlots
  readonly witness: SimSlots
  readonly clock: SimClock
  /** Of the log on its disk; 0: there is none, it has to join. */
  readonly incarnation: number
  /** Where it can be reached. */
  readonly peerAddress: string
  readonly clientAddress: string
  /** Of one that joins: false, it stays a learner. Default true: whatever its id was before, a voter if it is new. */
  readonly joinsAsVoter?: boolean
}

export class SimServer {
  readonly id: NodeId
  readonly name: string
  readonly disk: SimDisk
  readonly files: SimFiles
  readonly highWater: SimSlots
  readonly witness: SimSlots
  readonly clock: SimClock
  readonly joinsAsVoter: boolean
  peerAddress: string
  clientAddress: string
  /** On its disk: which disks it has seen the others with. */
  knownDisks = new KnownDisks([])
  /** On its disk: the command that a life of it died of. */
  halted: Halt | undefined
  /** Its snapshots were damaged, all of them; until it has one again. */
  hasLostState = false
  readonly #world: World
  #incarnation: number
  #life: Life | undefined
  /** Its log, or what tells of it, is not what it was: until a life that began after that has found it whole again. */
  #damage: { readonly life: Life | undefined } | undefined
  #copy: OlderCopy | undefined
  #isStalled = false
  /** It was told that it is no member any more, and is not started again. */
  #isRetired = false
  /** Not only its process: nobody says that there is none. */
  #isGone = false
  /** What arrived during a stall, in order. */
  #held: { readonly life: Life; readonly task: () => void }[] = []
  #turnDue: Life | undefined
  #lives = 0
  #disks = 1
  #dialled = 0

  constructor(world: World, options: SimServerOptions) {
    const { id, disk, files, highWater, witness, clock, incarnation, peerAddress, clientAddress, joinsAsVoter = true } = options
    this.id = id
    this.name = `node ${id}`
    this.disk = disk
    this.files = files
    this.highWater = highWater
    this.witness = witness
    this.clock = clock
    this.joinsAsVoter = joinsAsVoter
    this.peerAddress = peerAddress
    this.clientAddress = clientAddress
    this.#world = world
    this.#incarnation = incarnation
  }

  /** The process that runs now, also while it is still reading its log or asks to be let in. */
  get life(): Life | undefined {
    return this.#life
  }

  get incarnation(): number {
    return this.#incarnation
  }

  /** Of the present one. */
  get diskId(): string {
    return `disk ${this.#disks} of ${this.name}`
  }

  /** There is no log on its disk: it has never been let in, or has lost it. */
  get isBlank(): boolean {
    return this.#incarnation === 0
  }

  get isRetired(): boolean {
    return this.#isRetired
  }

  get isGone(): boolean {
    return this.#isGone
  }

  get isStalled(): boolean {
    return this.#isStalled
  }

  get isDamaged(): boolean {
    return this.#damage !== undefined
  }

  /** It struck while `life` had the disk open, or was opening it: whether that has read it before or after nobody knows. */
  isDamagedIn(life: Life): boolean {
    return this.#damage?.life === life
  }

  /** Whether its disk is damaged; and whether `life` has read it since. */
  damageFor(life: Life): { readonly isDamaged: boolean; readonly isRead: boolean } {
    return { isDamaged: this.isDamaged, isRead: !this.isDamagedIn(life) }
  }

  /** An older copy of all that is on its disk. */
  get copy(): OlderCopy | undefined {
    return this.#copy
  }

  /** Of the next life: differs between nodes and between lives. */
  get seed(): number {
    return this.id * 0x1_0001 + this.#lives
  }

  readonly nextConnection = (): number => ++this.#dialled

  start(): void {
    if (this.#life !== undefined || this.#isRetired) return
    this.#lives += 1
    this.clock.boot(this.#world.chance.between(0, 1_000_000))
    this.#life = new Life(this.#world, this)
    this.#note(this.#lives, 'starts', this.isBlank ? 'with an empty disk' : undefined)
    this.#life.start()
  }

  /** `silently`: the machine is gone, not just the process, so nobody resets its connections. */
  crash({ silently, trap }: { readonly silently: boolean; readonly trap?: Trap }): void {
    if (this.#life === undefined) return
    this.#note(this.id, 'crashes', trap)
    this.#end({ silently })
  }

  /** The process ends itself. */
  stop(reason: string): void {
    this.#note(this.id, 'stops:', reason)
    this.#end({ silently: false })
  }

  /** It is no member any more. Where its id came back with another disk meanwhile, this machine gets an empty one and asks anew. */
  retire(reason: string): void {
    if (this.#life === undefined) return
    const { safety, verdict } = this.#world
    verdict.check(
      safety.disks.isRemoved(this.id, this.#incarnation),
      'no member is told that it was removed',
      () =>
        `node ${this.id}, incarnation ${this.#incarnation}, is a member as incarnation ${incarnationIn(safety.confs.newest, this.id)}, and stops: ${reason}`,
    )
    this.stop(reason)
    if (this.#world.isMember(this.id)) {
      this.wipe()
      return this.#world.scheduler.after(this.#world.chance.wait(replaceMs), () => this.start())
    }
    this.#isRetired = true
    this.#world.onRetired(this)
  }

  /** Its log was changed behind its back: `what` says how. It shows when it is read. */
  onDamaged(what: string): void {
    this.#damage = { life: this.#life }
    this.#world.safety.disks.onDamaged(this.id)
    this.#note(what.length, 'suffers damage of its disk:', what)
  }

  /** All that it had is there again. */
  onWhole(life: Life): void {
    if (!this.isDamagedIn(life)) this.#damage = undefined
  }

  /** Somebody keeps a copy of its disk, as it is now. */
  takeCopy(): void {
    const { disk, highWater, witness, files } = this
    this.#copy = {
      disk: disk.content,
      highWater: highWater.content,
      witness: witness.content,
      files: files.content,
      shadow: this.#world.safety.disks.copyOf(this.id),
    }
  }

  /** Somebody puts the copy back, in the place of what is there. It is started on it. */
  restoreCopy(): void {
    const copy = this.#copy
    if (copy === undefined) return
    this.crash({ silently: false })
    this.#copy = undefined
    this.disk.restore(copy.disk)
    this.highWater.restore(copy.highWater)
    this.witness.restore(copy.witness)
    this.files.restore(copy.files)
    this.#damage = { life: undefined }
    this.#world.onRolledBack(this, copy.shadow)
    this.#note(this.id, 'is put back to', 'an older copy of its disk')
    this.start()
  }

  /** A member says that it is not the one that it was. It does as it is told: its disk is emptied, and it asks to be let in. */
  disown(): void {
    if (this.#life === undefined) return
    this.stop('a member knows it with another disk')
    this.wipe()
    this.#world.scheduler.after(this.#world.chance.wait(replaceMs), () => this.start())
  }

  /** The disk is replaced by an empty one: whatever was on it is lost for good. */
  wipe(): void {
    this.crash({ silently: true })
    this.disk.wipe()
    this.files.wipe()
    this.highWater.wipe()
    this.witness.wipe()
    this.#damage = undefined
    this.#copy = undefined
    this.#incarnation = 0
    this.#disks += 1
    this.knownDisks = new KnownDisks([])
    this.halted = undefined
    this.hasLostState = false
    this.#note(this.id, 'has lost', 'its disk')
    this.#world.onWiped(this)
  }

  /** It waits to be let in, and never will be. */
  giveUp(): void {
    this.stop('its id was removed')
    this.#isRetired = true
    this.#world.onRetired(this)
  }

  /** Its log begins. */
  bootstrapped({ incarnation, conf }: { readonly incarnation: number; readonly conf: ConfState }): void {
    this.#incarnation = incarnation
    this.#world.safety.disks.onBootstrapped({ id: this.id, incarnation, conf })
    this.#note(incarnation, 'is let in as incarnation', incarnation)
  }

  stall(ms: Ms): void {
    if (this.#isStalled || this.#life === undefined) return
    this.#isStalled = true
    this.#note(this.id, 'stalls for', `${ms.toFixed(0)} ms`)
    const life = this.#life
    this.#world.scheduler.after(ms, () => {
      if (this.#life === life) this.resume()
    })
  }

  resume(): void {
    if (!this.#isStalled) return
    this.#isStalled = false
    this.#note(this.id, 'goes on', undefined)
    const held = this.#held
    this.#held = []
    // An event loop reads a part of what has arrived, turns, and reads on.
    const first = this.#world.chance.happens(0.3) ? this.#world.chance.whole(0, held.length) : held.length
    for (const { life, task } of held.slice(0, first)) this.run(life, task)
    if (this.#turnDue !== undefined) this.runTurn(this.#turnDue)
    for (const { life, task } of held.slice(first)) this.run(life, task)
  }

  /** Runs `task` in the process `life`, now or after the stall. */
  run(life: Life, task: () => void): void {
    if (!life.alive) return
    if (this.#isStalled) this.#held.push({ life, task })
    else this.#guard(task)
  }

  /** Turns do not pile up. */
  runTurn(life: Life): void {
    if (!life.alive) return
    this.#turnDue = this.#isStalled ? life : undefined
    if (!this.#isStalled) this.#guard(() => life.turn())
  }

  /** It asks `source` for a piece of a snapshot. */
  onFetch(source: NodeId): void {
    this.#world.watch.fetch?.(this, source)
  }

  /** A piece of a snapshot has arrived, or one has just taken the place of its log. */
  onInstall(): void {
    this.#world.watch.install?.(this)
  }

  /** It tells its successor to go ahead. */
  onHandOver(): void {
    this.#world.watch.handOver?.(this)
  }

  #end({ silently }: { readonly silently: boolean }): void {
    const life = this.#life
    if (life === undefined) return
    this.#life = undefined
    this.#isGone = silently
    this.#isStalled = false
    this.#held = []
    this.#turnDue = undefined
    life.die()
    for (const connection of life.connections) connection.closeByServer({ silently })
    this.disk.crash()
    this.files.crash()
    this.highWater.crash()
    this.witness.crash()
    this.#world.safety.disks.onEnded(this.id)
    if (!silently) this.#world.onProcessEnded(this)
  }

  #note(mark: number, what: string, about: unknown): void {
    this.#world.note(mark, { who: this.name, what, about })
  }

  #guard(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.#world.verdict.violate(
        'nothing that arrives crashes a node',
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      )
    }
  }
}
