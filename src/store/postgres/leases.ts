import type { DataSource, EntityManager } from 'typeorm';
import { type LeaseRow, planLeases } from '../lease-plan.js';
import type { LeaseStore } from '../store.js';

const expiry = `clock_timestamp() + $2 * interval '1 millisecond'`;

// The lock on the leases comes first in every transaction: it puts the relays in a row.
const lockLeases = 'SELECT FROM signalbox_lease ORDER BY share FOR UPDATE';

/** The leases on the outbox's shares on PostgreSQL. */
export function postgresLeases(dataSource: DataSource): LeaseStore {
  const inTransaction = <T>(work: (manager: EntityManager) => Promise<T>): Promise<T> =>
    dataSource.transaction('READ COMMITTED', work);

  return {
    async acquire(relay, ttl) {
      return inTransaction(async (manager) => {
        const rows = await manager.query<LeaseRow[]>(
          `SELECT share, relay, expires_at <= clock_timestamp() AS expired
            FROM signalbox_lease ORDER BY share FOR UPDATE`,
        );
        await manager.query('DELETE FROM signalbox_relay WHERE expires_at <= clock_timestamp()');
        await manager.query(
          `INSERT INTO signalbox_relay (id, expires_at) VALUES ($1, ${expiry})
            ON CONFLICT (id) DO UPDATE SET expires_at = EXCLUDED.expires_at`,
          [relay, ttl],
        );
        const [live] = await manager.query<[{ number: string }]>(
          'SELECT count(*) AS number FROM signalbox_relay',
        );
        const grant = planLeases(rows, relay, Number(live.number));
        await manager.query(
          `UPDATE signalbox_lease SET relay = $1, expires_at = ${expiry} WHERE share = ANY ($3::smallint[])`,
          [relay, ttl, grant.shares],
        );
        return grant;
      });
    },

    async release(relay, shares) {
      await inTransaction(async (manager) => {
        await manager.query(lockLeases);
        await manager.query(
          `UPDATE signalbox_lease SET relay = NULL, expires_at = NULL
            WHERE relay = $1 AND share = ANY ($2::smallint[])`,
          [relay, shares],
        );
      });
    },

    async leave(relay, keep) {
      await inTransaction(async (manager) => {
        await manager.query(lockLeases);
        await manager.query(
          `UPDATE signalbox_lease SET relay = NULL, expires_at = NULL
            WHERE relay = $1 AND share <> ALL ($2::smallint[])`,
          [relay, keep],
        );
        await manager.query('DELETE FROM signalbox_relay WHERE id = $1', [relay]);
      });
    },
  };
}
