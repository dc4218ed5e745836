import { randomUUID } from 'node:crypto'

export interface Note {
  readonly id: string
  readonly text: string
}

const mostNotes = 50

/** Each user's notes. In the memory of this process: an app has a table of them. They are not in the session, because they
 * belong to the user, who may be signed in on several devices. */
export class Notes {
  readonly #notes = new Map<string, readonly Note[]>()

  of(user: string): readonly Note[] {
    return this.#notes.get(user) ?? []
  }

  add(user: string, text: string): Note {
    const note = { id: randomUUID(), text }
    this.#notes.set(user, [...this.of(user), note].slice(-mostNotes))
    return note
  }

  remove(user: string, id: string): void {
    this.#notes.set(
      user,
      this.of(user).filter((note) => note.id !== id),
    )
  }
}
