import { createHash, randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { Owner, Reach } from '../model.js';
import type { ServiceDatabase } from './service-sql.js';

/** Scopes of a caller: read events; make endpoints and subscriptions; everything. */
export type Scope = 'read' | 'subscribe' | 'admin';

/** An access token, without what grants access. */
export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly owner: Owner;
  readonly scopes: readonly Scope[];
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
}

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly account: string;
  readonly domain: string;
  readonly reach: Reach;
  readonly scopes: string;
  readonly created_at: number | string;
  readonly expires_at: number | string | null;
  readonly revoked_at: number | string | null;
}

/** Access tokens. Only their hashes are kept. */
export class TokenStore {
  readonly #database: ServiceDatabase;
  readonly #application: number;

  /** @internal */
  constructor(database: ServiceDatabase, application: number) {
    this.#database = database;
    this.#application = application;
  }

  /**
   * Creates a token. Its text is in the result and nowhere else.
   *
   * @param expiresIn Milliseconds; null for a token that does not expire.
   */
  async create(token: {
    readonly name: string;
    readonly owner: Owner;
    readonly scopes: readonly Scope[];
    readonly expiresIn: number | null;
  }): Promise<{ readonly id: string; readonly token: string }> {
    const { name, owner, scopes, expiresIn } = token;
    const id = uuidv7();
    const text = `sbx_${randomBytes(32).toString('base64url')}`;
    const { now } = this.#database;
    await this.#database.run(
      `INSERT INTO signalbox_token (id, application, hash, name, account, domain, reach, scopes, created_at, expires_at, revoked_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ${now}, ${expiresIn === null ? 'NULL' : `${now} + ?`}, NULL)`,
      [
        id,
        this.#application,
        hashOf(text),
        name,
        owner.account,
        owner.domain,
        owner.reach,
        scopes.join(' '),
        ...(expiresIn === null ? [] : [expiresIn]),
      ],
    );
    return { id, token: text };
  }

  /** The token of this text that is neither revoked nor expired. */
  async find(text: string): Promise<TokenRecord | undefined> {
    const [row] = await this.#database.rows<TokenRow>(
      `SELECT * FROM signalbox_token WHERE application = ? AND hash = ? AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > ${this.#database.now})`,
      [this.#application, hashOf(text)],
    );
    return row === undefined ? undefined : tokenOf(row);
  }

  async list(): Promise<readonly TokenRecord[]> {
    const rows = await this.#database.rows<TokenRow>(
      'SELECT * FROM signalbox_token WHERE application = ? ORDER BY id',
      [this.#application],
    );
    return rows.map(tokenOf);
  }

  /** False for a token that is not there or was revoked before. */
  async revoke(id: string): Promise<boolean> {
    const revoked = await this.#database.run(
      `UPDATE signalbox_token SET revoked_at = ${this.#database.now}
        WHERE application = ? AND id = ? AND revoked_at IS NULL`,
      [this.#application, id],
    );
    return revoked > 0;
  }
}

/** Tokens are 256 random bits: a plain hash cannot be guessed back. */
function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function tokenOf(row: TokenRow): TokenRecord {
  const { id, name, account, domain, reach, scopes } = row;
  return {
    id,
    name,
    owner: { account, domain, reach },
    scopes: scopes.split(' ') as Scope[],
    createdAt: Number(row.created_at),
    expiresAt: row.expires_at === null ? null : Number(row.expires_at),
    revokedAt: row.revoked_at === null ? null : Number(row.revoked_at),
  };
}
