import type { DataSource } from 'typeorm';
import { journalRecord, type JournalRow } from '../journal-row.js';
import type { JournalStore } from '../store.js';
import { exclusive } from './exclusive.js';
import { prepared } from './statements.js';

/** The columns of a journal row `j`. */
export const journalColumns =
  'j.position, j.id, j.source, j.category, j.type, j.resource, j.uuid, j.revision, j.time, j.payload';

/** The journal on SQLite. */
export function sqliteJournal(dataSource: DataSource): JournalStore {
  return {
    async read({ uuid, resource, category, after = 0, limit }) {
      const conditions = ['j.position > ?'];
      const values: unknown[] = [after];
      for (const [column, value] of Object.entries({ uuid, resource, category })) {
        if (value !== undefined) {
          conditions.push(`j.${column} = ?`);
          values.push(value);
        }
      }
      const rows = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `SELECT ${journalColumns} FROM signalbox_journal j
            WHERE ${conditions.join(' AND ')} ORDER BY j.position LIMIT ?`,
        ).all(...values, limit),
      );
      return (rows as JournalRow[]).map(journalRecord);
    },

    async purge({ before, limit }) {
      const { changes } = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `DELETE FROM signalbox_journal WHERE position IN (
            SELECT position FROM signalbox_journal WHERE time < ?
              AND position NOT IN (SELECT position FROM signalbox_outbox)
              AND position NOT IN (SELECT position FROM signalbox_parked)
            ORDER BY position LIMIT ?)`,
        ).run(new Date(before).toISOString(), limit),
      );
      return changes;
    },
  };
}
