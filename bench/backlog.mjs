import { messageOf } from './by-hand/publisher.mjs';

/**
 * Writes so many events into the journal, spread over the resources, and into the outbox with the last
 * statement: until then the relay sees none of them. `appear` runs it.
 */
export async function backlog(dataSource, uuids, count) {
  await dataSource.query('TRUNCATE signalbox_journal, signalbox_outbox');
  await dataSource.query(
    `INSERT INTO signalbox_journal (id, source, category, type, resource, uuid, revision, time, payload)
      SELECT e.id, 'management-server', 'ResourceStateEvent', 'SwitchedOn', 'Lamp', e.uuid,
        2 + n / $2::int, now(),
        '{"specversion":"1.0","id":"' || e.id || '","source":"management-server","type":"SwitchedOn",' ||
        '"subject":"Lamp/' || e.uuid || '","time":"2026-01-01T00:00:00.000Z",' ||
        '"datacontenttype":"application/json",' ||
        '"dataschema":"https://signalbox.dev/schemas/ResourceStateEvent/1","partitionkey":"' || e.uuid ||
        '","category":"ResourceStateEvent","actor":"bench","account":"account-1","domain":"domain-1",' ||
        '"revision":2,"data":{"event":"SwitchedOn","old":"Off","new":"On","lifecycleVersion":1,' ||
        '"changed":true}}'
      FROM (SELECT n, gen_random_uuid() AS id, ($1::uuid[])[1 + n % $2::int] AS uuid
        FROM generate_series(0, $3::int - 1) AS n ORDER BY n) e`,
    [uuids, uuids.length, count],
  );
  await dataSource.query('ANALYZE signalbox_journal');
  return {
    async appear() {
      // Any share will do as long as it is one for each resource.
      await dataSource.query(
        `INSERT INTO signalbox_outbox (position, share)
          SELECT position, ('x' || substr(md5(uuid::text), 1, 2))::bit(8)::int % 64
          FROM signalbox_journal ORDER BY position`,
      );
    },
    /** What the relay publishes, for whoever publishes it from memory. */
    messages: async () => {
      const rows = await dataSource.query(
        `SELECT id, uuid, payload, source || '.' || category || '.' || type || '.' || resource || '.' || uuid
            AS key
          FROM signalbox_journal ORDER BY position`,
      );
      return rows.map(messageOf);
    },
  };
}
