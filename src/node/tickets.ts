/** Numbers for what is asked of the core: never used twice in the life of a node, so that an answer is taken for no other question's. */
export class Tickets {
  #last = 0

  next(): number {
    this.#last += 1
    return this.#last
  }
}
