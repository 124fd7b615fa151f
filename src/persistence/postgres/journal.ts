import type { DataSource } from 'typeorm';
import { queryByKey } from './by-key.js';
import { lookup } from './arrays.js';
import { journalConditions, utc } from '../journal-conditions.js';
import { type Integer, journalRecord, type JournalRow } from '../journal-row.js';
import type { JournalStore } from '../../core/stores/journal-store.js';
import { ownQueries } from '../tables/placed-tables.js';

/** The columns of a journal row `j`, its time as RFC 3339 whatever the parsers of the driver do. */
export const journalColumns = `j.position, j.id, j.source, j.category, j.type, j.resource, j.uuid,
  j.revision, to_char(j.time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time, j.payload`;

/** The journal on PostgreSQL. */
export function postgresJournal(dataSource: DataSource, application = 0): JournalStore {
  const own = `application = ${Number(application)}`;
  return {
    async read({ uuid, ...query }) {
      const values: unknown[] = [];
      const conditions = journalConditions(query, application, {
        value: (value) => `$${values.push(value)}`,
        anyOf: (column, wanted) => `j.${column} = ANY ($${values.push(wanted)}::text[])`,
      });
      const limit = `$${values.push(query.limit)}`;
      // The order names the index. By its position alone an event could be looked for in all of the journal.
      const rows = await queryByKey<JournalRow[]>(
        dataSource,
        uuid === undefined
          ? `SELECT ${journalColumns} FROM signalbox_journal j
              WHERE ${conditions} ORDER BY j.position LIMIT ${limit}`
          : `SELECT j.* FROM (
              SELECT DISTINCT unnest($${values.push([uuid].flat())}::uuid[]) AS uuid
            ) wanted CROSS JOIN LATERAL (
              SELECT ${journalColumns} FROM signalbox_journal j
                WHERE j.uuid >= wanted.uuid AND j.uuid <= wanted.uuid AND ${conditions}
                ORDER BY j.uuid, j.position LIMIT ${limit}
            ) j ORDER BY j.position LIMIT ${limit}`,
        values,
      );
      return rows.map(journalRecord);
    },

    async firstSince(time) {
      // Computed, so that the planner does not walk the primary key from its beginning instead.
      const [row] = await ownQueries(dataSource).query<{ readonly first: Integer | null }[]>(
        'SELECT min(position + 0) AS first FROM signalbox_journal WHERE time >= $1',
        [utc(time)],
      );
      return row?.first == null ? null : Number(row.first);
    },

    async extent() {
      const [row] = await ownQueries(dataSource).query<
        { readonly last: Integer; readonly purged: Integer }[]
      >(
        `SELECT coalesce((
            SELECT position FROM signalbox_journal ORDER BY position DESC LIMIT 1), 0) AS last,
          (SELECT position FROM signalbox_horizon) AS purged`,
      );
      return { last: Number(row?.last), purged: Number(row?.purged) };
    },

    async tail(limit) {
      const rows = await ownQueries(dataSource).query<
        { readonly position: Integer; readonly time: string }[]
      >(
        `SELECT position, to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time
          FROM signalbox_journal ORDER BY position DESC LIMIT $1`,
        [limit],
      );
      return rows.map(({ position, time }) => ({ position: Number(position), time })).reverse();
    },

    async purge({ before, limit }) {
      // Window by window from the oldest on: by their times alone, each call would read every old event.
      let deleted = 0;
      for (let after = 0; deleted < limit;) {
        const [window] = await queryByKey<{ readonly last: Integer; readonly old: Integer }[]>(
          dataSource,
          `SELECT max(position) AS last, count(*) FILTER (WHERE time < $1) AS old FROM (
            SELECT position, time FROM signalbox_journal WHERE position > $2
              ORDER BY position LIMIT ${purgeWindow}) head`,
          [before, after],
        );
        // Times and positions agree but for a little: what is left is purged when those before it are.
        if (window === undefined || Number(window.old) === 0) break;
        const last = Number(window.last);
        deleted += await purgeWithin(dataSource, own, {
          before,
          limit: limit - deleted,
          after,
          last,
        });
        after = last;
      }
      return deleted;
    },
  };
}

/** Events of the journal that a purge looks at together. */
const purgeWindow = 1000;

/** Deletes the old events of a window that no outbox row needs, and notes how far. */
async function purgeWithin(
  dataSource: DataSource,
  own: string,
  window: {
    readonly before: string;
    readonly limit: number;
    readonly after: number;
    readonly last: number;
  },
): Promise<number> {
  const { before, limit, after, last } = window;
  // Each position is looked up on each bus that has rows. The buses are found by stepping over the rest of
  // each one's rows.
  const [row] = await queryByKey<{ readonly deleted: Integer }[]>(
    dataSource,
    `WITH RECURSIVE bus AS (
          (SELECT bus AS name FROM signalbox_outbox ORDER BY bus, position LIMIT 1)
          UNION ALL
          SELECT (SELECT o.bus FROM signalbox_outbox o WHERE o.bus > bus.name
              ORDER BY o.bus, o.position LIMIT 1)
            FROM bus WHERE bus.name IS NOT NULL
        ), buses AS MATERIALIZED (SELECT name FROM bus WHERE name IS NOT NULL
        ), gone AS (
          DELETE FROM signalbox_journal WHERE ctid = ANY (ARRAY(
            SELECT j.place FROM (
              SELECT ctid AS place, position FROM signalbox_journal
                WHERE position > $3 AND position <= $4 AND time < $1 AND ${own}
                ORDER BY position OFFSET 0
            ) j WHERE (SELECT o.position FROM buses CROSS JOIN LATERAL (
                SELECT position FROM signalbox_outbox
                  WHERE bus = buses.name AND position >= j.position AND position <= j.position
                  ORDER BY bus, position LIMIT 1) o LIMIT 1) IS NULL
              AND (${lookup('p.position', 'signalbox_parked p', 'p.position', 'j.position')}) IS NULL
            ORDER BY j.position LIMIT $2)) RETURNING position),
        noted AS (
          UPDATE signalbox_horizon h SET position = greatest(h.position, g.position)
          FROM (SELECT max(position) AS position FROM gone) g WHERE g.position IS NOT NULL)
        SELECT count(*) AS deleted FROM gone`,
    [before, limit, after, last],
  );
  return Number(row?.deleted);
}
