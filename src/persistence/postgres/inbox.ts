import type { DataSource } from 'typeorm';
import { queryByKey } from './by-key.js';
import type { InboxStore } from '../inbox-store.js';
import type { Integer } from '../journal-row.js';
import { ownQueries } from '../tables/placed-tables.js';

/** The inbox of consumers on PostgreSQL. */
export function postgresInbox(dataSource: DataSource, space = ''): InboxStore {
  const own = space === '' ? `consumer !~ '^[0-9].*#'` : `starts_with(consumer, '${space}')`;
  return {
    async claimWithin(manager, { consumer, id }) {
      // Waits at the unique index for a transaction that inserts the same, and skips only what it commits.
      const rows = await ownQueries(manager).query<unknown[]>(
        `INSERT INTO signalbox_inbox (consumer, id) VALUES ($1, $2)
          ON CONFLICT DO NOTHING RETURNING id`,
        [space + consumer, id],
      );
      return rows.length > 0;
    },

    async holdsWithin(manager, { consumer, id }) {
      const rows = await ownQueries(manager).query<unknown[]>(
        'SELECT 1 FROM signalbox_inbox WHERE consumer = $1 AND id = $2',
        [space + consumer, id],
      );
      return rows.length > 0;
    },

    async seenWithin(manager, { consumer, resource, uuid }) {
      const [row] = await ownQueries(manager).query<{ readonly revision: Integer }[]>(
        `SELECT revision FROM signalbox_seen
          WHERE consumer = $1 AND uuid = $2 AND resource = $3 FOR UPDATE`,
        [space + consumer, uuid, resource],
      );
      return row === undefined ? undefined : Number(row.revision);
    },

    async noteSeenWithin(manager, { consumer, resource, uuid }, revision) {
      if (revision === undefined) {
        await ownQueries(manager).query(
          'DELETE FROM signalbox_seen WHERE consumer = $1 AND uuid = $2 AND resource = $3',
          [space + consumer, uuid, resource],
        );
        return;
      }
      await ownQueries(manager).query(
        `INSERT INTO signalbox_seen AS s (consumer, uuid, resource, revision) VALUES ($1, $2, $3, $4)
          ON CONFLICT (consumer, uuid, resource)
          DO UPDATE SET revision = greatest(s.revision, EXCLUDED.revision)`,
        [space + consumer, uuid, resource, revision],
      );
    },

    async purge({ olderThan, limit }) {
      const [, deleted] = await queryByKey<[unknown, number]>(
        dataSource,
        `DELETE FROM signalbox_inbox WHERE ctid = ANY (ARRAY(
          SELECT ctid FROM signalbox_inbox
            WHERE handled_at < statement_timestamp() - $1 * interval '1 millisecond' AND ${own}
            ORDER BY handled_at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
        [olderThan, limit],
      );
      return deleted;
    },
  };
}
