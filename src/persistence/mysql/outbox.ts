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
import { journalColumns } from './journal.js';
import { ownQueries } from '../tables/placed-tables.js';

const resourceKey = 'coalesce(j.uuid, j.id)';
const now = 'UTC_TIMESTAMP(3)';

// The join reaches each row by its whole key. An IN list would let the server scan the table, or all
// rows of the bus, and wait for rows of transactions under way: one long transaction would hold up
// the relay. Its parameters are a JSON array of positions and the bus.
const rowsByKey = `JSON_TABLE(?, '$[*]' COLUMNS (position bigint PATH '$')) named
  STRAIGHT_JOIN signalbox_outbox o FORCE INDEX (PRIMARY) ON o.bus = ? AND o.position = named.position`;

// The server takes a table that was empty when it last looked for empty, and would read it whole.
const journal = 'signalbox_journal j FORCE INDEX (PRIMARY)';

interface Written {
  readonly affectedRows: number;
}

/**
 * The outbox on MySQL and MariaDB. Every statement reaches its rows by their primary key.
 *
 * @param space What stands before the names of the application's buses.
 */
export function mysqlOutbox(dataSource: DataSource, append: AppendWithin, space = ''): OutboxStore {
  // REPEATABLE READ, the default, would lock the gaps that writers insert into.
  const inTransaction = <T>(work: (manager: EntityManager) => Promise<T>): Promise<T> =>
    ownTransaction(dataSource, work, { isolation: 'READ COMMITTED' });

  return {
    async read({ partitions: shares, bus, except, limit }) {
      const wanted = partitionList(shares);
      if (wanted.length === 0) return [];
      const rows = await ownQueries(dataSource).query<OutboxRow[]>(
        `SELECT ${outboxColumns}
          FROM (
            SELECT position, bus, share FROM signalbox_outbox FORCE INDEX (PRIMARY)
              WHERE bus = ? AND share IN (?) AND position NOT IN (?)
              ORDER BY position LIMIT ?
          ) o STRAIGHT_JOIN ${journal} ON j.position = o.position
          ORDER BY o.position`,
        [bus ?? '', wanted, except.length === 0 ? [0] : except, limit],
      );
      return rows.map(outboxRecord);
    },

    async registerBuses(buses) {
      if (buses.length > 0) {
        await ownQueries(dataSource).query(
          `INSERT INTO signalbox_bus (name, target) VALUES ?
            ON DUPLICATE KEY UPDATE target = COALESCE(target, VALUES(target))`,
          [buses.map(({ name, target }) => [name, target])],
        );
      }
      const rows = await ownQueries(dataSource).query<RegisteredBus[]>(
        'SELECT name, target FROM signalbox_bus ORDER BY name',
      );
      return rows
        .filter(({ name }) => isInSpace(space, name))
        .map(({ name, target }) => ({ name, target }));
    },

    async forgetBus(name) {
      const { affectedRows } = await ownQueries(dataSource).query<Written>(
        'DELETE FROM signalbox_bus WHERE name = ?',
        [name],
      );
      return affectedRows > 0;
    },

    async dropBus(name, limit) {
      return inTransaction(async (manager) => {
        const { affectedRows: pending } = await ownQueries(manager).query<Written>(
          'DELETE FROM signalbox_outbox WHERE bus = ? ORDER BY position LIMIT ?',
          [name, limit],
        );
        const { affectedRows: parked } = await ownQueries(manager).query<Written>(
          'DELETE FROM signalbox_parked WHERE bus = ? ORDER BY position LIMIT ?',
          [name, limit - pending],
        );
        return pending + parked;
      });
    },

    async listPending({ limit, after = { position: 0, bus: '' }, bus }) {
      const rows = await ownQueries(dataSource).query<OutboxRow[]>(
        `SELECT ${outboxColumns}
          FROM (
            SELECT position, bus, share FROM signalbox_outbox FORCE INDEX (PRIMARY)
              WHERE (bus > ? OR (bus = ? AND position > ?)) ${bus === undefined ? '' : 'AND bus = ?'}
                AND ${inSpaceSql(space, 'bus')}
              ORDER BY bus, position LIMIT ?
          ) o STRAIGHT_JOIN signalbox_journal j ON j.position = o.position
          ORDER BY o.bus, o.position`,
        [after.bus, after.bus, after.position, ...(bus === undefined ? [] : [bus]), limit],
      );
      return rows.map(outboxRecord);
    },

    async fanOut({ partitions: shares, buses, limit }) {
      const wanted = partitionList(shares);
      if (wanted.length === 0) return 0;
      return inTransaction(async (manager) => {
        if (buses.length > 0) await fanOutParked(manager, wanted, buses, space);
        else if (await hasBuses(manager, space)) return 0;
        const rows = await ownQueries(manager).query<{ position: Integer }[]>(
          `SELECT position FROM signalbox_outbox FORCE INDEX (PRIMARY)
            WHERE bus = '${space}' AND share IN (?) ORDER BY position LIMIT ?`,
          [wanted, limit],
        );
        // Another relay may have turned some of them since.
        const locked = await ownQueries(manager).query<{ position: Integer; share: Integer }[]>(
          `SELECT o.position, o.share FROM ${rowsByKey} FOR UPDATE`,
          [JSON.stringify(rows.map(({ position }) => Number(position))), space],
        );
        if (locked.length === 0) return 0;
        await deleteRows(
          manager,
          space,
          locked.map(({ position }) => Number(position)),
        );
        if (buses.length > 0) {
          await ownQueries(manager).query(
            'INSERT INTO signalbox_outbox (position, bus, share) VALUES ?',
            [
              locked.flatMap(({ position, share }) =>
                buses.map((bus) => [Number(position), bus, Number(share)]),
              ),
            ],
          );
        }
        return locked.length;
      });
    },

    async remove(refs) {
      // Each statement commits by itself: a relay that is frozen before a commit of its own would hold
      // locks, and whoever takes over its partitions could remove nothing until it wakes up.
      for (const [bus, positions] of refsByBus(refs)) {
        await deleteRows(dataSource.manager, bus, positions);
      }
    },

    async park({ position, bus }, reason, alert) {
      return inTransaction(async (manager) => {
        const { affectedRows } = await ownQueries(manager).query<Written>(
          `INSERT INTO signalbox_parked
              (position, bus, share, resource_key, status, reason, parked_at)
            SELECT o.position, o.bus, o.share, ${resourceKey}, 'parked', ?, ${now}
              FROM signalbox_outbox o FORCE INDEX (PRIMARY)
                STRAIGHT_JOIN ${journal} ON j.position = o.position
              WHERE o.bus = ? AND o.position = ?`,
          [reason, bus, position],
        );
        if (affectedRows === 0) return false;
        await deleteRows(manager, bus, [position]);
        if (alert !== null) await append(manager, [alert]);
        return true;
      });
    },

    ...parkedSteps({ inTransaction, holdOnBus, lockParked, deleteParked, putBack }),

    async parkedResources(bus) {
      const rows = await ownQueries(dataSource).query<{ resource_key: string }[]>(
        `SELECT DISTINCT resource_key FROM signalbox_parked WHERE bus = ? AND status = 'parked'`,
        [bus],
      );
      return new Set(rows.map((row) => row.resource_key));
    },

    async listParked({ limit, after = { position: 0, bus: '' } }) {
      const rows = await ownQueries(dataSource).query<ParkedRow[]>(
        `SELECT p.bus, p.share, p.status, p.reason,
            concat(left(date_format(p.parked_at, '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z') AS parked_at,
            ${journalColumns}
          FROM signalbox_parked p FORCE INDEX (PRIMARY)
            STRAIGHT_JOIN ${journal} ON j.position = p.position
          WHERE (p.position > ? OR (p.position = ? AND p.bus > ?)) AND ${inSpaceSql(space, 'p.bus')}
          ORDER BY p.position, p.bus LIMIT ?`,
        [after.position, after.position, after.bus, limit],
      );
      return rows.map(parkedRecord);
    },

    async waitsFor(bus) {
      const [row] = await ownQueries(dataSource).query<[{ waits: Integer }]>(
        `SELECT EXISTS (SELECT 1 FROM signalbox_outbox WHERE bus = ?)
            OR EXISTS (SELECT 1 FROM signalbox_parked WHERE bus = ?) AS waits`,
        [bus, bus],
      );
      return Number(row.waits) !== 0;
    },

    async depth() {
      const pending = await ownQueries(dataSource).query<PendingRow[]>(
        `SELECT o.bus, o.pending, j.time AS oldest
          FROM (
            SELECT bus, count(*) AS pending, min(position) AS position
              FROM signalbox_outbox GROUP BY bus
          ) o STRAIGHT_JOIN ${journal} ON j.position = o.position`,
      );
      const parked = await ownQueries(dataSource).query<StatusRow[]>(
        'SELECT bus, status, count(*) AS number FROM signalbox_parked GROUP BY bus, status',
      );
      return outboxDepth(pending, parked, Date.now(), space);
    },
  };
}

async function deleteRows(
  manager: EntityManager,
  bus: string,
  positions: readonly number[],
): Promise<void> {
  await ownQueries(manager).query(`DELETE o FROM ${rowsByKey}`, [JSON.stringify(positions), bus]);
}

/** Rows parked while one bus was configured, once there are several. */
async function fanOutParked(
  manager: EntityManager,
  shares: readonly number[],
  buses: readonly string[],
  space: string,
): Promise<void> {
  for (const bus of buses) {
    await ownQueries(manager).query(
      `INSERT INTO signalbox_parked (position, bus, share, resource_key, status, reason, parked_at)
        SELECT position, ?, share, resource_key, status, reason, parked_at
          FROM signalbox_parked WHERE bus = '${space}' AND share IN (?)`,
      [bus, shares],
    );
  }
  await ownQueries(manager).query(
    `DELETE FROM signalbox_parked WHERE bus = '${space}' AND share IN (?)`,
    [shares],
  );
}

async function lockParked(
  manager: EntityManager,
  { position, bus }: OutboxRef,
): Promise<string | undefined> {
  const rows = await ownQueries(manager).query<{ resource_key: string }[]>(
    `SELECT resource_key FROM signalbox_parked FORCE INDEX (PRIMARY)
      WHERE bus = ? AND position = ? AND status = 'parked' FOR UPDATE`,
    [bus, position],
  );
  return rows[0]?.resource_key;
}

async function deleteParked(manager: EntityManager, { position, bus }: OutboxRef): Promise<void> {
  await ownQueries(manager).query(
    'DELETE p FROM signalbox_parked p FORCE INDEX (PRIMARY) WHERE bus = ? AND position = ?',
    [bus, position],
  );
}

async function holdOnBus(
  manager: EntityManager,
  bus: string,
  positions: readonly number[],
): Promise<readonly OutboxRef[]> {
  const rows = await ownQueries(manager).query<
    { position: Integer; share: Integer; resource_key: string }[]
  >(
    `SELECT o.position, o.share, ${resourceKey} AS resource_key
      FROM ${rowsByKey} STRAIGHT_JOIN ${journal} ON j.position = o.position`,
    [JSON.stringify(positions), bus],
  );
  if (rows.length === 0) return [];
  const parked = await ownQueries(manager).query<{ resource_key: string }[]>(
    `SELECT resource_key FROM signalbox_parked FORCE INDEX (signalbox_parked_resource)
      WHERE bus = ? AND status = 'parked' AND resource_key IN (?) FOR UPDATE`,
    [bus, [...new Set(rows.map((row) => row.resource_key))]],
  );
  const blocked = new Set(parked.map((row) => row.resource_key));
  const held = rows.filter((row) => blocked.has(row.resource_key));
  if (held.length === 0) return [];
  const heldPositions = held.map(({ position }) => Number(position));
  await deleteRows(manager, bus, heldPositions);
  await ownQueries(manager).query(
    `INSERT INTO signalbox_parked (position, bus, share, resource_key, status, reason, parked_at)
      VALUES ${held.map(() => `(?, ?, ?, ?, 'held', ?, ${now})`).join(', ')}`,
    held.flatMap(({ position, share, resource_key: key }) => [
      Number(position),
      bus,
      Number(share),
      key,
      'behind a parked event of the same resource',
    ]),
  );
  return heldPositions.map((position) => ({ position, bus }));
}

async function putBack(manager: EntityManager, bus: string, key: string): Promise<void> {
  await ownQueries(manager).query(
    `INSERT INTO signalbox_outbox (position, bus, share)
      SELECT position, bus, share FROM signalbox_parked FORCE INDEX (signalbox_parked_resource)
        WHERE bus = ? AND resource_key = ?`,
    [bus, key],
  );
  await ownQueries(manager).query(
    `DELETE p FROM signalbox_parked p FORCE INDEX (signalbox_parked_resource)
      WHERE bus = ? AND resource_key = ?`,
    [bus, key],
  );
}

async function hasBuses(manager: EntityManager, space: string): Promise<boolean> {
  const rows = await ownQueries(manager).query<unknown[]>(
    `SELECT name FROM signalbox_bus WHERE ${inSpaceSql(space, 'name')} LIMIT 1`,
  );
  return rows.length > 0;
}
