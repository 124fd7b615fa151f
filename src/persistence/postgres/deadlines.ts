import type { DataSource } from 'typeorm';
import type { AppendWithin } from '../commit/append-within.js';
import { type DeadlineRow, dueDeadline, untilDue } from '../deadline-row.js';
import type { DeadlineStore } from '../../core/stores/deadline-store.js';

/** SQL text of the place of a deadline, as `placeOf` writes it. */
export const placeSql = (deadline: string): string => `rtrim(${deadline}, '0123456789')`;

/** What an arming changes of a deadline that is armed already. */
export const rearmedSql =
  'revision = excluded.revision, due_at = excluded.due_at, version = excluded.version, missing_since = NULL';

/** The armed deadlines on PostgreSQL. */
export function postgresDeadlines(dataSource: DataSource, append: AppendWithin): DeadlineStore {
  return {
    async due({ resources, limit, skip = 0 }) {
      // clock_timestamp() is volatile, and would read every armed deadline instead of the due ones.
      const rows = await dataSource.query<DeadlineRow[]>(
        `SELECT resource, uuid, deadline, revision FROM signalbox_deadline
          WHERE due_at <= statement_timestamp() AND resource = ANY ($1)
          ORDER BY due_at LIMIT $2 OFFSET $3`,
        [resources, limit, skip],
      );
      return rows.map(dueDeadline);
    },

    async nextDue(resources) {
      const rows = await dataSource.query<{ delay: string }[]>(
        `SELECT extract(epoch FROM due_at - statement_timestamp()) * 1000 AS delay
          FROM signalbox_deadline WHERE resource = ANY ($1) ORDER BY due_at LIMIT 1`,
        [resources],
      );
      return untilDue(rows[0]?.delay);
    },

    async fire(due, entries) {
      return dataSource.transaction('READ COMMITTED', async (manager) => {
        const [, deleted] = await manager.query<[unknown, number]>(
          `DELETE FROM signalbox_deadline
            WHERE uuid = $1 AND resource = $2 AND deadline = $3 AND revision = $4`,
          [due.uuid, due.resource, due.deadline, due.revision],
        );
        if (deleted === 0) return false;
        if (entries.length > 0) await append(manager, entries);
        return true;
      });
    },
  };
}
