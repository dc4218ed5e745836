import { UserSessionManager, type UserSessionMetaData, type UserSessionStorage } from 'holdfast'
import type { Pool } from 'pg'

/** An index as long as the primary key, for `readAll` and `deleteAll`, comes with it. */
const schema = `
  CREATE TABLE IF NOT EXISTS user_sessions (
    subject     text   NOT NULL,
    id_hash     text   NOT NULL,
    ip          text   NOT NULL,
    device      jsonb,
    location    jsonb,
    created_at  bigint NOT NULL,
    accessed_at bigint NOT NULL, -- negative: the id was renewed, and works until the instant without the sign
    expires_at  bigint NOT NULL,
    PRIMARY KEY (subject, id_hash)
  );
  CREATE INDEX IF NOT EXISTS user_sessions_expires_at ON user_sessions (expires_at)`

const columns = `id_hash, ip, device, location,
  created_at::float8 AS "createdAt", accessed_at::float8 AS "accessedAt", expires_at::float8 AS "expiresAt"`

type Row = UserSessionMetaData & { id_hash: string }

/**
 * The six methods on PostgreSQL. An id is not kept, only its hash: who gets to see the table, or what `readAll` gives, can
 * open no session. `updateAccessedAt` decides in one statement whether the id was renewed already, so of any number of
 * processes exactly one renews it.
 */
export class SqlUserSessionStorage implements UserSessionStorage {
  readonly #pool: Pool

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** Makes the table where there is none. To be called once, before the app starts. */
  async prepare(): Promise<void> {
    await this.#pool.query(schema)
  }

  async insert(subject: string, id: string, metaData: UserSessionMetaData): Promise<void> {
    const { ip, device, location, createdAt, accessedAt, expiresAt } = metaData
    const values = [
      subject,
      UserSessionManager.hash(id),
      ip,
      toJson(device),
      toJson(location),
      createdAt,
      accessedAt,
      expiresAt,
    ]
    await this.#pool.query('INSERT INTO user_sessions VALUES ($1, $2, $3, $4, $5, $6, $7, $8)', values)
  }

  async read(subject: string, id: string): Promise<UserSessionMetaData | undefined> {
    const found = await this.#pool.query<Row>(
      `SELECT ${columns} FROM user_sessions WHERE subject = $1 AND id_hash = $2`,
      [subject, UserSessionManager.hash(id)],
    )
    return found.rows[0]
  }

  async readAll(subject: string): Promise<ReadonlyMap<string, UserSessionMetaData>> {
    const found = await this.#pool.query<Row>(`SELECT ${columns} FROM user_sessions WHERE subject = $1`, [subject])
    return new Map(found.rows.map((row) => [row.id_hash, row]))
  }

  async updateAccessedAt(
    subject: string,
    id: string,
    { accessedAt, expiresAt }: UserSessionMetaData,
  ): Promise<boolean> {
    const updated = await this.#pool.query(
      `UPDATE user_sessions SET accessed_at = $3, expires_at = $4
       WHERE subject = $1 AND id_hash = $2 AND accessed_at >= 0`,
      [subject, UserSessionManager.hash(id), accessedAt, expiresAt],
    )
    return updated.rowCount === 1
  }

  /** Takes an id, or what `readAll` calls the session. */
  async delete(subject: string, id: string): Promise<void> {
    await this.#pool.query('DELETE FROM user_sessions WHERE subject = $1 AND id_hash IN ($2, $3)', [
      subject,
      UserSessionManager.hash(id),
      id,
    ])
  }

  async deleteAll(subject: string): Promise<number> {
    const deleted = await this.#pool.query('DELETE FROM user_sessions WHERE subject = $1', [subject])
    return deleted.rowCount ?? 0
  }

  /** Drops what has ended. To be called from time to time, by a job of the database for example; until then such sessions
   * take space and nothing else, because `UserSessionManager` passes over them. */
  async dropEnded(): Promise<number> {
    const dropped = await this.#pool.query('DELETE FROM user_sessions WHERE expires_at <= extract(epoch FROM now())')
    return dropped.rowCount ?? 0
  }
}

/** For a jsonb column: the driver sends text and lists as something else. */
function toJson(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value)
}
