import type { DataSource } from 'typeorm';
import {
  type ArmedDeadlineRow,
  armedDeadline,
  type DeadlineRow,
  dueDeadline,
  untilDue,
} from '../deadline-row.js';
import type { DeadlineTable } from '../deadline-table.js';
import { queryByKey } from './by-key.js';
import { ownQueries } from '../tables/placed-tables.js';

/** SQL text of the place of a deadline, as `placeOf` writes it. */
export const placeSql = (deadline: string): string => `rtrim(${deadline}, '0123456789')`;

/** Columns that arming updates when the deadline is armed already. */
export const rearmedSql =
  'revision = excluded.revision, due_at = excluded.due_at, version = excluded.version, missing_since = NULL';

const armedColumns = `resource, uuid, deadline, revision, version,
  extract(epoch FROM due_at - clock_timestamp()) * 1000 AS delay,
  (missing_since IS NOT NULL)::int AS missing`;

/**
 * The armed deadlines on PostgreSQL.
 *
 * @param space What stands before the resources of the application.
 */
export function postgresDeadlines(dataSource: DataSource, space = ''): DeadlineTable {
  const named = (resources: readonly string[]) => resources.map((each) => space + each);
  return {
    async due({ resources, limit, skip = 0 }) {
      // clock_timestamp() is volatile, and would read every armed deadline instead of the due ones.
      const rows = await ownQueries(dataSource).query<DeadlineRow[]>(
        `SELECT resource, uuid, deadline, revision FROM signalbox_deadline
          WHERE due_at <= statement_timestamp() AND resource = ANY ($1)
          ORDER BY due_at LIMIT $2 OFFSET $3`,
        [named(resources), limit, skip],
      );
      return rows.map((row) => dueDeadline(row, space));
    },

    async nextDue(resources) {
      const rows = await ownQueries(dataSource).query<{ delay: string }[]>(
        `SELECT extract(epoch FROM due_at - statement_timestamp()) * 1000 AS delay
          FROM signalbox_deadline WHERE resource = ANY ($1) ORDER BY due_at LIMIT 1`,
        [named(resources)],
      );
      return untilDue(rows[0]?.delay);
    },

    async armedWithin(manager, resource, uuids) {
      const rows = await ownQueries(manager).query<ArmedDeadlineRow[]>(
        `SELECT ${armedColumns} FROM signalbox_deadline
          WHERE uuid = ANY ($1::uuid[]) AND resource = $2`,
        [uuids, space + resource],
      );
      return rows.map((row) => armedDeadline(row, space));
    },

    async removeWithin(manager, due) {
      const [, deleted] = await ownQueries(manager).query<[unknown, number]>(
        `DELETE FROM signalbox_deadline
          WHERE uuid = $1 AND resource = $2 AND deadline = $3 AND revision = $4`,
        [due.uuid, space + due.resource, due.deadline, due.revision],
      );
      return deleted > 0;
    },

    async postponeWithin(manager, due, milliseconds) {
      const key = [due.uuid, space + due.resource, due.deadline, due.revision];
      const [before] = await ownQueries(manager).query<{ missing: boolean }[]>(
        `SELECT missing_since IS NOT NULL AS missing FROM signalbox_deadline
          WHERE uuid = $1 AND resource = $2 AND deadline = $3 AND revision = $4 FOR UPDATE`,
        key,
      );
      if (before === undefined) return undefined;
      await ownQueries(manager).query(
        `UPDATE signalbox_deadline SET missing_since = coalesce(missing_since, clock_timestamp()),
            due_at = clock_timestamp() + $5 * interval '1 millisecond'
          WHERE uuid = $1 AND resource = $2 AND deadline = $3 AND revision = $4`,
        [...key, milliseconds],
      );
      return !before.missing;
    },

    async list({ limit, after, resource, uuid, missing = false }) {
      const values: unknown[] = [];
      const given = (value: unknown): string => `$${values.push(value)}`;
      const conditions = [spaceCondition(space)];
      if (after !== undefined) {
        const key = [after.uuid, space + after.resource, after.deadline].map(given);
        conditions.push(`(uuid, resource, deadline) > (${key.join(', ')})`);
      }
      if (resource !== undefined) conditions.push(`resource = ${given(space + resource)}`);
      if (uuid !== undefined) conditions.push(`uuid = ${given(uuid)}`);
      if (missing) conditions.push('missing_since IS NOT NULL');
      const rows = await queryByKey<ArmedDeadlineRow[]>(
        dataSource,
        `SELECT ${armedColumns} FROM signalbox_deadline WHERE ${conditions.join(' AND ')}
          ORDER BY uuid, resource, deadline LIMIT ${given(limit)}`,
        values,
      );
      return rows.map((row) => armedDeadline(row, space));
    },
  };
}

/** Resources of the first application have no space before them; no name of a resource holds a `#`. */
function spaceCondition(space: string): string {
  return space === '' ? `position('#' IN resource) = 0` : `starts_with(resource, '${space}')`;
}
