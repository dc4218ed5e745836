import { randomBytes, scrypt, type ScryptOptions, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

export interface Account {
  /** What its sessions are bound to. An address can change hands, this cannot. */
  readonly id: string
  readonly name: string
  readonly email: string
}

interface PasswordHash {
  readonly salt: Uint8Array
  readonly key: Uint8Array
}

/** One of the settings that the OWASP Password Storage Cheat Sheet gives for scrypt: 32 MiB, three passes. */
const cost: ScryptOptions = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 2 ** 20 }
const derive = promisify<string, Uint8Array, number, ScryptOptions, Buffer>(scrypt)

/** Who may sign in. In the memory of this process: an app has a table of them. */
export class Accounts {
  readonly #accounts = new Map<string, Account>()
  readonly #passwords = new Map<string, Promise<PasswordHash>>()
  /** Checked for an address without an account, so that the time of the response does not show which addresses have one. */
  readonly #decoy = hash(randomBytes(16).toString('hex'))

  add(account: Account, password: string): void {
    this.#accounts.set(account.id, account)
    this.setPassword(account, password)
  }

  find(id: string | undefined): Account | undefined {
    return id === undefined ? undefined : this.#accounts.get(id)
  }

  /** The account of that address, if that is its password. */
  async check(email: string, password: string): Promise<Account | undefined> {
    const wanted = email.trim().toLowerCase()
    const account = [...this.#accounts.values()].find((candidate) => candidate.email === wanted)
    const stored = (account && this.#passwords.get(account.id)) ?? this.#decoy
    const { salt, key } = await stored
    const matches = timingSafeEqual((await hash(password, salt)).key, key)
    // Checking takes a while; a password that was changed meanwhile is wrong.
    return account !== undefined && matches && this.#passwords.get(account.id) === stored ? account : undefined
  }

  setPassword({ id }: Account, password: string): void {
    this.#passwords.set(id, hash(password))
  }
}

async function hash(password: string, salt: Uint8Array = randomBytes(16)): Promise<PasswordHash> {
  return { salt, key: await derive(password.normalize('NFKC'), salt, 32, cost) }
}
