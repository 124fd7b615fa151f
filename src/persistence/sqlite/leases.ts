import type { DataSource } from 'typeorm';
import { type LeaseRow, planLeases } from '../lease-plan.js';
import type { LeaseStore } from '../../core/stores/lease-store.js';
import { exclusive } from './exclusive.js';
import { prepared } from './statements.js';

/** The leases on the outbox's shares on SQLite, whose clock is the machine's. */
export function sqliteLeases(dataSource: DataSource, application = 0): LeaseStore {
  const own = `application = ${Number(application)}`;
  return {
    async acquire(relay, ttl) {
      return exclusive(dataSource, (connection) => {
        const now = Date.now();
        const rows = prepared(
          connection,
          `SELECT share, relay, expires_at <= ? AS expired FROM signalbox_lease
            WHERE ${own} ORDER BY share`,
        ).all(now) as LeaseRow[];
        prepared(connection, `DELETE FROM signalbox_relay WHERE ${own} AND expires_at <= ?`).run(
          now,
        );
        prepared(
          connection,
          `INSERT INTO signalbox_relay (id, expires_at, application)
            VALUES (?, ?, ${Number(application)})
            ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at`,
        ).run(relay, now + ttl);
        const live = prepared(
          connection,
          `SELECT count(*) AS number FROM signalbox_relay WHERE ${own}`,
        ).get();
        const grant = planLeases(rows, relay, (live as { number: number }).number);
        prepared(
          connection,
          `UPDATE signalbox_lease SET relay = ?, expires_at = ?
            WHERE ${own} AND share IN (SELECT value FROM json_each(?))`,
        ).run(relay, now + ttl, JSON.stringify(grant.partitions));
        return grant;
      });
    },

    async release(relay, shares) {
      await exclusive(dataSource, (connection) => {
        prepared(
          connection,
          `UPDATE signalbox_lease SET relay = NULL, expires_at = NULL
            WHERE relay = ? AND share IN (SELECT value FROM json_each(?))`,
        ).run(relay, JSON.stringify(shares));
      });
    },

    async leave(relay, keep) {
      await exclusive(dataSource, (connection) => {
        prepared(
          connection,
          `UPDATE signalbox_lease SET relay = NULL, expires_at = NULL
            WHERE relay = ? AND share NOT IN (SELECT value FROM json_each(?))`,
        ).run(relay, JSON.stringify(keep));
        prepared(connection, 'DELETE FROM signalbox_relay WHERE id = ?').run(relay);
      });
    },
  };
}
