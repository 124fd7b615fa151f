import type { DataSource } from 'typeorm';
import { openTransaction } from '../commit/open-transaction.js';
import {
  type ArmedDeadlineRow,
  armedDeadline,
  type DeadlineRow,
  dueDeadline,
  untilDue,
} from '../deadline-row.js';
import type { DeadlineTable } from '../deadline-table.js';
import { connectionOf, exclusive } from './exclusive.js';
import { prepared } from './statements.js';

const armedColumns =
  'resource, uuid, deadline, revision, version, due_at - ? AS delay, missing_since IS NOT NULL AS missing';

/**
 * The armed deadlines on SQLite, whose clock is the machine's.
 *
 * @param space What stands before the resources of the application.
 */
export function sqliteDeadlines(dataSource: DataSource, space = ''): DeadlineTable {
  const named = (resources: readonly string[]) =>
    JSON.stringify(resources.map((each) => space + each));
  return {
    async due({ resources, limit, skip = 0 }) {
      const rows = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `SELECT resource, uuid, deadline, revision FROM signalbox_deadline
            WHERE due_at <= ? AND resource IN (SELECT value FROM json_each(?))
            ORDER BY due_at LIMIT ? OFFSET ?`,
        ).all(Date.now(), named(resources), limit, skip),
      );
      return (rows as DeadlineRow[]).map((row) => dueDeadline(row, space));
    },

    async nextDue(resources) {
      const row = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `SELECT due_at - ? AS delay FROM signalbox_deadline
            WHERE resource IN (SELECT value FROM json_each(?)) ORDER BY due_at LIMIT 1`,
        ).get(Date.now(), named(resources)),
      );
      return untilDue((row as { delay: number } | undefined)?.delay);
    },

    async armedWithin(manager, resource, uuids) {
      openTransaction(manager);
      const rows = prepared(
        connectionOf(dataSource),
        `SELECT ${armedColumns} FROM signalbox_deadline
          WHERE uuid IN (SELECT value FROM json_each(?)) AND resource = ?`,
      ).all(Date.now(), JSON.stringify(uuids), space + resource);
      return (rows as ArmedDeadlineRow[]).map((row) => armedDeadline(row, space));
    },

    async removeWithin(manager, due) {
      openTransaction(manager);
      const { changes } = prepared(
        connectionOf(dataSource),
        `DELETE FROM signalbox_deadline
          WHERE uuid = ? AND resource = ? AND deadline = ? AND revision = ?`,
      ).run(due.uuid, space + due.resource, due.deadline, due.revision);
      return changes > 0;
    },

    async postponeWithin(manager, due, milliseconds) {
      openTransaction(manager);
      const connection = connectionOf(dataSource);
      const key = [due.uuid, space + due.resource, due.deadline, due.revision];
      const before = prepared(
        connection,
        `SELECT missing_since IS NOT NULL AS missing FROM signalbox_deadline
          WHERE uuid = ? AND resource = ? AND deadline = ? AND revision = ?`,
      ).get(...key) as { readonly missing: number } | undefined;
      if (before === undefined) return undefined;
      const now = Date.now();
      prepared(
        connection,
        `UPDATE signalbox_deadline SET missing_since = coalesce(missing_since, ?), due_at = ?
          WHERE uuid = ? AND resource = ? AND deadline = ? AND revision = ?`,
      ).run(now, now + milliseconds, ...key);
      return before.missing === 0;
    },

    async list({ limit, after, resource, uuid, missing = false }) {
      const rows = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `SELECT ${armedColumns} FROM signalbox_deadline
            WHERE (uuid, resource, deadline) > (?, ?, ?) AND (? IS NULL OR resource = ?)
              AND (? IS NULL OR uuid = ?) AND (? = 0 OR missing_since IS NOT NULL)
              AND ${space === '' ? `instr(resource, '#') = 0` : `instr(resource, '${space}') = 1`}
            ORDER BY uuid, resource, deadline LIMIT ?`,
        ).all(
          Date.now(),
          after?.uuid ?? '',
          after === undefined ? '' : space + after.resource,
          after?.deadline ?? '',
          resource ?? null,
          resource === undefined ? null : space + resource,
          uuid ?? null,
          uuid ?? null,
          missing ? 1 : 0,
          limit,
        ),
      );
      return (rows as ArmedDeadlineRow[]).map((row) => armedDeadline(row, space));
    },
  };
}
