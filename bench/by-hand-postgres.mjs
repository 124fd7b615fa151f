import { randomUUID } from 'node:crypto';
import pg from 'pg';

/** The schema an engineer would write for the same job: state and version, and an outbox. */
export const byHandSchema = [
  `CREATE TABLE by_hand_lamp (
    id uuid PRIMARY KEY, state varchar(255) NOT NULL, version integer NOT NULL,
    state_since timestamptz NOT NULL, account varchar(255), domain varchar(255), project varchar(255))`,
  `CREATE TABLE by_hand_outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid NOT NULL,
    key varchar(255) NOT NULL, payload text NOT NULL)`,
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
const batch = (table) => ({
  name: `batch ${table}`,
  text: `WITH asked AS (
      SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::uuid[], $6::text[],
        $7::text[]) AS a (id, old, new, version, event_id, key, payload)
    ), moved AS (
      UPDATE ${table} l SET state = a.new, version = l.version + 1, state_since = now() FROM asked a
      WHERE l.id = a.id AND l.state = a.old AND l.version = a.version
      RETURNING a.event_id, a.key, a.payload
    )
    INSERT INTO by_hand_outbox (event_id, key, payload) SELECT event_id, key, payload FROM moved`,
});

function openPool(url, connections) {
  const pool = new pg.Pool({ connectionString: url, max: connections });
  // Dropping the database at the end cuts connections that are still saying goodbye.
  pool.on('error', () => {});
  return pool;
}

const flip = (state) =>
  state === 'Off' ? { event: 'SwitchedOn', to: 'On' } : { event: 'SwitchedOff', to: 'Off' };

/** A CloudEvent of the same size as Signalbox's. */
function eventOf(id, { state, version, account, domain, project }) {
  const { event, to } = flip(state);
  const eventId = randomUUID();
  return {
    to,
    eventId,
    key: `management-server.ResourceStateEvent.${event}.Lamp.${id}`,
    payload: JSON.stringify({
      specversion: '1.0',
      id: eventId,
      source: 'management-server',
      type: event,
      subject: `Lamp/${id}`,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      dataschema: 'https://signalbox.dev/schemas/ResourceStateEvent/1',
      partitionkey: id,
      category: 'ResourceStateEvent',
      actor: 'bench',
      account,
      domain,
      project,
      revision: version + 1,
      data: { event, old: state, new: to, lifecycleVersion: 1, changed: true },
    }),
  };
}

/** BEGIN; SELECT; UPDATE; INSERT; COMMIT, prepared, on so many connections. */
export function transaction(url, uuids, { connections, callers }) {
  const pool = openPool(url, connections);
  const place = placesOf(uuids, callers);
  return {
    pool,
    async operation(caller) {
      const id = place(caller);
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const { rows } = await client.query({ ...select, values: [id] });
        const event = eventOf(id, rows[0]);
        const { rowCount } = await client.query({
          ...update,
          values: [id, event.to, rows[0].state, rows[0].version],
        });
        if (rowCount !== 1) throw new Error('lost the race');
        await client.query({ ...insert, values: [event.eventId, event.key, event.payload] });
        await client.query('COMMIT');
      } finally {
        client.release();
      }
    },
  };
}

/**
 * The multi-row statement: so many transitions in one. What rows hold is known beforehand, so that it
 * needs no SELECT; each connection goes round its own part of a table of its own.
 */
export function batches(url, uuids, { connections, size, table }) {
  const pool = openPool(url, connections);
  const part = Math.floor(uuids.length / connections / size) * size;
  const rows = uuids.map((id) => ({
    id,
    state: 'Off',
    version: 1,
    account: 'account-1',
    domain: 'domain-1',
    project: null,
  }));
  const next = Array.from({ length: connections }, () => 0);
  return {
    pool,
    async operation(caller) {
      const from = caller * part + next[caller];
      next[caller] = (next[caller] + size) % part;
      const taken = rows.slice(from, from + size);
      const events = taken.map((row) => eventOf(row.id, row));
      const { rowCount } = await pool.query({
        ...batch(table),
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
      taken.forEach((row, index) => {
        row.state = events[index].to;
        row.version += 1;
      });
      return size;
    },
  };
}

/** Each caller goes round its own part of the rows. */
export function placesOf(uuids, callers) {
  const part = Math.floor(uuids.length / callers);
  const next = Array.from({ length: callers }, () => 0);
  return (caller) => {
    const offset = next[caller];
    next[caller] = (offset + 1) % part;
    return uuids[caller * part + offset];
  };
}
