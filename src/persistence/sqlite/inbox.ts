import type { DataSource } from 'typeorm';
import type { InboxStore } from '../inbox-store.js';
import { exclusive } from './exclusive.js';
import { prepared } from './statements.js';
import { ownQueries } from '../tables/placed-tables.js';

const now = `CAST(unixepoch('now', 'subsec') * 1000 AS integer)`;

/** The inbox of consumers on SQLite. */
export function sqliteInbox(dataSource: DataSource, space = ''): InboxStore {
  const own = space === '' ? `consumer NOT GLOB '[0-9]*#*'` : `consumer GLOB '${space}*'`;
  return {
    async claimWithin(manager, { consumer, id }) {
      // The first statement of its transaction takes the write lock, so that nobody else is at it.
      const rows = await ownQueries(manager).query<unknown[]>(
        `INSERT INTO signalbox_inbox (consumer, id, handled_at) VALUES (?, ?, ${now})
          ON CONFLICT DO NOTHING RETURNING id`,
        [space + consumer, id],
      );
      return rows.length > 0;
    },

    async holdsWithin(manager, { consumer, id }) {
      const rows = await ownQueries(manager).query<unknown[]>(
        'SELECT 1 FROM signalbox_inbox WHERE consumer = ? AND id = ?',
        [space + consumer, id],
      );
      return rows.length > 0;
    },

    async seenWithin(manager, { consumer, resource, uuid }) {
      const [row] = await ownQueries(manager).query<{ readonly revision: number }[]>(
        'SELECT revision FROM signalbox_seen WHERE consumer = ? AND uuid = ? AND resource = ?',
        [space + consumer, uuid, resource],
      );
      return row?.revision;
    },

    async noteSeenWithin(manager, { consumer, resource, uuid }, revision) {
      if (revision === undefined) {
        await ownQueries(manager).query(
          'DELETE FROM signalbox_seen WHERE consumer = ? AND uuid = ? AND resource = ?',
          [space + consumer, uuid, resource],
        );
        return;
      }
      await ownQueries(manager).query(
        `INSERT INTO signalbox_seen (consumer, uuid, resource, revision) VALUES (?, ?, ?, ?)
          ON CONFLICT (consumer, uuid, resource)
          DO UPDATE SET revision = max(revision, excluded.revision)`,
        [space + consumer, uuid, resource, revision],
      );
    },

    async purge({ olderThan, limit }) {
      const { changes } = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `DELETE FROM signalbox_inbox WHERE (consumer, id) IN (
            SELECT consumer, id FROM signalbox_inbox WHERE handled_at < ${now} - ? AND ${own}
              ORDER BY handled_at LIMIT ?)`,
        ).run(olderThan, limit),
      );
      return changes;
    },
  };
}
