import type { CallDeadline } from '../../base/call-deadline'
import type { CompareResult, JsonRecords } from '../json-records'
import { deleteTextScript, extendTextScript, insertTextScript, replaceTextScript } from './json-scripts'
import { isReplyError, type RedisLink, type Script } from './redis-link'

/** Sessions as connect-redis keeps them: a string for each, under the prefix and the id. Each write is one script on one
 * key, so it is one step between processes and works on a cluster. */
export class RedisJsonRecords implements JsonRecords {
  readonly #link: RedisLink
  readonly #keyOf: (id: string) => string

  /** @param keyOf Throws once the store is closed. */
  constructor(link: RedisLink, keyOf: (id: string) => string) {
    this.#link = link
    this.#keyOf = keyOf
  }

  async load(id: string): Promise<string | undefined> {
    const key = this.#keyOf(id)
    try {
      const text = await this.#link.send(key, ['GET', key])
      return typeof text === 'string' ? text : undefined
    } catch (error) {
      if (isReplyError(error, 'WRONGTYPE')) return undefined
      throw error
    }
  }

  async insert(id: string, text: string, lifetime: number, onlyNew: boolean, deadline: CallDeadline): Promise<boolean> {
    const words = `${milliseconds(lifetime)} ${onlyNew ? 1 : 0}`
    const [status] = await this.#link.runWithin(deadline, insertTextScript, this.#keyOf(id), [words, text])
    return status === 1
  }

  replace(
    id: string,
    expected: string,
    text: string,
    lifetime: number,
    deadline: CallDeadline,
  ): Promise<CompareResult> {
    return this.#compare(replaceTextScript, id, [milliseconds(lifetime), expected, text], deadline)
  }

  extend(id: string, expected: string, lifetime: number, deadline: CallDeadline): Promise<CompareResult> {
    return this.#compare(extendTextScript, id, [milliseconds(lifetime), expected], deadline)
  }

  async delete(id: string, deadline: CallDeadline): Promise<void> {
    await this.#link.runWithin(deadline, deleteTextScript, this.#keyOf(id), ['0'])
  }

  async #compare(script: Script, id: string, args: readonly string[], deadline: CallDeadline): Promise<CompareResult> {
    const [status, other] = await this.#link.runWithin(deadline, script, this.#keyOf(id), args)
    if (status === 1) return 'stored'
    return status === 2 && typeof other === 'string' ? { other } : 'absent'
  }
}

function milliseconds(seconds: number): string {
  return String(Math.max(0, Math.ceil(seconds)) * 1000)
}
