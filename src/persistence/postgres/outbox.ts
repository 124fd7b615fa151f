import type { DataSource, EntityManager } from 'typeorm';
import type { AppendWithin } from '../commit/append-within.js';
import { ownTransaction } from '../commit/own-transaction.js';
import {
  type Integer,
  outboxColumns,
  outboxRecord,
  type OutboxRow,
  parkedRecord,
  type ParkedRow,
} from '../journal-row.js';
import { outboxDepth, type PendingRow, type StatusRow } from '../outbox-depth.js';
import { parkedSteps } from '../parked-steps.js';
import { refsByBus } from '../refs-by-bus.js';
import { partitionList } from '../partition-list.js';
import type { OutboxRef, OutboxStore, RegisteredBus } from '../../core/stores/outbox-store.js';
import { inSpaceSql, isInSpace } from '../application.js';
import { lookup, plainArray } from './arrays.js';
import { byKey, queryByKey } from './by-key.js';
import { runTogether } from './connection.js';
import { journalColumns } from './journal.js';
import { postgresOutboxRead } from './outbox-read.js';
import { ownQueries, tablesOf } from '../tables/placed-tables.js';

const resourceKey = 'coalesce(j.uuid, j.id)::text';

/**
 * The outbox on PostgreSQL. Every statement reaches its rows by their primary key.
 *
 * @param space What stands before the names of the application's buses.
 */
export function postgresOutbox(
  dataSource: DataSource,
  append: AppendWithin,
  space = '',
): OutboxStore {
  const inTransaction = <T>(work: (manager: EntityManager) => Promise<T>): Promise<T> =>
    ownTransaction(
      dataSource,
      async (manager) => {
        await manager.query(byKey.join(';'));
        return work(manager);
      },
      { isolation: 'READ COMMITTED' },
    );

  return {
    read: postgresOutboxRead(dataSource),

    async registerBuses(buses) {
      if (buses.length > 0) {
        await ownQueries(dataSource).query(
          `INSERT INTO signalbox_bus AS b (name, target)
            SELECT unnest($1::varchar[]), unnest($2::text[])
            ON CONFLICT (name) DO UPDATE SET target = coalesce(b.target, excluded.target)
              WHERE b.target IS NULL AND excluded.target IS NOT NULL`,
          [buses.map(({ name }) => name), buses.map(({ target }) => target)],
        );
      }
      const rows = await ownQueries(dataSource).query<RegisteredBus[]>(
        'SELECT name, target FROM signalbox_bus ORDER BY name',
      );
      return rows.filter(({ name }) => isInSpace(space, name));
    },

    async forgetBus(name) {
      const [, forgotten] = await ownQueries(dataSource).query<[unknown, number]>(
        'DELETE FROM signalbox_bus WHERE name = $1',
        [name],
      );
      return forgotten > 0;
    },

    async dropBus(name, limit) {
      return inTransaction(async (manager) => {
        const [, pending] = await ownQueries(manager).query<[unknown, number]>(
          `DELETE FROM signalbox_outbox WHERE bus = $1 AND position = ANY (ARRAY(
            SELECT position FROM signalbox_outbox WHERE bus = $1 ORDER BY position LIMIT $2))`,
          [name, limit],
        );
        const [, parked] = await ownQueries(manager).query<[unknown, number]>(
          `DELETE FROM signalbox_parked WHERE bus = $1 AND position = ANY (ARRAY(
            SELECT position FROM signalbox_parked WHERE bus = $1 ORDER BY position LIMIT $2))`,
          [name, limit - pending],
        );
        return pending + parked;
      });
    },

    async listPending({ limit, after = { position: 0, bus: '' }, bus }) {
      const rows = await queryByKey<OutboxRow[]>(
        dataSource,
        `SELECT ${outboxColumns} FROM (
            SELECT position, bus, share FROM signalbox_outbox
              WHERE (bus, position) > ($1, $2) AND ($3::text IS NULL OR bus = $3)
                AND ${inSpaceSql(space, 'bus')}
              ORDER BY bus, position LIMIT $4
          ) o CROSS JOIN LATERAL (
            ${lookup('*', 'signalbox_journal', 'position', 'o.position')}) j
          ORDER BY o.bus, o.position`,
        [after.bus, after.position, bus ?? null, limit],
      );
      return rows.map(outboxRecord);
    },

    async fanOut({ partitions: shares, buses, limit }) {
      return inTransaction(async (manager) => {
        if (buses.length > 0) await fanOutParked(manager, partitionList(shares), buses, space);
        else if (await hasBuses(manager, space)) return 0;
        const [turned] = await ownQueries(manager).query<[{ number: string }]>(
          `WITH head AS (
            SELECT ctid AS place FROM signalbox_outbox
              WHERE bus = '${space}' AND share = ANY ($1::smallint[]) ORDER BY position LIMIT $2
          ), gone AS (
            DELETE FROM signalbox_outbox o
              WHERE o.ctid = ANY (ARRAY(SELECT place FROM head)) RETURNING o.position, o.share
          ), copies AS (
            INSERT INTO signalbox_outbox (position, bus, share)
              SELECT position, bus, share FROM gone CROSS JOIN unnest($3::varchar[]) AS bus
          )
          SELECT count(*) AS number FROM gone`,
          [partitionList(shares), limit, buses],
        );
        return Number(turned.number);
      });
    },

    async remove(refs) {
      for (const [bus, positions] of refsByBus(refs)) {
        const first = positions.reduce((least, each) => Math.min(least, each));
        const last = positions.reduce((most, each) => Math.max(most, each));
        await runTogether(dataSource, (quote) => [
          // Each waits for the disk. A relay that outlives a crash of the server has the next events of a
          // resource in memory: one whose removal was taken back would come again behind them.
          ...byKey,
          // The range says what the list says already, also to a plan that takes the table for small and
          // holds every row of the bus against the list.
          `${tablesOf(dataSource).resolve('DELETE FROM signalbox_outbox')}
              WHERE bus = ${quote(bus)} AND position BETWEEN ${Number(first)} AND ${Number(last)}
                AND position = ANY ('${plainArray(positions)}'::bigint[])`,
        ]);
      }
    },

    async park({ position, bus }, reason, alert) {
      return inTransaction(async (manager) => {
        const moved = await ownQueries(manager).query<unknown[]>(
          `WITH gone AS (
            DELETE FROM signalbox_outbox WHERE bus = $1 AND position = $2
              RETURNING position, bus, share
          )
          INSERT INTO signalbox_parked
              (position, bus, share, resource_key, status, reason, parked_at)
            SELECT gone.position, gone.bus, gone.share, ${resourceKey}, 'parked', $3,
                clock_timestamp()
              FROM gone CROSS JOIN LATERAL (
                ${lookup('*', 'signalbox_journal', 'position', 'gone.position')}) j
            RETURNING position`,
          [bus, position, reason],
        );
        if (moved.length === 0) return false;
        if (alert !== null) await append(manager, [alert]);
        return true;
      });
    },

    ...parkedSteps({ inTransaction, holdOnBus, lockParked, deleteParked, putBack }),

    async parkedResources(bus) {
      const rows = await ownQueries(dataSource).query<{ resource_key: string }[]>(
        `SELECT DISTINCT resource_key FROM signalbox_parked WHERE bus = $1 AND status = 'parked'`,
        [bus],
      );
      return new Set(rows.map((row) => row.resource_key));
    },

    async listParked({ limit, after = { position: 0, bus: '' } }) {
      const rows = await queryByKey<ParkedRow[]>(
        dataSource,
        `SELECT p.bus, p.share, p.status, p.reason,
            to_char(p.parked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS parked_at,
            ${journalColumns}
          FROM signalbox_parked p CROSS JOIN LATERAL (
            ${lookup('*', 'signalbox_journal', 'position', 'p.position')}) j
          WHERE (p.position, p.bus) > ($1, $2) AND ${inSpaceSql(space, 'p.bus')} ORDER BY p.position, p.bus LIMIT $3`,
        [after.position, after.bus, limit],
      );
      return rows.map(parkedRecord);
    },

    async waitsFor(bus) {
      const first = (table: string, next: string): string =>
        `SELECT true FROM ${table} WHERE bus >= $1 AND bus <= $1 ORDER BY bus, ${next} LIMIT 1`;
      const [row] = await queryByKey<[{ waits: boolean }]>(
        dataSource,
        `SELECT (${first('signalbox_outbox', 'position')}) IS NOT NULL
            OR (${first('signalbox_parked', 'resource_key')}) IS NOT NULL AS waits`,
        [bus],
      );
      return row.waits;
    },

    async depth() {
      const pending = await ownQueries(dataSource).query<PendingRow[]>(
        `SELECT o.bus, o.pending, j.time::text AS oldest
          FROM (
            SELECT bus, count(*) AS pending, min(position) AS position
              FROM signalbox_outbox GROUP BY bus
          ) o CROSS JOIN LATERAL (
            ${lookup('time', 'signalbox_journal', 'position', 'o.position')}) j`,
      );
      const parked = await ownQueries(dataSource).query<StatusRow[]>(
        'SELECT bus, status, count(*) AS number FROM signalbox_parked GROUP BY bus, status',
      );
      return outboxDepth(pending, parked, Date.now(), space);
    },
  };
}

/** Rows parked while one bus was configured, once there are several. */
async function fanOutParked(
  manager: EntityManager,
  shares: readonly number[],
  buses: readonly string[],
  space: string,
): Promise<void> {
  await ownQueries(manager).query(
    `WITH gone AS (
      DELETE FROM signalbox_parked WHERE bus = '${space}' AND share = ANY ($1::smallint[]) RETURNING *
    )
    INSERT INTO signalbox_parked (position, bus, share, resource_key, status, reason, parked_at)
      SELECT gone.position, bus.name, gone.share, resource_key, status, reason, parked_at
        FROM gone CROSS JOIN unnest($2::varchar[]) AS bus (name)`,
    [shares, buses],
  );
}

async function lockParked(
  manager: EntityManager,
  { position, bus }: OutboxRef,
): Promise<string | undefined> {
  const rows = await ownQueries(manager).query<{ resource_key: string }[]>(
    `SELECT resource_key FROM signalbox_parked
      WHERE position >= $2 AND position <= $2 AND bus = $1 AND status = 'parked'
      ORDER BY position FOR UPDATE`,
    [bus, position],
  );
  return rows[0]?.resource_key;
}

async function deleteParked(manager: EntityManager, { position, bus }: OutboxRef): Promise<void> {
  await ownQueries(manager).query(
    `DELETE FROM signalbox_parked WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM signalbox_parked
        WHERE position >= $2 AND position <= $2 AND bus = $1 ORDER BY position))`,
    [bus, position],
  );
}

async function holdOnBus(
  manager: EntityManager,
  bus: string,
  positions: readonly number[],
): Promise<readonly OutboxRef[]> {
  const parked = await ownQueries(manager).query<{ resource_key: string }[]>(
    `WITH wanted AS MATERIALIZED (
      SELECT DISTINCT ${resourceKey} AS key FROM (SELECT unnest($2::bigint[]) AS position) named
        CROSS JOIN LATERAL (${lookup('uuid, id', 'signalbox_journal', 'position', 'named.position')}) j
    )
    SELECT p.resource_key FROM wanted CROSS JOIN LATERAL (
      SELECT resource_key FROM signalbox_parked
        WHERE bus = $1 AND resource_key >= wanted.key AND resource_key <= wanted.key
          AND status = 'parked'
        ORDER BY resource_key FOR UPDATE) p`,
    [bus, positions],
  );
  if (parked.length === 0) return [];
  const moved = await ownQueries(manager).query<{ position: Integer }[]>(
    `WITH gone AS (
      DELETE FROM signalbox_outbox o
        USING (
          SELECT q.ctid AS place, ${resourceKey} AS resource_key
            FROM (SELECT unnest($2::bigint[]) AS position) named
              CROSS JOIN LATERAL (
                SELECT ctid FROM signalbox_outbox
                  WHERE bus = $1 AND position >= named.position AND position <= named.position
                  ORDER BY bus, position LIMIT 1) q
              CROSS JOIN LATERAL (
                ${lookup('uuid, id', 'signalbox_journal', 'position', 'named.position')}) j
            WHERE ${resourceKey} = ANY ($3::text[])
        ) found
        WHERE o.ctid = found.place
        RETURNING o.position, o.share, found.resource_key
    )
    INSERT INTO signalbox_parked (position, bus, share, resource_key, status, reason, parked_at)
      SELECT position, $1, share, resource_key, 'held', 'behind a parked event of the same resource',
          clock_timestamp()
        FROM gone
      RETURNING position`,
    [bus, positions, parked.map((row) => row.resource_key)],
  );
  return moved.map(({ position }) => ({ position: Number(position), bus }));
}

async function putBack(manager: EntityManager, bus: string, key: string): Promise<void> {
  await ownQueries(manager).query(
    `WITH gone AS (
      DELETE FROM signalbox_parked WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM signalbox_parked
          WHERE bus = $1 AND resource_key >= $2 AND resource_key <= $2 ORDER BY resource_key))
        RETURNING position, bus, share
    )
    INSERT INTO signalbox_outbox (position, bus, share) SELECT position, bus, share FROM gone`,
    [bus, key],
  );
}

async function hasBuses(manager: EntityManager, space: string): Promise<boolean> {
  const rows = await ownQueries(manager).query<unknown[]>(
    `SELECT name FROM signalbox_bus WHERE ${inSpaceSql(space, 'name')} LIMIT 1`,
  );
  return rows.length > 0;
}
