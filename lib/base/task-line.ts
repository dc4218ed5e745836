/** Tasks that are not to overtake each other: the next one begins when the last one that is under way has ended. */
export class TaskLine {
  #end: Promise<void> | undefined
  /** How many have begun. */
  #count = 0

  /** When the last task that is under way has ended, however; undefined: none is. */
  get end(): Promise<void> | undefined {
    return this.#end
  }

  /** A task has begun: it ends with this. */
  add(task: PromiseLike<unknown>): void {
    this.#end = this.#endOf(task, ++this.#count)
  }

  async #endOf(task: PromiseLike<unknown>, which: number): Promise<void> {
    try {
      await task
    } catch {
      // It is for the one who began it.
    }
    if (this.#count === which) this.#end = undefined
  }
}
