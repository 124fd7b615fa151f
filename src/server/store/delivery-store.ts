import type { Attempt, Delivery, DeliveryStatus, DueDelivery, Endpoint } from '../model.js';
import {
  attemptOf,
  type AttemptRow,
  deliveryColumns,
  deliveryOf,
  type DeliveryRow,
  endpointOf,
  type EndpointRow,
  eventColumns,
  type EventRow,
  loggedEvent,
} from './rows.js';
import { list, never, pieces, type ServiceDatabase, type Sql, type Value } from './service-sql.js';

/** How one try ended. */
export interface Settlement {
  readonly attempt: Attempt;
  readonly result:
    | { readonly kind: 'delivered' }
    | { readonly kind: 'dead' }
    /** `charged`: whether it counts as one of the tries that its policy allows. */
    | { readonly kind: 'retry'; readonly delay: number; readonly charged: boolean };
}

/** The end of a drain: what it learned of its endpoint. */
export interface DrainEnd {
  readonly endpoint: string;
  readonly lane: number;
  /** Failures in a row; undefined where nothing was tried. */
  readonly failures: number | undefined;
  /** Milliseconds in which the endpoint is left alone. */
  readonly pause: number;
}

/** Selection of an endpoint's deliveries. */
export interface DeliverySelection {
  readonly ids?: readonly string[];
  readonly status?: DeliveryStatus;
  readonly outcome?: string;
  /** Only deliveries with ids behind this one. */
  readonly after?: string;
  readonly limit?: number;
}

/** No earlier delivery of the same resource is due at the endpoint. */
const first = `NOT EXISTS (SELECT 1 FROM signalbox_delivery p WHERE p.endpoint = d.endpoint
  AND p.resource_key = d.resource_key AND p.event_seq < d.event_seq AND p.status = 'due')`;

/** Given up since the last delivery that got through: what an ordered receiver has missed. */
const missed = (what: 'MIN' | 'MAX') => `(SELECT ${what}(g.revision) FROM signalbox_delivery g
  WHERE g.endpoint = d.endpoint AND g.resource_key = d.resource_key AND g.event_seq < d.event_seq
  AND g.status IN ('dead', 'dropped') AND g.event_seq > COALESCE((SELECT MAX(o.event_seq)
    FROM signalbox_delivery o WHERE o.endpoint = d.endpoint AND o.resource_key = d.resource_key
    AND o.event_seq < d.event_seq AND o.status = 'delivered'), 0))`;

/** Deliveries, the leases of those who make them, and the log of their attempts. */
export class DeliveryStore {
  readonly #database: ServiceDatabase;
  readonly #application: number;

  constructor(database: ServiceDatabase, application: number) {
    this.#database = database;
    this.#application = application;
  }

  /**
   * Takes the lease of endpoints for which something is due: at most `limit`, of each account in turn, the
   * longest due first. Nobody else drains them while the lease lasts.
   */
  async claim(options: {
    readonly owner: string;
    readonly lane: number;
    readonly limit: number;
    /** Milliseconds. */
    readonly lease: number;
  }): Promise<readonly Endpoint[]> {
    const { owner, lane, limit, lease } = options;
    const { now } = this.#database;
    const free = `lane = ? AND next_at <= ${now} AND lease_until <= ${now}`;
    const due = await this.#database.rows<{ readonly id: string }>(
      `SELECT id FROM (SELECT id, next_at,
          ROW_NUMBER() OVER (PARTITION BY account ORDER BY next_at) AS turn
          FROM signalbox_endpoint WHERE application = ? AND ${free} AND status IN ('active', 'catching-up')
        ) waiting ORDER BY turn, next_at LIMIT ${Math.floor(limit)}`,
      [this.#application, lane],
    );
    if (due.length === 0) return [];
    const ids = due.map(({ id }) => id).toSorted();
    return this.#database.transaction(async (sql) => {
      const claimed: Endpoint[] = [];
      for (const some of pieces(ids)) {
        await sql.run(
          `UPDATE signalbox_endpoint SET lease_owner = ?, lease_until = ${now} + ? WHERE id IN ${list(some)} AND ${free}`,
          [owner, lease, ...some, lane],
        );
        const rows = await sql.rows<EndpointRow>(
          `SELECT * FROM signalbox_endpoint WHERE id IN ${list(some)} AND lease_owner = ? AND lease_until > ${now}`,
          [...some, owner],
        );
        claimed.push(...rows.map(endpointOf));
      }
      return claimed;
    });
  }

  /** Keeps every lease of an owner for so many milliseconds from now. */
  async renew(owner: string, lease: number): Promise<void> {
    await this.#database.run(
      `UPDATE signalbox_endpoint SET lease_until = ${this.#database.now} + ? WHERE lease_owner = ?`,
      [lease, owner],
    );
  }

  /** Gives back every lease of an owner. */
  async release(owner: string): Promise<void> {
    await this.#database.run(
      "UPDATE signalbox_endpoint SET lease_until = 0, lease_owner = '' WHERE lease_owner = ?",
      [owner],
    );
  }

  /** Returns the deliveries that are due: at most `limit` of each endpoint, in the order of events. */
  async due(
    endpoints: readonly Endpoint[],
    limit: number,
  ): Promise<ReadonlyMap<string, readonly DueDelivery[]>> {
    const found = new Map<string, DueDelivery[]>();
    for (const ordered of [false, true]) {
      const ids = endpoints.flatMap((each) => (each.ordered === ordered ? [each.id] : []));
      for (const some of pieces(ids)) {
        for (const row of await this.#dueRows(some, ordered, limit)) {
          const delivery = {
            ...deliveryOf(row),
            event: loggedEvent(row),
            gap:
              row.gap_from == null ? null : { from: Number(row.gap_from), to: Number(row.gap_to) },
          };
          const others = found.get(delivery.endpoint);
          if (others === undefined) found.set(delivery.endpoint, [delivery]);
          else others.push(delivery);
        }
      }
    }
    return found;
  }

  async #dueRows(ids: readonly string[], ordered: boolean, limit: number) {
    const gap = ordered ? `, ${missed('MIN')} AS gap_from, ${missed('MAX')} AS gap_to` : '';
    return this.#database.rows<
      DeliveryRow &
        EventRow & { readonly gap_from?: number | null; readonly gap_to?: number | null }
    >(
      `SELECT ${deliveryColumns}, ${eventColumns.map((column) => `e.${column}`).join(', ')}${gap}
        FROM (SELECT d.*, ROW_NUMBER() OVER (PARTITION BY d.endpoint ORDER BY d.event_seq, d.replay) AS turn
          FROM signalbox_delivery d WHERE d.endpoint IN ${list(ids)} AND d.status = 'due'
          AND d.next_at <= ${this.#database.now}${ordered ? ` AND ${first}` : ''}) d
        JOIN signalbox_event e ON e.application = d.application AND e.seq = d.event_seq
        WHERE d.turn <= ${Math.floor(limit)} ORDER BY d.endpoint, d.event_seq`,
      ids,
    );
  }

  /** Commits how tries ended, and gives back the leases of drains that have nothing left to do. */
  async settle(
    owner: string,
    settlements: readonly Settlement[],
    ends: readonly DrainEnd[],
  ): Promise<void> {
    await this.#database.transaction(async (sql) => {
      await this.#settleAll(sql, settlements);
      await this.#endAll(sql, owner, ends);
    });
  }

  async #settleAll(sql: Sql, settlements: readonly Settlement[]): Promise<void> {
    const { now } = this.#database;
    const groups = new Map<
      string,
      { readonly set: string; readonly values: Value[]; ids: string[] }
    >();
    for (const { attempt, result } of settlements) {
      const set =
        result.kind === 'retry'
          ? `next_at = ${now} + ?, attempts = attempts + ${result.charged ? 1 : 0}, outcome = ?`
          : `status = '${result.kind}', settled_at = ${now}, attempts = attempts + 1, outcome = ?`;
      const values = [
        ...(result.kind === 'retry' ? [Math.round(result.delay)] : []),
        attempt.outcome,
      ];
      const key = `${set} ${values.join(' ')}`;
      const group = groups.get(key) ?? { set, values, ids: [] };
      group.ids.push(attempt.delivery);
      groups.set(key, group);
    }
    for (const { set, values, ids } of groups.values()) {
      for (const some of pieces(ids.toSorted())) {
        await sql.run(
          `UPDATE signalbox_delivery SET ${set} WHERE id IN ${list(some)} AND status = 'due'`,
          [...values, ...some],
        );
      }
    }
    await sql.insert(
      'signalbox_attempt',
      ['delivery', 'endpoint', 'started_at', 'duration', 'outcome', 'status', 'error', 'body'],
      settlements.map(({ attempt }) => [
        attempt.delivery,
        attempt.endpoint,
        attempt.startedAt,
        Math.round(attempt.duration),
        attempt.outcome,
        attempt.status,
        attempt.error?.slice(0, 255) ?? null,
        attempt.body,
      ]),
    );
  }

  async #endAll(sql: Sql, owner: string, ends: readonly DrainEnd[]): Promise<void> {
    if (ends.length === 0) return;
    const { now, greatest, forUpdate } = this.#database;
    const held = new Map<string, boolean>();
    for (const some of pieces(ends.map(({ endpoint }) => endpoint).toSorted())) {
      // Locked before its deliveries are looked at: new ones are made under this lock too.
      const rows = await sql.rows<{ readonly id: string; readonly ordered: number }>(
        `SELECT id, ordered FROM signalbox_endpoint WHERE id IN ${list(some)} AND lease_owner = ?
          ORDER BY id${forUpdate}`,
        [...some, owner],
      );
      for (const { id, ordered } of rows) held.set(id, Number(ordered) === 1);
    }
    for (const { endpoint, lane, failures, pause } of ends) {
      if (!held.has(endpoint) || (lane === 0 && failures === undefined && pause === 0)) continue;
      await sql.run(
        `UPDATE signalbox_endpoint SET lane = ?, resume_at = CASE WHEN ? > 0 THEN ${now} + ? ELSE resume_at END
          ${failures === undefined ? '' : `, failures = ?, failing_since = ${failures === 0 ? 'NULL' : `COALESCE(failing_since, ${now})`}`}
          WHERE id = ?`,
        [lane, pause, Math.round(pause), ...(failures === undefined ? [] : [failures]), endpoint],
      );
    }
    for (const ordered of [false, true]) {
      const ids = [...held].flatMap(([id, is]) => (is === ordered ? [id] : []));
      for (const some of pieces(ids)) {
        await sql.run(
          `UPDATE signalbox_endpoint SET lease_owner = '', lease_until = 0,
            next_at = ${greatest}(resume_at, COALESCE((SELECT MIN(d.next_at) FROM signalbox_delivery d
              WHERE d.endpoint = signalbox_endpoint.id AND d.status = 'due'${ordered ? ` AND ${first}` : ''}), ${never}))
            WHERE id IN ${list(some)}`,
          some,
        );
      }
    }
  }

  /** Notes an attempt that is of no delivery: a test, a probe. */
  async log(attempt: Attempt): Promise<void> {
    await this.#database.transaction((sql) =>
      this.#settleAll(sql, [{ attempt, result: { kind: 'delivered' } }]),
    );
  }

  /** Deliveries of an endpoint, in the order of their ids, which is that of their making. */
  async list(endpoint: string, selection: DeliverySelection): Promise<readonly Delivery[]> {
    const { text, parameters } = condition(endpoint, selection);
    const rows = await this.#database.rows<DeliveryRow>(
      `SELECT ${deliveryColumns} FROM signalbox_delivery d WHERE ${text}
        ORDER BY d.id LIMIT ${Math.floor(selection.limit ?? 100)}`,
      parameters,
    );
    return rows.map(deliveryOf);
  }

  /** Undefined for an id of no delivery. */
  async find(id: string): Promise<Delivery | undefined> {
    const [row] = await this.#database.rows<DeliveryRow>(
      `SELECT ${deliveryColumns} FROM signalbox_delivery d WHERE d.id = ? AND d.application = ?`,
      [id, this.#application],
    );
    return row === undefined ? undefined : deliveryOf(row);
  }

  /** Deliveries of one event: who is told, and what is still due. */
  async ofEvent(seq: number): Promise<readonly Delivery[]> {
    const rows = await this.#database.rows<DeliveryRow>(
      `SELECT ${deliveryColumns} FROM signalbox_delivery d
        WHERE d.application = ? AND d.event_seq = ? ORDER BY d.id LIMIT 1000`,
      [this.#application, seq],
    );
    return rows.map(deliveryOf);
  }

  /** Tries of a delivery, the first one first. */
  async attempts(delivery: string): Promise<readonly Attempt[]> {
    const rows = await this.#database.rows<AttemptRow>(
      'SELECT * FROM signalbox_attempt WHERE delivery = ? ORDER BY id LIMIT 1000',
      [delivery],
    );
    return rows.map(attemptOf);
  }

  /** Makes deliveries due again that were settled: dead ones, or ones to be repeated. Resolves with how many. */
  async retry(endpoint: string, selection: DeliverySelection): Promise<number> {
    const { text, parameters } = condition(endpoint, selection, 'signalbox_delivery');
    return this.#database.transaction(async (sql) => {
      const count = await sql.run(
        `UPDATE signalbox_delivery SET status = 'due', next_at = 0, attempts = 0, settled_at = NULL WHERE ${text}`,
        parameters,
      );
      await sql.run(
        `UPDATE signalbox_endpoint SET next_at = ${this.#database.greatest}(resume_at, 0)
          WHERE id = ? AND status = 'active'`,
        [endpoint],
      );
      return count;
    });
  }

  /** Gives up dead letters for good; they stay in the log until they are purged. Resolves with how many. */
  async drop(endpoint: string, selection: DeliverySelection): Promise<number> {
    const { text, parameters } = condition(
      endpoint,
      { ...selection, status: 'dead' },
      'signalbox_delivery',
    );
    return this.#database.run(
      `UPDATE signalbox_delivery SET status = 'dropped', settled_at = ${this.#database.now} WHERE ${text}`,
      parameters,
    );
  }

  /** Deliveries by status, for metrics. */
  async counts(): Promise<Readonly<Record<string, number>>> {
    const rows = await this.#database.rows<{
      readonly status: string;
      readonly number: number | string;
    }>(
      'SELECT status, count(*) AS number FROM signalbox_delivery WHERE application = ? GROUP BY status',
      [this.#application],
    );
    return Object.fromEntries(rows.map(({ status, number }) => [status, Number(number)]));
  }

  /** Deletes attempts and settled deliveries older than so many milliseconds; dead letters stay. */
  async purge(olderThan: number, limit: number): Promise<number> {
    const { now } = this.#database;
    return this.#database.transaction(async (sql) => {
      const rows = await sql.rows<{ readonly id: string }>(
        `SELECT id FROM signalbox_delivery WHERE status IN ('delivered', 'dropped')
          AND settled_at < ${now} - ? ORDER BY settled_at LIMIT ${Math.floor(limit)}`,
        [olderThan],
      );
      for (const some of pieces(rows.map(({ id }) => id))) {
        await sql.run(`DELETE FROM signalbox_delivery WHERE id IN ${list(some)}`, some);
      }
      const attempts = await sql.rows<{ readonly id: number }>(
        `SELECT id FROM signalbox_attempt WHERE started_at < ${now} - ? ORDER BY started_at LIMIT ${Math.floor(limit)}`,
        [olderThan],
      );
      for (const some of pieces(attempts.map(({ id }) => Number(id)))) {
        await sql.run(`DELETE FROM signalbox_attempt WHERE id IN ${list(some)}`, some);
      }
      return rows.length + attempts.length;
    });
  }
}

function condition(endpoint: string, selection: DeliverySelection, table = 'd') {
  const { ids, status, outcome, after } = selection;
  const conditions = [`${table}.endpoint = ?`];
  const parameters: Value[] = [endpoint];
  for (const [text, value] of [
    [`${table}.status = ?`, status],
    [`${table}.outcome = ?`, outcome],
    [`${table}.id > ?`, after],
  ] as const) {
    if (value === undefined) continue;
    conditions.push(text);
    parameters.push(value);
  }
  if (ids !== undefined) {
    conditions.push(ids.length === 0 ? '1 = 0' : `${table}.id IN ${list(ids)}`);
    parameters.push(...ids);
  }
  return { text: conditions.join(' AND '), parameters };
}
