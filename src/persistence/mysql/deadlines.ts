import type { DataSource } from 'typeorm';
import type { AppendWithin } from '../commit/append-within.js';
import { type DeadlineRow, dueDeadline, untilDue } from '../deadline-row.js';
import type { Integer } from '../journal-row.js';
import type { DeadlineStore } from '../../core/stores/deadline-store.js';

/** The armed deadlines on MySQL and MariaDB. */
export function mysqlDeadlines(dataSource: DataSource, append: AppendWithin): DeadlineStore {
  return {
    async due({ resources, limit, skip = 0 }) {
      if (resources.length === 0) return [];
      const rows = await dataSource.query<DeadlineRow[]>(
        `SELECT resource, uuid, deadline, revision FROM signalbox_deadline
          WHERE due_at <= UTC_TIMESTAMP(3) AND resource IN (?)
          ORDER BY due_at LIMIT ? OFFSET ?`,
        [resources, limit, skip],
      );
      return rows.map(dueDeadline);
    },

    async nextDue(resources) {
      if (resources.length === 0) return null;
      const rows = await dataSource.query<{ delay: Integer }[]>(
        `SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), due_at) / 1000 AS delay
          FROM signalbox_deadline WHERE resource IN (?) ORDER BY due_at LIMIT 1`,
        [resources],
      );
      return untilDue(rows[0]?.delay);
    },

    async fire(due, entries) {
      return dataSource.transaction('READ COMMITTED', async (manager) => {
        const { affectedRows } = await manager.query<{ affectedRows: number }>(
          `DELETE FROM signalbox_deadline
            WHERE uuid = ? AND resource = ? AND deadline = ? AND revision = ?`,
          [due.uuid, due.resource, due.deadline, due.revision],
        );
        if (affectedRows === 0) return false;
        if (entries.length > 0) await append(manager, entries);
        return true;
      });
    },
  };
}
