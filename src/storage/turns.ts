/** Tasks one after the other: each begins when the one before it has left. */
export class Turns {
  readonly #waiting: ((leave: () => void) => void)[] = []
  #isBusy = false

  get isIdle(): boolean {
    return !this.#isBusy
  }

  /** Runs `task` now or when its turn has come. It must call `leave` once. */
  take(task: (leave: () => void) => void): void {
    this.#waiting.push(task)
    if (!this.#isBusy) this.#next()
  }

  #next(): void {
    const task = this.#waiting.shift()
    this.#isBusy = task !== undefined
    task?.(() => this.#next())
  }
}
