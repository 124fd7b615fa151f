import type { DataSource } from 'typeorm';
import { type DeadlineRow, dueDeadline, untilDue } from '../deadline-row.js';
import type { DeadlineStore } from '../../core/stores/deadline-store.js';
import { exclusive } from './exclusive.js';
import { prepared } from './statements.js';
import { writeEntries } from './write.js';

/** The armed deadlines on SQLite, whose clock is the machine's. */
export function sqliteDeadlines(dataSource: DataSource): DeadlineStore {
  return {
    async due({ resources, limit, skip = 0 }) {
      const rows = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `SELECT resource, uuid, deadline, revision FROM signalbox_deadline
            WHERE due_at <= ? AND resource IN (SELECT value FROM json_each(?))
            ORDER BY due_at LIMIT ? OFFSET ?`,
        ).all(Date.now(), JSON.stringify(resources), limit, skip),
      );
      return (rows as DeadlineRow[]).map(dueDeadline);
    },

    async nextDue(resources) {
      const row = await exclusive(dataSource, (connection) =>
        prepared(
          connection,
          `SELECT due_at - ? AS delay FROM signalbox_deadline
            WHERE resource IN (SELECT value FROM json_each(?)) ORDER BY due_at LIMIT 1`,
        ).get(Date.now(), JSON.stringify(resources)),
      );
      return untilDue((row as { delay: number } | undefined)?.delay);
    },

    async fire(due, entries) {
      return exclusive(dataSource, (connection) => {
        const { changes } = prepared(
          connection,
          `DELETE FROM signalbox_deadline
            WHERE uuid = ? AND resource = ? AND deadline = ? AND revision = ?`,
        ).run(due.uuid, due.resource, due.deadline, due.revision);
        if (changes === 0) return false;
        writeEntries(connection, entries);
        return true;
      });
    },
  };
}
