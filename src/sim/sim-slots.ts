// A small file of two slots on the disk of one machine, as `Slots`: the high water of its log, or what it knows of others. It outlives the process
// that writes to it; a write that is under way at a crash is on it, or is not, or in part.
import type { Ms } from '../core/types.ts'
import type { Done } from '../ports/log.ts'
import type { SlotPosition, Slots, SlotsDone } from '../storage/slots.ts'
import type { Chance } from './chance.ts'
import type { DiskUser } from './disk.ts'
import type { Coverage } from './faults.ts'
import type { Scheduler } from './scheduler.ts'

export interface SimSlotsOptions {
  readonly name: string
  readonly scheduler: Scheduler
  readonly chance: Chance
  readonly coverage: Coverage
  /** Of one write. Milliseconds. */
  readonly writeMs: { readonly min: Ms; readonly max: Ms }
}

type Places = readonly [Uint8Array, Uint8Array]
interface UnderWay {
  readonly position: SlotPosition
  readonly bytes: Uint8Array
  /** Its process died before it was on the disk. */
  isLost: boolean
}

const empty: Places = [new Uint8Array(0), new Uint8Array(0)]
const otherOf = (position: SlotPosition): SlotPosition => (position === 0 ? 1 : 0)

export class SimSlots {
  readonly #options: SimSlotsOptions
  #places = empty
  #underWay: UnderWay | undefined
  #failNext = false
  #failed = false
  #slowUntil: Ms = 0

  constructor(options: SimSlotsOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.name
  }

  get hasFailed(): boolean {
    return this.#failed
  }

  mount(user: DiskUser): Slots {
    this.#failed = false
    return new Mounted(this, user)
  }

  /** What both places hold. */
  get content(): Places {
    return this.#places
  }

  /** Puts this there at once: before the run begins, or as an older copy. */
  restore(places: Places): void {
    this.#places = [Uint8Array.from(places[0]), Uint8Array.from(places[1])]
  }

  /** For `prepare`: a store that keeps what it is given at once. */
  get atOnce(): Slots {
    return {
      name: this.name,
      read: () => {},
      write: (position, bytes, done) => {
        this.put(position, bytes)
        done(undefined)
      },
      close: () => {},
    }
  }

  wipe(): void {
    this.#places = empty
  }

  /** One place is changed behind everybody's back: a bit of it, or all of it, or it is what the other one is. */
  damage(position: SlotPosition): void {
    const { chance } = this.#options
    const bytes = Uint8Array.from(this.#places[position])
    const kind = chance.pick(['flip', 'flip', 'zero', 'cut', 'copy'] as const)
    if (kind === 'copy') return this.put(position, this.#places[otherOf(position)])
    if (kind === 'zero') bytes.fill(0)
    // Most of it is padding: the first bytes are what counts.
    const at = chance.whole(0, Math.min(120, bytes.length - 1))
    if (kind === 'flip') bytes[at] = (bytes[at] ?? 0) ^ (1 << chance.whole(0, 7))
    this.put(position, kind === 'cut' ? bytes.subarray(0, at) : bytes)
  }

  failNextWrite(): void {
    this.#failNext = true
  }

  slowDown(ms: Ms): void {
    this.#slowUntil = this.#options.scheduler.now + ms
  }

  heal(): void {
    this.#failNext = false
    this.#slowUntil = 0
  }

  /** The process is gone, or the power. */
  crash(): void {
    const write = this.#underWay
    this.#underWay = undefined
    if (write === undefined) return
    write.isLost = true
    const { chance, coverage } = this.#options
    const fate = chance.pick(['lost', 'kept', 'torn'] as const)
    if (fate === 'lost') return
    coverage.count(fate === 'torn' ? 'slotTorn' : 'unsyncedKept')
    const { position, bytes } = write
    const kept = fate === 'kept' ? bytes.length : chance.whole(1, Math.min(200, bytes.length))
    this.put(position, Buffer.concat([bytes.subarray(0, kept), this.#places[position].subarray(kept)]))
  }

  read(user: DiskUser, done: SlotsDone): void {
    this.#options.scheduler.after(this.#options.chance.between(0, 1), () => user.deliver(() => done(undefined, this.#places)))
  }

  write(user: DiskUser, { position, bytes }: { readonly position: SlotPosition; readonly bytes: Uint8Array }, done: Done): void {
    const { scheduler, chance, coverage, writeMs } = this.#options
    const write: UnderWay = { position, bytes: Uint8Array.from(bytes), isLost: false }
    this.#underWay = write
    user.slotBegins()
    const slowness = scheduler.now < this.#slowUntil ? chance.between(10, 100) : 1
    scheduler.after(chance.between(writeMs.min, writeMs.max) * slowness, () => {
      if (write.isLost) return
      this.#underWay = undefined
      if (!this.#failNext) {
        this.put(position, write.bytes)
        return user.deliver(() => done(undefined))
      }
      this.#failNext = false
      this.#failed = true
      coverage.count('writeError')
      // What a failed write leaves behind, nobody knows.
      if (chance.happens(0.5)) this.put(position, write.bytes)
      user.deliver(() => done(new Error('EIO: i/o error, write')))
    })
  }

  put(position: SlotPosition, bytes: Uint8Array): void {
    const copy = Uint8Array.from(bytes)
    this.#places = position === 0 ? [copy, this.#places[1]] : [this.#places[0], copy]
  }
}

/** The file as one process has it open. Once that has died nothing more comes of it. */
class Mounted implements Slots {
  readonly name: string
  readonly #slots: SimSlots
  readonly #user: DiskUser

  constructor(slots: SimSlots, user: DiskUser) {
    this.name = slots.name
    this.#slots = slots
    this.#user = user
  }

  read(done: SlotsDone): void {
    if (this.#user.alive) this.#slots.read(this.#user, done)
  }

  write(position: SlotPosition, bytes: Uint8Array, done: Done): void {
    if (this.#user.alive) this.#slots.write(this.#user, { position, bytes }, done)
  }

  close(done: Done): void {
    this.read(() => done(undefined))
  }
}
