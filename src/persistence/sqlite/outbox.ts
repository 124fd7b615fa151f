import type BetterSqlite3 from 'better-sqlite3';
import type { DataSource } from 'typeorm';
import {
  outboxColumns,
  outboxRecord,
  type OutboxRow,
  parkedRecord,
  type ParkedRow,
} from '../journal-row.js';
import { outboxDepth, type PendingRow, type StatusRow } from '../outbox-depth.js';
import { partitionList } from '../partition-list.js';
import type { OutboxRef, OutboxStore, RegisteredBus } from '../../core/stores/outbox-store.js';
import { inSpaceSql, isInSpace } from '../application.js';
import { exclusive } from './exclusive.js';
import { journalColumns } from './journal.js';
import { prepared } from './statements.js';
import { writeEntries } from './write.js';

const resourceKey = 'coalesce(j.uuid, j.id)';

/**
 * The outbox on SQLite. Statements name their index, or the order of their tables, where the planner would
 * read a small table whole: what it takes for small may be old. Reads take a turn on the connection as writes do: a plain read would see rows
 * of a transaction under way on it, and the relay would publish what may yet be rolled back.
 *
 * @param space What stands before the names of the application's buses.
 */
export function sqliteOutbox(dataSource: DataSource, space = ''): OutboxStore {
  return {
    async read({ partitions: shares, bus, except, limit }) {
      const rows = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `SELECT ${outboxColumns}
            FROM signalbox_outbox o CROSS JOIN signalbox_journal j ON j.position = o.position
            WHERE o.bus = ? AND o.share IN (SELECT value FROM json_each(?))
              AND o.position NOT IN (SELECT value FROM json_each(?))
            ORDER BY o.position LIMIT ?`,
        ).all(bus ?? '', JSON.stringify(partitionList(shares)), JSON.stringify(except), limit),
      );
      return (rows as OutboxRow[]).map(outboxRecord);
    },

    async registerBuses(buses) {
      return exclusive(dataSource, (connection) => {
        const insert = prepared(
          connection,
          `INSERT INTO signalbox_bus (name, target) VALUES (?, ?)
            ON CONFLICT (name) DO UPDATE SET target = coalesce(target, excluded.target)`,
        );
        for (const { name, target } of buses) insert.run(name, target);
        return busesOf(connection, space);
      });
    },

    async forgetBus(name) {
      return exclusive(dataSource, (connection) => {
        const forget = prepared(connection, 'DELETE FROM signalbox_bus WHERE name = ?');
        return forget.run(name).changes > 0;
      });
    },

    async dropBus(name, limit) {
      return exclusive(dataSource, (connection) => {
        const drop = (table: string, most: number): number =>
          prepared(
            connection,
            `DELETE FROM ${table} WHERE bus = ? AND position IN (
              SELECT position FROM ${table} WHERE bus = ? ORDER BY position LIMIT ?)`,
          ).run(name, name, most).changes;
        const pending = drop('signalbox_outbox', limit);
        return pending + drop('signalbox_parked', limit - pending);
      });
    },

    async listPending({ limit, after = { position: 0, bus: '' }, bus }) {
      const rows = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `SELECT ${outboxColumns}
            FROM signalbox_outbox o CROSS JOIN signalbox_journal j ON j.position = o.position
            WHERE (o.bus, o.position) > (?, ?) AND (? IS NULL OR o.bus = ?)
              AND ${inSpaceSql(space, 'o.bus')}
            ORDER BY o.bus, o.position LIMIT ?`,
        ).all(after.bus, after.position, bus ?? null, bus ?? null, limit),
      );
      return (rows as OutboxRow[]).map(outboxRecord);
    },

    async fanOut({ partitions: shares, buses, limit }) {
      return exclusive(dataSource, (connection) => {
        const wanted = JSON.stringify(partitionList(shares));
        if (buses.length > 0) fanOutParked(connection, wanted, buses, space);
        else if (busesOf(connection, space).length > 0) return 0;
        const rows = prepared(
          connection,
          `SELECT position, share FROM signalbox_outbox
            WHERE bus = '${space}' AND share IN (SELECT value FROM json_each(?)) ORDER BY position LIMIT ?`,
        ).all(wanted, limit) as { position: number; share: number }[];
        for (const { position, share } of rows) {
          deleteRow(connection, { position, bus: space });
          for (const bus of buses) insertRow(connection, { position, bus, share });
        }
        return rows.length;
      });
    },

    async remove(refs) {
      await exclusive(dataSource, (connection) => {
        for (const ref of refs) deleteRow(connection, ref);
      });
    },

    async park(ref, reason, alert) {
      return exclusive(dataSource, (connection) => {
        if (!moveToParked(connection, ref, 'parked', reason)) return false;
        if (alert !== null) writeEntries(connection, [alert], space);
        return true;
      });
    },

    async hold(refs) {
      return exclusive(dataSource, (connection) =>
        refs.filter(
          (ref) =>
            isBehindParked(connection, ref) &&
            moveToParked(connection, ref, 'held', 'behind a parked event of the same resource'),
        ),
      );
    },

    async parkedResources(bus) {
      const rows = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `SELECT DISTINCT resource_key FROM signalbox_parked WHERE bus = ? AND status = 'parked'`,
        ).all(bus),
      );
      return new Set((rows as { resource_key: string }[]).map((row) => row.resource_key));
    },

    async retry(ref) {
      return exclusive(dataSource, (connection) => {
        const key = parkedKey(connection, ref);
        if (key === undefined) return false;
        putBack(connection, ref.bus, key);
        return true;
      });
    },

    async drop(ref) {
      return exclusive(dataSource, (connection) => {
        const key = parkedKey(connection, ref);
        if (key === undefined) return false;
        prepared(connection, 'DELETE FROM signalbox_parked WHERE bus = ? AND position = ?').run(
          ref.bus,
          ref.position,
        );
        putBack(connection, ref.bus, key);
        return true;
      });
    },

    async listParked({ limit, after = { position: 0, bus: '' } }) {
      const rows = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `SELECT p.bus, p.share, p.status, p.reason,
              strftime('%Y-%m-%dT%H:%M:%fZ', p.parked_at / 1000.0, 'unixepoch') AS parked_at,
              ${journalColumns}
            FROM signalbox_parked p CROSS JOIN signalbox_journal j ON j.position = p.position
            WHERE (p.position, p.bus) > (?, ?) AND ${inSpaceSql(space, 'p.bus')} ORDER BY p.position, p.bus LIMIT ?`,
        ).all(after.position, after.bus, limit),
      );
      return (rows as ParkedRow[]).map(parkedRecord);
    },

    async waitsFor(bus) {
      const row = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `SELECT 1 FROM signalbox_outbox WHERE bus = ?
            UNION ALL SELECT 1 FROM signalbox_parked WHERE bus = ? LIMIT 1`,
        ).get(bus, bus),
      );
      return row !== undefined;
    },

    async depth() {
      return exclusive(dataSource, (connection) => {
        const pending = prepared(
          connection,
          `SELECT o.bus, o.pending, j.time AS oldest
            FROM (
              SELECT bus, count(*) AS pending, min(position) AS position
                FROM signalbox_outbox GROUP BY bus
            ) o CROSS JOIN signalbox_journal j ON j.position = o.position`,
        ).all() as PendingRow[];
        const parked = prepared(
          connection,
          'SELECT bus, status, count(*) AS number FROM signalbox_parked GROUP BY bus, status',
        ).all() as StatusRow[];
        return outboxDepth(pending, parked, Date.now(), space);
      });
    },
  };
}

function insertRow(
  connection: BetterSqlite3.Database,
  { position, bus, share }: OutboxRef & { readonly share: number },
): void {
  prepared(connection, 'INSERT INTO signalbox_outbox (position, bus, share) VALUES (?, ?, ?)').run(
    position,
    bus,
    share,
  );
}

function deleteRow(connection: BetterSqlite3.Database, { position, bus }: OutboxRef): boolean {
  const { changes } = prepared(
    connection,
    'DELETE FROM signalbox_outbox WHERE bus = ? AND position = ?',
  ).run(bus, position);
  return changes > 0;
}

/** Rows parked while one bus was configured, once there are several. */
function fanOutParked(
  connection: BetterSqlite3.Database,
  shares: string,
  buses: readonly string[],
  space: string,
): void {
  prepared(
    connection,
    `INSERT INTO signalbox_parked (position, bus, share, resource_key, status, reason, parked_at)
      SELECT p.position, bus.value, p.share, p.resource_key, p.status, p.reason, p.parked_at
        FROM signalbox_parked p INDEXED BY signalbox_parked_resource CROSS JOIN json_each(?) bus
        WHERE p.bus = '${space}' AND p.share IN (SELECT value FROM json_each(?))`,
  ).run(JSON.stringify(buses), shares);
  prepared(
    connection,
    `DELETE FROM signalbox_parked INDEXED BY signalbox_parked_resource
      WHERE bus = '${space}' AND share IN (SELECT value FROM json_each(?))`,
  ).run(shares);
}

function moveToParked(
  connection: BetterSqlite3.Database,
  { position, bus }: OutboxRef,
  status: 'parked' | 'held',
  reason: string,
): boolean {
  const { changes } = prepared(
    connection,
    `INSERT INTO signalbox_parked (position, bus, share, resource_key, status, reason, parked_at)
      SELECT o.position, o.bus, o.share,
          (SELECT ${resourceKey} FROM signalbox_journal j WHERE j.position = o.position), ?, ?, ?
        FROM signalbox_outbox o
        WHERE o.bus = ? AND o.position = ?`,
  ).run(status, reason, Date.now(), bus, position);
  return changes > 0 && deleteRow(connection, { position, bus });
}

function isBehindParked(connection: BetterSqlite3.Database, ref: OutboxRef): boolean {
  const row = prepared(
    connection,
    `SELECT 1 FROM signalbox_parked p INDEXED BY signalbox_parked_resource
      WHERE p.bus = ? AND p.status = 'parked'
        AND p.resource_key = (SELECT ${resourceKey} FROM signalbox_journal j WHERE j.position = ?)`,
  ).get(ref.bus, ref.position);
  return row !== undefined;
}

function parkedKey(
  connection: BetterSqlite3.Database,
  { position, bus }: OutboxRef,
): string | undefined {
  const row = prepared(
    connection,
    `SELECT resource_key FROM signalbox_parked
      WHERE bus = ? AND position = ? AND status = 'parked'`,
  ).get(bus, position) as { resource_key: string } | undefined;
  return row?.resource_key;
}

function putBack(connection: BetterSqlite3.Database, bus: string, key: string): void {
  prepared(
    connection,
    `INSERT INTO signalbox_outbox (position, bus, share)
      SELECT position, bus, share FROM signalbox_parked INDEXED BY signalbox_parked_resource
        WHERE bus = ? AND resource_key = ?`,
  ).run(bus, key);
  prepared(
    connection,
    `DELETE FROM signalbox_parked INDEXED BY signalbox_parked_resource
      WHERE bus = ? AND resource_key = ?`,
  ).run(bus, key);
}

function busesOf(connection: BetterSqlite3.Database, space: string): readonly RegisteredBus[] {
  const rows = prepared(connection, 'SELECT name, target FROM signalbox_bus ORDER BY name').all();
  return (rows as RegisteredBus[]).filter(({ name }) => isInSpace(space, name));
}
