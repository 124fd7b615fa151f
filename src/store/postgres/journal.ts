import type { DataSource } from 'typeorm';
import { journalRecord, type JournalRow } from '../journal-row.js';
import type { JournalStore } from '../store.js';

/** The columns of a journal row `j`, its time as RFC 3339 whatever the parsers of the driver do. */
export const journalColumns = `j.position, j.id, j.source, j.category, j.type, j.resource, j.uuid,
  j.revision, to_char(j.time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time, j.payload`;

/** The journal on PostgreSQL. */
export function postgresJournal(dataSource: DataSource): JournalStore {
  return {
    async read({ uuid, resource, category, after = 0, limit }) {
      const conditions = ['j.position > $1'];
      const values: unknown[] = [after];
      for (const [column, value] of Object.entries({ uuid, resource, category })) {
        if (value !== undefined) conditions.push(`j.${column} = $${values.push(value)}`);
      }
      const rows = await dataSource.query<JournalRow[]>(
        `SELECT ${journalColumns} FROM signalbox_journal j
          WHERE ${conditions.join(' AND ')} ORDER BY j.position LIMIT $${values.push(limit)}`,
        values,
      );
      return rows.map(journalRecord);
    },

    async purge({ before, limit }) {
      const [, deleted] = await dataSource.query<[unknown, number]>(
        `DELETE FROM signalbox_journal WHERE position = ANY (ARRAY(
          SELECT j.position FROM signalbox_journal j WHERE j.time < $1
            AND NOT EXISTS (SELECT FROM signalbox_outbox o WHERE o.position = j.position)
            AND NOT EXISTS (SELECT FROM signalbox_parked p WHERE p.position = j.position)
          ORDER BY j.position LIMIT $2))`,
        [before, limit],
      );
      return deleted;
    },
  };
}
