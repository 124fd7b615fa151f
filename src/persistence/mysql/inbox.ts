import type { DataSource } from 'typeorm';
import type { InboxStore } from '../inbox-store.js';
import type { Integer } from '../journal-row.js';
import { ownQueries } from '../tables/placed-tables.js';

/** The inbox of consumers on MySQL and MariaDB. */
export function mysqlInbox(dataSource: DataSource, space = ''): InboxStore {
  const own =
    space === ''
      ? `consumer NOT REGEXP '^[0-9].*#'`
      : `LEFT(consumer, ${space.length}) = '${space}'`;
  return {
    async claimWithin(manager, { consumer, id }) {
      // Waits at the primary key for a transaction that inserts the same. What IGNORE would hide else,
      // text that is cut, cannot happen: the caller has measured it.
      const { affectedRows } = await ownQueries(manager).query<{ readonly affectedRows: number }>(
        `INSERT IGNORE INTO signalbox_inbox (consumer, id, handled_at)
          VALUES (?, ?, UTC_TIMESTAMP(3))`,
        [space + consumer, id],
      );
      return affectedRows > 0;
    },

    async holdsWithin(manager, { consumer, id }) {
      const rows = await ownQueries(manager).query<unknown[]>(
        'SELECT 1 FROM signalbox_inbox WHERE consumer = ? AND id = ?',
        [space + consumer, id],
      );
      return rows.length > 0;
    },

    async seenWithin(manager, { consumer, resource, uuid }) {
      const [row] = await ownQueries(manager).query<{ readonly revision: Integer }[]>(
        `SELECT revision FROM signalbox_seen
          WHERE consumer = ? AND uuid = ? AND resource = ? FOR UPDATE`,
        [space + consumer, uuid, resource],
      );
      return row === undefined ? undefined : Number(row.revision);
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
          ON DUPLICATE KEY UPDATE revision = GREATEST(revision, VALUES(revision))`,
        [space + consumer, uuid, resource, revision],
      );
    },

    async purge({ olderThan, limit }) {
      const { affectedRows } = await ownQueries(dataSource).query<{
        readonly affectedRows: number;
      }>(
        `DELETE FROM signalbox_inbox WHERE handled_at < UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND AND ${own}
          ORDER BY handled_at LIMIT ?`,
        [olderThan * 1000, limit],
      );
      return affectedRows;
    },
  };
}
