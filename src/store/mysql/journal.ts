import type { DataSource } from 'typeorm';
import { type Integer, journalRecord, type JournalRow } from '../journal-row.js';
import type { JournalStore } from '../store.js';

/** The columns of a journal row `j`. */
export const journalColumns =
  'j.position, j.id, j.source, j.category, j.type, j.resource, j.uuid, j.revision, j.time, j.payload';

/** The journal on MySQL and MariaDB. */
export function mysqlJournal(dataSource: DataSource): JournalStore {
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
      const rows = await dataSource.query<JournalRow[]>(
        `SELECT ${journalColumns} FROM signalbox_journal j
          WHERE ${conditions.join(' AND ')} ORDER BY j.position LIMIT ?`,
        [...values, limit],
      );
      return rows.map(journalRecord);
    },

    async purge({ before, limit }) {
      // A plain read first: a DELETE with the conditions would wait for events not yet committed.
      const rows = await dataSource.query<{ position: Integer }[]>(
        `SELECT j.position FROM signalbox_journal j WHERE j.time < ?
            AND j.position NOT IN (SELECT position FROM signalbox_outbox)
            AND j.position NOT IN (SELECT position FROM signalbox_parked)
          ORDER BY j.position LIMIT ?`,
        [new Date(before).toISOString(), limit],
      );
      const { affectedRows } = await dataSource.query<{ affectedRows: number }>(
        `DELETE j FROM JSON_TABLE(?, '$[*]' COLUMNS (position bigint PATH '$')) named
          STRAIGHT_JOIN signalbox_journal j ON j.position = named.position`,
        [JSON.stringify(rows.map(({ position }) => Number(position)))],
      );
      return affectedRows;
    },
  };
}
