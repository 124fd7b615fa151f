import { ownTransaction } from '../commit/own-transaction.js';
import type { DataSource } from 'typeorm';
import { journalConditions, utc } from '../journal-conditions.js';
import { type Integer, journalRecord, type JournalRow } from '../journal-row.js';
import type { JournalStore } from '../../core/stores/journal-store.js';
import { ownQueries } from '../tables/placed-tables.js';

/** The columns of a journal row `j`. */
export const journalColumns =
  'j.position, j.id, j.source, j.category, j.type, j.resource, j.uuid, j.revision, j.time, j.payload';

/** The journal on MySQL and MariaDB. */
export function mysqlJournal(dataSource: DataSource, application = 0): JournalStore {
  const own = `application = ${Number(application)}`;
  return {
    async read(query) {
      const values: unknown[] = [];
      const value = (each: unknown): string => {
        values.push(each);
        return '?';
      };
      const conditions = journalConditions(query, application, {
        value,
        anyOf: (column, wanted) => `j.${column} IN (${wanted.map(value).join(', ')})`,
      });
      const rows = await ownQueries(dataSource).query<JournalRow[]>(
        `SELECT ${journalColumns} FROM signalbox_journal j
          FORCE INDEX (${query.uuid === undefined ? 'PRIMARY' : 'signalbox_journal_uuid'})
          WHERE ${conditions} ORDER BY j.position LIMIT ?`,
        [...values, query.limit],
      );
      return rows.map(journalRecord);
    },

    async firstSince(time) {
      // Computed, so that the server does not walk the primary key from its beginning instead.
      const [row] = await ownQueries(dataSource).query<{ readonly first: Integer | null }[]>(
        'SELECT MIN(position + 0) AS first FROM signalbox_journal WHERE time >= ?',
        [utc(time)],
      );
      return row?.first == null ? null : Number(row.first);
    },

    async extent() {
      const [row] = await ownQueries(dataSource).query<
        { readonly last: Integer; readonly purged: Integer }[]
      >(
        `SELECT COALESCE((SELECT MAX(position) FROM signalbox_journal), 0) AS last,
          (SELECT position FROM signalbox_horizon) AS purged`,
      );
      return { last: Number(row?.last), purged: Number(row?.purged) };
    },

    async tail(limit) {
      const rows = await ownQueries(dataSource).query<
        { readonly position: Integer; readonly time: string }[]
      >('SELECT position, time FROM signalbox_journal ORDER BY position DESC LIMIT ?', [limit]);
      return rows.map(({ position, time }) => ({ position: Number(position), time })).reverse();
    },

    async purge({ before, limit }) {
      // A plain read first: a DELETE with the conditions would wait for events not yet committed.
      const buses = await busesWaitedFor(dataSource);
      // Each position is looked up on each bus that has rows, and the oldest are found by their times.
      const waits = buses.map(
        () => `AND (SELECT o.position FROM signalbox_outbox o FORCE INDEX (PRIMARY)
            WHERE o.bus = ? AND o.position = j.position LIMIT 1) IS NULL`,
      );
      const rows = await ownQueries(dataSource).query<{ position: Integer }[]>(
        `SELECT j.position FROM signalbox_journal j FORCE INDEX (signalbox_journal_time)
          WHERE j.time < ? AND j.${own} ${waits.join(' ')}
            AND (SELECT p.position FROM signalbox_parked p FORCE INDEX (PRIMARY)
              WHERE p.position = j.position LIMIT 1) IS NULL
          ORDER BY j.time LIMIT ?`,
        [new Date(before).toISOString(), ...buses, limit],
      );
      const positions = rows.map(({ position }) => Number(position));
      if (positions.length === 0) return 0;
      const highest = Math.max(...positions);
      return ownTransaction(dataSource, async (manager) => {
        await ownQueries(manager).query(
          'UPDATE signalbox_horizon SET position = GREATEST(position, ?) WHERE id = 1',
          [highest],
        );
        const { affectedRows } = await ownQueries(manager).query<{ affectedRows: number }>(
          `DELETE j FROM JSON_TABLE(?, '$[*]' COLUMNS (position bigint PATH '$')) named
            STRAIGHT_JOIN signalbox_journal j ON j.position = named.position`,
          [JSON.stringify(positions)],
        );
        return affectedRows;
      });
    },
  };
}

/** The buses that have rows, by stepping over the rest of each one's rows. */
async function busesWaitedFor(dataSource: DataSource): Promise<readonly string[]> {
  const buses: string[] = [];
  for (let condition = ''; ; condition = 'WHERE bus > ?') {
    const [row] = await ownQueries(dataSource).query<{ readonly bus: string }[]>(
      `SELECT bus FROM signalbox_outbox FORCE INDEX (PRIMARY) ${condition}
        ORDER BY bus, position LIMIT 1`,
      buses.slice(-1),
    );
    if (row === undefined) return buses;
    buses.push(row.bus);
  }
}
