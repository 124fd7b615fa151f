import type { DataSource, EntityManager } from 'typeorm';
import { type Integer } from '../journal-row.js';
import { type LeaseRow, planLeases } from '../lease-plan.js';
import type { LeaseStore } from '../store.js';

// NOW() would be told in each session's own time zone.
const now = 'UTC_TIMESTAMP(3)';
const expiry = `${now} + INTERVAL ? * 1000 MICROSECOND`;

// The lock on the leases comes first in every transaction: it puts the relays in a row.
const lockLeases = 'SELECT share FROM signalbox_lease ORDER BY share FOR UPDATE';

/** The leases on the outbox's shares on MySQL and MariaDB. */
export function mysqlLeases(dataSource: DataSource): LeaseStore {
  const inTransaction = <T>(work: (manager: EntityManager) => Promise<T>): Promise<T> =>
    dataSource.transaction('READ COMMITTED', work);

  return {
    async acquire(relay, ttl) {
      return inTransaction(async (manager) => {
        const rows = await manager.query<LeaseRow[]>(
          `SELECT share, relay, expires_at <= ${now} AS expired
            FROM signalbox_lease ORDER BY share FOR UPDATE`,
        );
        await manager.query(`DELETE FROM signalbox_relay WHERE expires_at <= ${now}`);
        await manager.query(
          `INSERT INTO signalbox_relay (id, expires_at) VALUES (?, ${expiry})
            ON DUPLICATE KEY UPDATE expires_at = VALUES(expires_at)`,
          [relay, ttl],
        );
        const [live] = await manager.query<[{ number: Integer }]>(
          'SELECT count(*) AS number FROM signalbox_relay',
        );
        const grant = planLeases(rows, relay, Number(live.number));
        if (grant.shares.length > 0) {
          await manager.query(
            `UPDATE signalbox_lease SET relay = ?, expires_at = ${expiry} WHERE share IN (?)`,
            [relay, ttl, grant.shares],
          );
        }
        return grant;
      });
    },

    async release(relay, shares) {
      if (shares.length === 0) return;
      await inTransaction(async (manager) => {
        await manager.query(lockLeases);
        await manager.query(
          `UPDATE signalbox_lease SET relay = NULL, expires_at = NULL
            WHERE relay = ? AND share IN (?)`,
          [relay, shares],
        );
      });
    },

    async leave(relay, keep) {
      await inTransaction(async (manager) => {
        await manager.query(lockLeases);
        await manager.query(
          `UPDATE signalbox_lease SET relay = NULL, expires_at = NULL
            WHERE relay = ? AND share NOT IN (?)`,
          [relay, keep.length === 0 ? [-1] : keep],
        );
        await manager.query('DELETE FROM signalbox_relay WHERE id = ?', [relay]);
      });
    },
  };
}
