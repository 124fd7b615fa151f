import { v7 as uuidv7 } from 'uuid';
import { ownerCondition } from '../access/visibility.js';
import type { Endpoint, LoggedEvent, Owner } from '../model.js';
import { endpointOf, eventColumns, type EndpointRow, type EventRow, loggedEvent } from './rows.js';
import { list, pieces, type ServiceDatabase, type Sql, type Value } from './service-sql.js';

/** An event that is not numbered yet. */
export type NewEvent = Omit<LoggedEvent, 'seq'>;

/** Query of events. */
export interface EventQuery {
  readonly owner: Owner;
  /** Only events behind this number. */
  readonly after?: number;
  /** Only events before this number. */
  readonly before?: number;
  readonly category?: string;
  readonly type?: string;
  readonly resource?: string;
  readonly uuid?: string;
  readonly order: 'oldest' | 'newest';
  readonly limit: number;
}

/** Chooses endpoints for events, and knows up to which version it has read their definitions. */
export interface EndpointMatcher {
  readonly version: number;
  /** Takes endpoints that changed, and the version that they bring it to. */
  update(changed: readonly Endpoint[], version: number): void;
  match(event: LoggedEvent): readonly Endpoint[];
}

/** The events of an application and what is due of them. */
export class EventStore {
  readonly #database: ServiceDatabase;
  readonly #application: number;

  constructor(database: ServiceDatabase, application: number) {
    this.#database = database;
    this.#application = application;
  }

  /**
   * Commits events with a delivery for each endpoint that wants one, and resolves with the numbered
   * events; those that were there are left out. The lock on the row of the application orders commits:
   * numbers become visible without gaps, and no endpoint is created or enabled in between.
   */
  async append(
    events: readonly NewEvent[],
    matcher: EndpointMatcher,
  ): Promise<readonly LoggedEvent[]> {
    return this.#database.transaction(async (sql) => {
      const { seq, version } = await this.lock(sql);
      if (version !== matcher.version) {
        matcher.update(await this.changedEndpoints(sql, matcher.version), version);
      }
      const known = await this.#known(sql, events);
      const fresh = events.filter(({ id }, index) => {
        const first = events.findIndex((each) => each.id === id) === index;
        return first && !known.has(id);
      });
      if (fresh.length === 0) return [];
      const numbered = fresh.map((event, index) => ({ ...event, seq: seq + index + 1 }));
      await this.#insertEvents(sql, numbered);
      await this.deliver(
        sql,
        numbered.flatMap((event) =>
          matcher.match(event).map((endpoint) => ({ event, endpoint, replay: '' })),
        ),
      );
      await sql.run('UPDATE signalbox_service SET seq = ? WHERE application = ?', [
        seq + numbered.length,
        this.#application,
      ]);
      return numbered;
    });
  }

  /** Takes the lock of the application until the transaction ends. */
  async lock(sql: Sql): Promise<{ readonly seq: number; readonly version: number }> {
    const take = () =>
      sql.run('UPDATE signalbox_service SET seq = seq + 0 WHERE application = ?', [
        this.#application,
      ]);
    // MySQL counts no row that stays as it is, so the row is looked for.
    await take();
    let row = await this.#state(sql);
    if (row === undefined) {
      await sql.insert(
        'signalbox_service',
        ['application', 'seq', 'endpoints_version'],
        [[this.#application, 0, 0]],
      );
      await take();
      row = await this.#state(sql);
    }
    return { seq: Number(row?.seq), version: Number(row?.endpoints_version) };
  }

  async #state(sql: Sql) {
    const [row] = await sql.rows<{ readonly seq: number; readonly endpoints_version: number }>(
      `SELECT seq, endpoints_version FROM signalbox_service WHERE application = ?${this.#database.forUpdate}`,
      [this.#application],
    );
    return row;
  }

  async changedEndpoints(sql: Sql, since: number): Promise<readonly Endpoint[]> {
    const rows = await sql.rows<EndpointRow>(
      'SELECT * FROM signalbox_endpoint WHERE application = ? AND version > ?',
      [this.#application, since],
    );
    return rows.map(endpointOf);
  }

  /** Makes deliveries that are due at once. Those that are there stay as they are. */
  async deliver(
    sql: Sql,
    wanted: readonly {
      readonly event: LoggedEvent;
      readonly endpoint: Endpoint;
      readonly replay: string;
    }[],
  ): Promise<void> {
    if (wanted.length === 0) return;
    const { now } = await this.#clock(sql);
    await sql.insert(
      'signalbox_delivery',
      [
        'id',
        'application',
        'endpoint',
        'event_seq',
        'replay',
        'resource_key',
        'revision',
        'status',
        'next_at',
        'attempts',
        'outcome',
        'created_at',
      ],
      wanted.map(({ event, endpoint, replay }) => [
        uuidv7(),
        this.#application,
        endpoint.id,
        event.seq,
        replay,
        resourceKey(event),
        event.revision,
        'due',
        now,
        0,
        '',
        now,
      ]),
    );
    const ids = [...new Set(wanted.map(({ endpoint }) => endpoint.id))].toSorted();
    for (const some of pieces(ids)) {
      // Every row is locked, also one that looks due: whoever ends its drain meanwhile, and has not seen
      // these deliveries, may be about to write that nothing is.
      const due = `${this.#database.greatest}(resume_at, ${this.#database.now})`;
      await sql.run(
        `UPDATE signalbox_endpoint SET next_at = CASE WHEN next_at < ${due} THEN next_at ELSE ${due} END
          WHERE id IN ${list(some)}`,
        some,
      );
    }
  }

  async #clock(sql: Sql): Promise<{ readonly now: number }> {
    const [row] = await sql.rows<{ readonly now_ms: number | string }>(
      `SELECT ${this.#database.now} AS now_ms`,
    );
    return { now: Number(row?.now_ms) };
  }

  async #known(sql: Sql, events: readonly NewEvent[]): Promise<ReadonlySet<string>> {
    const known = new Set<string>();
    for (const some of pieces(events)) {
      const rows = await sql.rows<{ readonly id: string }>(
        `SELECT id FROM signalbox_event WHERE application = ? AND id IN ${list(some)}`,
        [this.#application, ...some.map(({ id }) => id)],
      );
      for (const { id } of rows) known.add(id);
    }
    return known;
  }

  async #insertEvents(sql: Sql, events: readonly LoggedEvent[]): Promise<void> {
    const { now } = await this.#clock(sql);
    await sql.insert(
      'signalbox_event',
      ['application', 'received_at', ...eventColumns],
      events.map((event) => [
        this.#application,
        now,
        ...eventColumns.map((column): Value => event[column]),
      ]),
    );
  }

  /** The highest number that was given. */
  async head(): Promise<number> {
    const [row] = await this.#database.rows<{ readonly seq: number | string }>(
      'SELECT seq FROM signalbox_service WHERE application = ?',
      [this.#application],
    );
    return Number(row?.seq ?? 0);
  }

  /** Events that the owner may see. */
  async read(query: EventQuery): Promise<readonly LoggedEvent[]> {
    const owner = ownerCondition(query.owner);
    const conditions = ['application = ?', owner.text];
    const parameters: Value[] = [this.#application, ...owner.parameters];
    for (const column of ['category', 'type', 'resource', 'uuid'] as const) {
      const value = query[column];
      if (value === undefined) continue;
      conditions.push(`${column} = ?`);
      parameters.push(value);
    }
    if (query.after !== undefined) {
      conditions.push('seq > ?');
      parameters.push(query.after);
    }
    if (query.before !== undefined) {
      conditions.push('seq < ?');
      parameters.push(query.before);
    }
    const rows = await this.#database.rows<EventRow>(
      `SELECT ${eventColumns.join(', ')} FROM signalbox_event WHERE ${conditions.join(' AND ')}
        ORDER BY seq ${query.order === 'oldest' ? 'ASC' : 'DESC'} LIMIT ${Math.floor(query.limit)}`,
      parameters,
    );
    return rows.map(loggedEvent);
  }

  /** The event of an id, where the owner may see it. */
  async byId(id: string, owner: Owner): Promise<LoggedEvent | undefined> {
    const visible = ownerCondition(owner);
    const [row] = await this.#database.rows<EventRow>(
      `SELECT ${eventColumns.join(', ')} FROM signalbox_event
        WHERE application = ? AND id = ? AND ${visible.text}`,
      [this.#application, id, ...visible.parameters],
    );
    return row === undefined ? undefined : loggedEvent(row);
  }

  /** The number of the first event that was taken at this time or later; one past the last for none. */
  async firstSince(time: number): Promise<number> {
    const [row] = await this.#database.rows<{ readonly seq: number | string | null }>(
      'SELECT MIN(seq) AS seq FROM signalbox_event WHERE application = ? AND received_at >= ?',
      [this.#application, time],
    );
    return row?.seq == null ? (await this.head()) + 1 : Number(row.seq);
  }

  /** Deletes events older than so many milliseconds that no delivery still needs. */
  async purge(olderThan: number, limit: number): Promise<number> {
    return this.#database.transaction(async (sql) => {
      const rows = await sql.rows<{ readonly seq: number | string }>(
        `SELECT e.seq FROM signalbox_event e WHERE e.application = ?
          AND e.received_at < ${this.#database.now} - ? AND NOT EXISTS (
            SELECT 1 FROM signalbox_delivery d WHERE d.application = e.application AND d.event_seq = e.seq)
          ORDER BY e.seq LIMIT ${Math.floor(limit)}`,
        [this.#application, olderThan],
      );
      const numbers = rows.map(({ seq }) => Number(seq));
      for (const some of pieces(numbers)) {
        await sql.run(
          `DELETE FROM signalbox_event WHERE application = ? AND seq IN ${list(some)}`,
          [this.#application, ...some],
        );
      }
      return numbers.length;
    });
  }

  /** One page of events for an endpoint that missed them; see `EndpointStore.catchUp`. */
  async page(sql: Sql, after: number, limit: number): Promise<readonly LoggedEvent[]> {
    const rows = await sql.rows<EventRow>(
      `SELECT ${eventColumns.join(', ')} FROM signalbox_event
        WHERE application = ? AND seq > ? ORDER BY seq LIMIT ${Math.floor(limit)}`,
      [this.#application, after],
    );
    return rows.map(loggedEvent);
  }
}

/** Returns the key that order is kept by. An event of no resource is in order with none. */
export function resourceKey({ resource, uuid, id }: LoggedEvent): string {
  return uuid === null ? `event:${id}`.slice(0, 512) : `${resource ?? ''}/${uuid}`.slice(0, 512);
}
