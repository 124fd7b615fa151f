import type { DataSource } from 'typeorm';
import { journalConditions, utc } from '../journal-conditions.js';
import { type Integer, journalRecord, type JournalRow } from '../journal-row.js';
import type { JournalStore } from '../../core/stores/journal-store.js';

/** The columns of a journal row `j`, its time as RFC 3339 whatever the parsers of the driver do. */
export const journalColumns = `j.position, j.id, j.source, j.category, j.type, j.resource, j.uuid,
  j.revision, to_char(j.time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time, j.payload`;

/** The journal on PostgreSQL. */
export function postgresJournal(dataSource: DataSource): JournalStore {
  return {
    async read(query) {
      const values: unknown[] = [];
      const conditions = journalConditions(query, {
        value: (value) => `$${values.push(value)}`,
        anyOf: (column, wanted) =>
          `j.${column} = ANY ($${values.push(wanted)}::${column === 'uuid' ? 'uuid' : 'text'}[])`,
      });
      const rows = await dataSource.query<JournalRow[]>(
        `SELECT ${journalColumns} FROM signalbox_journal j
          WHERE ${conditions} ORDER BY j.position LIMIT $${values.push(query.limit)}`,
        values,
      );
      return rows.map(journalRecord);
    },

    async firstSince(time) {
      // Computed, so that the planner does not walk the primary key from its beginning instead.
      const [row] = await dataSource.query<{ readonly first: Integer | null }[]>(
        'SELECT min(position + 0) AS first FROM signalbox_journal WHERE time >= $1',
        [utc(time)],
      );
      return row?.first == null ? null : Number(row.first);
    },

    async extent() {
      const [row] = await dataSource.query<{ readonly last: Integer; readonly purged: Integer }[]>(
        `SELECT coalesce((SELECT max(position) FROM signalbox_journal), 0) AS last,
          (SELECT position FROM signalbox_horizon) AS purged`,
      );
      return { last: Number(row?.last), purged: Number(row?.purged) };
    },

    async tail(limit) {
      const rows = await dataSource.query<{ readonly position: Integer; readonly time: string }[]>(
        `SELECT position, to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time
          FROM signalbox_journal ORDER BY position DESC LIMIT $1`,
        [limit],
      );
      return rows.map(({ position, time }) => ({ position: Number(position), time })).reverse();
    },

    async purge({ before, limit }) {
      const [row] = await dataSource.query<{ readonly deleted: Integer }[]>(
        `WITH gone AS (
          DELETE FROM signalbox_journal WHERE position = ANY (ARRAY(
            SELECT j.position FROM signalbox_journal j WHERE j.time < $1
              AND NOT EXISTS (SELECT FROM signalbox_outbox o WHERE o.position = j.position)
              AND NOT EXISTS (SELECT FROM signalbox_parked p WHERE p.position = j.position)
            ORDER BY j.position LIMIT $2)) RETURNING position),
        noted AS (
          UPDATE signalbox_horizon h SET position = greatest(h.position, g.position)
          FROM (SELECT max(position) AS position FROM gone) g WHERE g.position IS NOT NULL)
        SELECT count(*) AS deleted FROM gone`,
        [before, limit],
      );
      return Number(row?.deleted);
    },
  };
}
