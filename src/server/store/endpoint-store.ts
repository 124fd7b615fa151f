import { RefusedError } from '../../core/errors/errors.js';
import { ownerCondition } from '../access/visibility.js';
import type {
  Endpoint,
  EndpointSecret,
  EndpointSettings,
  EndpointStatus,
  LoggedEvent,
  Owner,
} from '../model.js';
import { endpointOf, type EndpointRow } from './rows.js';
import type { EventStore } from './event-store.js';
import { never, type ServiceDatabase, type Sql, type Value } from './service-sql.js';

/** Parts of a new endpoint. */
export interface NewEndpoint {
  readonly id: string;
  readonly channel: string;
  readonly address: string;
  readonly name: string;
  readonly owner: Owner;
  readonly ordered: boolean;
  readonly status: 'pending' | 'active';
  readonly settings: EndpointSettings;
  readonly secrets: readonly EndpointSecret[];
  /** Two endpoints of one key are refused; null for as many as one likes. */
  readonly uniqueKey: string | null;
  readonly expiresAt: number | null;
}

/** Changes of an endpoint. */
export interface EndpointChange {
  readonly address?: string;
  readonly name?: string;
  readonly ordered?: boolean;
  readonly settings?: EndpointSettings;
  readonly secrets?: readonly EndpointSecret[];
  readonly expiresAt?: number | null;
}

/** Events that a catch-up or replay looks at in one transaction. */
const pageSize = 500;

/** Endpoints of an application. Each change takes the lock of the application: see `EventStore.append`. */
export class EndpointStore {
  readonly #database: ServiceDatabase;
  readonly #events: EventStore;
  readonly #application: number;

  constructor(database: ServiceDatabase, events: EventStore, application: number) {
    this.#database = database;
    this.#events = events;
    this.#application = application;
  }

  /** Creates an endpoint, which gets events from now on. Rejects with RefusedError ENDPOINT_EXISTS. */
  async create(endpoint: NewEndpoint): Promise<Endpoint> {
    const { id, owner, uniqueKey } = endpoint;
    return this.#changing(async (sql, { seq, version }) => {
      if (uniqueKey !== null) {
        const same = await sql.rows(
          'SELECT id FROM signalbox_endpoint WHERE application = ? AND unique_key = ?',
          [this.#application, uniqueKey],
        );
        if (same.length > 0) {
          throw RefusedError.of(
            'ENDPOINT_EXISTS',
            'There is an endpoint of this owner at this address. Change it, or delete it first.',
          );
        }
      }
      const { now } = this.#database;
      await sql.run(
        `INSERT INTO signalbox_endpoint (id, application, channel, address, name, account, domain, reach,
            ordered, lane, status, reason, status_at, failing_since, failures, considered, next_at, resume_at,
            lease_owner, lease_until, version, settings, secrets, unique_key, expires_at, created_at, updated_at)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, '', ${now}, NULL, 0, ?, ?, 0, '', 0, ?, ?, ?, ?, ?, ${now}, ${now})`,
        [
          id,
          this.#application,
          endpoint.channel,
          endpoint.address,
          endpoint.name,
          owner.account,
          owner.domain,
          owner.reach,
          endpoint.ordered ? 1 : 0,
          endpoint.status,
          seq,
          never,
          version,
          JSON.stringify(endpoint.settings),
          JSON.stringify(endpoint.secrets),
          uniqueKey,
          endpoint.expiresAt,
        ],
      );
      return this.#require(sql, id);
    });
  }

  /** Undefined for one that is not there, and for one whose events `viewer` may not see. */
  async find(id: string, viewer: Owner): Promise<Endpoint | undefined> {
    const [found] = await this.list(viewer, { id, limit: 1 });
    return found;
  }

  /** Endpoints that belong to the viewer or to owners below, in the order of their ids. */
  async list(
    viewer: Owner,
    {
      id,
      after,
      channel,
      limit,
    }: {
      readonly id?: string;
      readonly after?: string;
      readonly channel?: string;
      readonly limit: number;
    },
  ): Promise<readonly Endpoint[]> {
    const visible = ownerCondition(viewer);
    const conditions = ['application = ?', "status <> 'removed'", visible.text];
    const parameters: Value[] = [this.#application, ...visible.parameters];
    if (viewer.reach !== 'global') conditions.push("reach <> 'global'");
    if (viewer.reach === 'local') conditions.push("reach = 'local'");
    for (const [text, value] of [
      ['id = ?', id],
      ['id > ?', after],
      ['channel = ?', channel],
    ] as const) {
      if (value === undefined) continue;
      conditions.push(text);
      parameters.push(value);
    }
    const rows = await this.#database.rows<EndpointRow>(
      `SELECT * FROM signalbox_endpoint WHERE ${conditions.join(' AND ')}
        ORDER BY id LIMIT ${Math.floor(limit)}`,
      parameters,
    );
    return rows.map(endpointOf);
  }

  /** Rejects with RefusedError ENDPOINT_UNKNOWN. */
  async change(id: string, change: EndpointChange): Promise<Endpoint> {
    const columns: Readonly<Record<string, Value | undefined>> = {
      address: change.address,
      name: change.name,
      ordered: change.ordered === undefined ? undefined : change.ordered ? 1 : 0,
      settings: change.settings === undefined ? undefined : JSON.stringify(change.settings),
      secrets: change.secrets === undefined ? undefined : JSON.stringify(change.secrets),
      expires_at: change.expiresAt,
    };
    const given = Object.entries(columns).filter(([, value]) => value !== undefined);
    return this.#changing(async (sql, { version }) => {
      await sql.run(
        `UPDATE signalbox_endpoint SET ${given.map(([column]) => `${column} = ?, `).join('')}
          version = ?, updated_at = ${this.#database.now} WHERE id = ? AND application = ?`,
        [...given.map(([, value]) => value as Value), version, id, this.#application],
      );
      return this.#require(sql, id);
    });
  }

  /**
   * Stops giving events to an endpoint. What it missed from here on is given when it is enabled. False
   * where its status was none of `from`.
   */
  async stop(
    id: string,
    status: 'disabled' | 'ended',
    reason: string,
    from: readonly EndpointStatus[] = ['active', 'pending', 'catching-up', 'disabled'],
  ): Promise<boolean> {
    return this.#changing(async (sql, { seq, version }) => {
      const current = await this.#require(sql, id);
      if (!from.includes(current.status)) return false;
      // One that was catching up has considered less than there is.
      const considered = current.status === 'active' ? seq : current.considered;
      await sql.run(
        `UPDATE signalbox_endpoint SET status = ?, reason = ?, status_at = ${this.#database.now},
          considered = ?, next_at = ?, version = ? WHERE id = ?`,
        [status, reason.slice(0, 255), considered, never, version, id],
      );
      return true;
    });
  }

  /**
   * Gives an endpoint its events again, first those it missed since it was disabled, in their order.
   * Another process goes on where this one dies.
   */
  async enable(id: string, wants: (event: LoggedEvent) => boolean): Promise<Endpoint> {
    await this.#changing(async (sql, { version }) => {
      const { status } = await this.#require(sql, id);
      if (status === 'active' || status === 'catching-up') return;
      await sql.run(
        `UPDATE signalbox_endpoint SET status = 'catching-up', reason = '', status_at = ${this.#database.now},
          failures = 0, failing_since = NULL, resume_at = 0, version = ? WHERE id = ?`,
        [version, id],
      );
    });
    while (await this.#catchUpPage(id, wants));
    return this.#database.transaction((sql) => this.#require(sql, id));
  }

  /** Endpoints whose catching up was begun and not ended. */
  async catchingUp(): Promise<readonly Endpoint[]> {
    const rows = await this.#database.rows<EndpointRow>(
      `SELECT * FROM signalbox_endpoint WHERE application = ? AND status = 'catching-up' LIMIT 100`,
      [this.#application],
    );
    return rows.map(endpointOf);
  }

  /** Active endpoints whose lease has ended. */
  async expired(): Promise<readonly Endpoint[]> {
    const rows = await this.#database.rows<EndpointRow>(
      `SELECT * FROM signalbox_endpoint WHERE application = ? AND status = 'active'
        AND expires_at <= ${this.#database.now} LIMIT 100`,
      [this.#application],
    );
    return rows.map(endpointOf);
  }

  /** Disabled endpoints that may be tried with one event again. */
  async probable(after: number): Promise<readonly Endpoint[]> {
    const rows = await this.#database.rows<EndpointRow>(
      `SELECT * FROM signalbox_endpoint WHERE application = ? AND status = 'disabled'
        AND failing_since IS NOT NULL AND status_at <= ${this.#database.now} - ? LIMIT 100`,
      [this.#application, after],
    );
    return rows.map(endpointOf);
  }

  /** Notes that a disabled endpoint was probed and failed: the next probe is a while away. False if another process did so. */
  async claimProbe(id: string, statusAt: number): Promise<boolean> {
    const claimed = await this.#database.run(
      `UPDATE signalbox_endpoint SET status_at = ${this.#database.now}
        WHERE id = ? AND status = 'disabled' AND status_at = ?`,
      [id, statusAt],
    );
    return claimed > 0;
  }

  /** False where there is nothing left to do. */
  async #catchUpPage(id: string, wants: (event: LoggedEvent) => boolean): Promise<boolean> {
    return this.#changing(async (sql, { version }) => {
      const endpoint = await this.#require(sql, id);
      if (endpoint.status !== 'catching-up') return false;
      const page = await this.#events.page(sql, endpoint.considered, pageSize);
      await this.#events.deliver(
        sql,
        page.filter(wants).map((event) => ({ event, endpoint, replay: '' })),
      );
      const isDone = page.length < pageSize;
      const considered = page.at(-1)?.seq ?? endpoint.considered;
      await sql.run(
        `UPDATE signalbox_endpoint SET considered = ?, status = ?, version = ?, next_at = 0 WHERE id = ?`,
        [considered, isDone ? 'active' : 'catching-up', version, id],
      );
      return !isDone;
    });
  }

  /**
   * Makes deliveries of the events from a number on, marked with the id of the replay. Resolves with how
   * many. Safe to repeat under the same id.
   */
  async replay(
    endpoint: Endpoint,
    {
      id,
      from,
      upTo,
      wants,
    }: {
      readonly id: string;
      readonly from: number;
      readonly upTo: number;
      readonly wants: (event: LoggedEvent) => boolean;
    },
  ): Promise<number> {
    let after = from - 1;
    let count = 0;
    for (;;) {
      const [last, made] = await this.#database.transaction(async (sql) => {
        const page = (await this.#events.page(sql, after, pageSize)).filter(
          ({ seq }) => seq <= upTo,
        );
        const wanted = page.filter(wants);
        await this.#events.deliver(
          sql,
          wanted.map((event) => ({ event, endpoint, replay: id })),
        );
        return [page.at(-1)?.seq, wanted.length] as const;
      });
      count += made;
      if (last === undefined) return count;
      after = last;
    }
  }

  /** Deletes an endpoint with its deliveries and their log. False where it was not there. */
  async remove(id: string): Promise<boolean> {
    return this.#changing(async (sql, { version }) => {
      for (const [table, column] of [
        ['signalbox_attempt', 'endpoint'],
        ['signalbox_delivery', 'endpoint'],
      ] as const) {
        await sql.run(`DELETE FROM ${table} WHERE ${column} = ?`, [id]);
      }
      // The row stays for other processes to see that it has ended, without what identifies anybody.
      const removed = await sql.run(
        `UPDATE signalbox_endpoint SET status = 'removed', address = '', name = '', secrets = '[]',
          settings = '{}', unique_key = NULL, next_at = ?, version = ?, account = '', domain = '', reach = 'local'
          WHERE id = ? AND application = ? AND status <> 'removed'`,
        [never, version, id, this.#application],
      );
      return removed > 0;
    });
  }

  async #require(sql: Sql, id: string): Promise<Endpoint> {
    const [row] = await sql.rows<EndpointRow>(
      'SELECT * FROM signalbox_endpoint WHERE id = ? AND application = ?',
      [id, this.#application],
    );
    if (row === undefined) {
      throw RefusedError.of('ENDPOINT_UNKNOWN', `There is no endpoint ${id}.`, { endpoint: id });
    }
    return endpointOf(row);
  }

  /** Runs a change under the lock of the application, with the version that it is to write. */
  #changing<T>(
    work: (sql: Sql, state: { readonly seq: number; readonly version: number }) => Promise<T>,
  ): Promise<T> {
    return this.#database.transaction(async (sql) => {
      const { seq, version } = await this.#events.lock(sql);
      const next = version + 1;
      const result = await work(sql, { seq, version: next });
      await sql.run('UPDATE signalbox_service SET endpoints_version = ? WHERE application = ?', [
        next,
        this.#application,
      ]);
      return result;
    });
  }
}
