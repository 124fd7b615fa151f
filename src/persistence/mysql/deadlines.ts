import type { DataSource } from 'typeorm';
import {
  type ArmedDeadlineRow,
  armedDeadline,
  type DeadlineRow,
  dueDeadline,
  untilDue,
} from '../deadline-row.js';
import type { DeadlineTable } from '../deadline-table.js';
import type { Integer } from '../journal-row.js';
import { ownQueries } from '../tables/placed-tables.js';

const armedColumns = `resource, uuid, deadline, revision, version,
  TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), due_at) / 1000 AS delay,
  missing_since IS NOT NULL AS missing`;

/**
 * The armed deadlines on MySQL and MariaDB.
 *
 * @param space What stands before the resources of the application.
 */
export function mysqlDeadlines(dataSource: DataSource, space = ''): DeadlineTable {
  const named = (resources: readonly string[]) => resources.map((each) => space + each);
  return {
    async due({ resources, limit, skip = 0 }) {
      if (resources.length === 0) return [];
      const rows = await ownQueries(dataSource).query<DeadlineRow[]>(
        `SELECT resource, uuid, deadline, revision FROM signalbox_deadline FORCE INDEX (signalbox_deadline_due)
          WHERE due_at <= UTC_TIMESTAMP(3) AND resource IN (?)
          ORDER BY due_at LIMIT ? OFFSET ?`,
        [named(resources), limit, skip],
      );
      return rows.map((row) => dueDeadline(row, space));
    },

    async nextDue(resources) {
      if (resources.length === 0) return null;
      const rows = await ownQueries(dataSource).query<{ delay: Integer }[]>(
        `SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), due_at) / 1000 AS delay
          FROM signalbox_deadline FORCE INDEX (signalbox_deadline_due)
          WHERE resource IN (?) ORDER BY due_at LIMIT 1`,
        [named(resources)],
      );
      return untilDue(rows[0]?.delay);
    },

    async armedWithin(manager, resource, uuids) {
      if (uuids.length === 0) return [];
      const rows = await ownQueries(manager).query<ArmedDeadlineRow[]>(
        `SELECT ${armedColumns} FROM signalbox_deadline WHERE uuid IN (?) AND resource = ?`,
        [uuids, space + resource],
      );
      return rows.map((row) => armedDeadline(row, space));
    },

    async removeWithin(manager, due) {
      const { affectedRows } = await ownQueries(manager).query<{ affectedRows: number }>(
        `DELETE FROM signalbox_deadline
          WHERE uuid = ? AND resource = ? AND deadline = ? AND revision = ?`,
        [due.uuid, space + due.resource, due.deadline, due.revision],
      );
      return affectedRows > 0;
    },

    async postponeWithin(manager, due, milliseconds) {
      const key = [due.uuid, space + due.resource, due.deadline, due.revision];
      const [before] = await ownQueries(manager).query<{ missing: Integer }[]>(
        `SELECT missing_since IS NOT NULL AS missing FROM signalbox_deadline
          WHERE uuid = ? AND resource = ? AND deadline = ? AND revision = ? FOR UPDATE`,
        key,
      );
      if (before === undefined) return undefined;
      await ownQueries(manager).query(
        `UPDATE signalbox_deadline SET missing_since = COALESCE(missing_since, UTC_TIMESTAMP(3)),
            due_at = UTC_TIMESTAMP(3) + INTERVAL ? * 1000 MICROSECOND
          WHERE uuid = ? AND resource = ? AND deadline = ? AND revision = ?`,
        [milliseconds, ...key],
      );
      return Number(before.missing) === 0;
    },

    async list({ limit, after, resource, uuid, missing = false }) {
      const conditions = [
        space === '' ? `resource NOT LIKE '%#%'` : `LEFT(resource, ${space.length}) = '${space}'`,
      ];
      const values: unknown[] = [];
      if (after !== undefined) {
        // A comparison of rows would read every key from the beginning.
        conditions.push(
          'uuid >= ? AND (uuid > ? OR resource > ? OR (resource = ? AND deadline > ?))',
        );
        const from = space + after.resource;
        values.push(after.uuid, after.uuid, from, from, after.deadline);
      }
      if (resource !== undefined) {
        conditions.push('resource = ?');
        values.push(space + resource);
      }
      if (uuid !== undefined) {
        conditions.push('uuid = ?');
        values.push(uuid);
      }
      if (missing) conditions.push('missing_since IS NOT NULL');
      const rows = await ownQueries(dataSource).query<ArmedDeadlineRow[]>(
        `SELECT ${armedColumns} FROM signalbox_deadline FORCE INDEX (PRIMARY)
          WHERE ${conditions.join(' AND ')}
          ORDER BY uuid, resource, deadline LIMIT ?`,
        [...values, limit],
      );
      return rows.map((row) => armedDeadline(row, space));
    },
  };
}
