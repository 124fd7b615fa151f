import type { DataSource } from 'typeorm';
import { journalConditions, utc } from '../journal-conditions.js';
import { journalRecord, type JournalRow } from '../journal-row.js';
import type { JournalExtent, JournalStore } from '../../core/stores/journal-store.js';
import { exclusive } from './exclusive.js';
import { prepared } from './statements.js';

/** The columns of a journal row `j`. */
export const journalColumns =
  'j.position, j.id, j.source, j.category, j.type, j.resource, j.uuid, j.revision, j.time, j.payload';

/** The journal on SQLite. */
export function sqliteJournal(dataSource: DataSource, application = 0): JournalStore {
  const own = `application = ${Number(application)}`;
  return {
    async read(query) {
      const values: (string | number)[] = [];
      const value = (each: string | number): string => {
        values.push(each);
        return '?';
      };
      const conditions = journalConditions(query, application, {
        value,
        anyOf: (column, wanted) =>
          `j.${column} IN (SELECT value FROM json_each(${value(JSON.stringify(wanted))}))`,
      });
      const rows = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `SELECT ${journalColumns} FROM signalbox_journal j
            ${query.uuid === undefined ? '' : 'INDEXED BY signalbox_journal_uuid'}
            WHERE ${conditions} ORDER BY j.position LIMIT ?`,
        ).all(...values, query.limit),
      );
      return (rows as JournalRow[]).map(journalRecord);
    },

    async firstSince(time) {
      const row = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          // Computed, so that the primary key is not walked from its beginning instead.
          'SELECT min(position + 0) AS first FROM signalbox_journal WHERE time >= ?',
        ).get(utc(time)),
      );
      return (row as { readonly first: number | null }).first;
    },

    async extent() {
      const row = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `SELECT coalesce((SELECT max(position) FROM signalbox_journal), 0) AS last,
            (SELECT position FROM signalbox_horizon) AS purged`,
        ).get(),
      );
      return row as JournalExtent;
    },

    async tail(limit) {
      const rows = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          'SELECT position, time FROM signalbox_journal ORDER BY position DESC LIMIT ?',
        ).all(limit),
      );
      return (rows as { readonly position: number; readonly time: string }[]).reverse();
    },

    async purge({ before, limit }) {
      return exclusive(dataSource, (connection) => {
        // Each position is looked up on each bus that has rows, and the oldest are found by their times.
        const gone = prepared(
          connection,
          `WITH RECURSIVE bus (name) AS (
            SELECT (SELECT min(bus) FROM signalbox_outbox)
            UNION ALL
            SELECT (SELECT min(o.bus) FROM signalbox_outbox o WHERE o.bus > bus.name)
              FROM bus WHERE bus.name IS NOT NULL
          )
          DELETE FROM signalbox_journal WHERE position IN (
            SELECT j.position FROM signalbox_journal j INDEXED BY signalbox_journal_time
              WHERE j.time < ? AND j.${own}
              AND NOT EXISTS (SELECT 1 FROM bus CROSS JOIN signalbox_outbox o
                WHERE o.bus = bus.name AND o.position = j.position)
              AND NOT EXISTS (SELECT 1 FROM signalbox_parked p WHERE p.position = j.position)
            ORDER BY j.time LIMIT ?) RETURNING position`,
        ).all(utc(before), limit) as { readonly position: number }[];
        const highest = gone.reduce((high, { position }) => Math.max(high, position), 0);
        prepared(connection, 'UPDATE signalbox_horizon SET position = ? WHERE position < ?').run(
          highest,
          highest,
        );
        return gone.length;
      });
    },
  };
}
