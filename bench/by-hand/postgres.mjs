import pg from 'pg';
import { placesOf } from '../lamp.mjs';
import { eventOf, flip } from './event.mjs';

/**
 * The schema an engineer would write for the same job: state and version, and an outbox; and one that
 * keeps a journal which can be read as Signalbox's can.
 */
export const byHandSchema = [
  `CREATE TABLE by_hand_lamp (
    id uuid PRIMARY KEY, state varchar(255) NOT NULL, version integer NOT NULL,
    state_since timestamptz NOT NULL, account varchar(255), domain varchar(255), project varchar(255))`,
  `CREATE TABLE by_hand_outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid NOT NULL,
    key varchar(255) NOT NULL, payload text NOT NULL)`,
  `CREATE TABLE by_hand_journal (LIKE signalbox_journal INCLUDING ALL)`,
  `CREATE TABLE by_hand_pending (LIKE signalbox_outbox INCLUDING ALL)`,
];

const select = {
  name: 'select',
  text: 'SELECT state, version, account, domain, project FROM by_hand_lamp WHERE id = $1',
};
const update = {
  name: 'update',
  text: `UPDATE by_hand_lamp SET state = $2, version = version + 1, state_since = now()
    WHERE id = $1 AND state = $3 AND version = $4`,
};
const insert = {
  name: 'insert',
  text: 'INSERT INTO by_hand_outbox (event_id, key, payload) VALUES ($1, $2, $3)',
};
const notify = { name: 'notify', text: 'NOTIFY by_hand' };
const atOnce = {
  name: 'at once',
  text: `WITH moved AS (
      UPDATE by_hand_lamp SET state = $2, version = version + 1, state_since = now()
      WHERE id = $1 AND state = $3 AND version = $4
      RETURNING 1
    )
    INSERT INTO by_hand_outbox (event_id, key, payload) SELECT $5, $6, $7 FROM moved`,
};
const batch = (table, journal) => ({
  name: `batch ${table} ${journal}`,
  text: `WITH asked AS (
      SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::uuid[], $6::text[],
        $7::text[]) AS a (id, old, new, version, event_id, key, payload)
    ), moved AS (
      UPDATE ${table} l SET state = a.new, version = l.version + 1, state_since = now() FROM asked a
      WHERE l.id = a.id AND l.state = a.old AND l.version = a.version
      RETURNING a.event_id, a.key, a.payload, a.id, a.new, l.version
    )${journal ? journalled : announced}`,
});
const announced = `
    INSERT INTO by_hand_outbox (event_id, key, payload) SELECT event_id, key, payload FROM moved`;
const journalled = `, written AS (
      INSERT INTO by_hand_journal
        (id, source, category, type, resource, uuid, revision, time, payload)
      SELECT event_id, 'management-server', 'ResourceStateEvent', 'Switched' || new, 'Lamp', id,
        version, now(), payload
      FROM moved RETURNING position
    )
    INSERT INTO by_hand_pending (position, share) SELECT position, 1 FROM written`;

const insertOutbox = (client, { eventId, key, payload }, query) =>
  query(client, insert, [eventId, key, payload]);

/** A pool whose connections may be cut at the end, when the database is dropped. */
export function openPool(url, connections) {
  const pool = new pg.Pool({ connectionString: url, max: connections });
  pool.on('error', () => {});
  return pool;
}

/**
 * BEGIN; SELECT; UPDATE; INSERT; COMMIT, on so many connections, again when the race for the row is
 * lost.
 *
 * @param prepare false sends the texts each time, as `client.query(text, values)` does.
 * @param announce writes the event within the transaction; by default into the outbox.
 * @param notifies sends a NOTIFY inside the transaction, for a relay that listens.
 */
export function transaction(
  url,
  uuids,
  {
    connections,
    callers,
    prepare = true,
    notifies = false,
    place = placesOf(uuids, callers),
    announce = insertOutbox,
  },
) {
  const pool = openPool(url, connections);
  const query = (client, { name, text }, values) =>
    client.query(prepare ? { name, text, values } : { text, values });
  const attempt = async (client, id) => {
    await client.query('BEGIN');
    const { rows } = await query(client, select, [id]);
    const event = eventOf(id, rows[0]);
    const { rowCount } = await query(client, update, [
      id,
      event.to,
      rows[0].state,
      rows[0].version,
    ]);
    if (rowCount !== 1) {
      await client.query('ROLLBACK');
      return false;
    }
    await announce(client, { ...event, id }, query);
    if (notifies) await query(client, notify, []);
    await client.query('COMMIT');
    return true;
  };
  return {
    async operation(caller) {
      const id = place(caller);
      const client = await pool.connect();
      try {
        while (!(await attempt(client, id))) {}
      } finally {
        client.release();
      }
    },
    close: () => pool.end(),
  };
}

/**
 * One statement that moves one row and writes its event, by one caller. What the row holds is known
 * beforehand, so that nothing is read and nothing can be refused: no way with a commit of its own takes
 * less.
 */
export function oneStatement(url, uuids) {
  const pool = openPool(url, 1);
  const rows = rowsOf(uuids);
  let next = 0;
  return {
    async operation() {
      const row = rows[next];
      next = (next + 1) % rows.length;
      const { to, eventId, key, payload } = eventOf(row.id, row);
      const { rowCount } = await pool.query({
        ...atOnce,
        values: [row.id, to, row.state, row.version, eventId, key, payload],
      });
      if (rowCount !== 1) throw new Error(`moved ${rowCount} rows`);
      row.state = to;
      row.version += 1;
    },
    close: () => pool.end(),
  };
}

const rowsOf = (uuids) =>
  uuids.map((id) => ({
    id,
    state: 'Off',
    version: 1,
    account: 'account-1',
    domain: 'domain-1',
    project: null,
  }));

/**
 * The multi-row statement: so many transitions in one. What rows hold is known beforehand, so that it
 * needs no SELECT; each connection goes round its own part of a table of its own.
 *
 * @param journal writes the events into a journal with Signalbox's columns and indexes, and what is to be
 * published beside it.
 */
export function batches(url, uuids, { connections, size, table, journal = false }) {
  const pool = openPool(url, connections);
  const part = Math.floor(uuids.length / connections / size) * size;
  const rows = rowsOf(uuids);
  const next = Array.from({ length: connections }, () => 0);
  return {
    async operation(caller) {
      const from = caller * part + next[caller];
      next[caller] = (next[caller] + size) % part;
      const taken = rows.slice(from, from + size);
      const events = taken.map((row) => eventOf(row.id, row));
      const { rowCount } = await pool.query({
        ...batch(table, journal),
        values: [
          taken.map(({ id }) => id),
          taken.map(({ state }) => state),
          events.map(({ to }) => to),
          taken.map(({ version }) => version),
          events.map(({ eventId }) => eventId),
          events.map(({ key }) => key),
          events.map(({ payload }) => payload),
        ],
      });
      if (rowCount !== size) throw new Error(`moved ${rowCount} of ${size}`);
      for (const row of taken) {
        row.state = flip(row.state).to;
        row.version += 1;
      }
      return size;
    },
    close: () => pool.end(),
  };
}
