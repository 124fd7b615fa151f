import type { DataSource } from 'typeorm';
import { type Integer } from '../journal-row.js';
import { grantOf, type LeaseRow, planLeases } from '../lease-plan.js';
import type { LeaseStore } from '../../core/stores/lease-store.js';
import { ownQueries } from '../tables/placed-tables.js';

// NOW() would be told in each session's own time zone.
const now = 'UTC_TIMESTAMP(3)';
const expiry = `${now} + INTERVAL ? * 1000 MICROSECOND`;

/**
 * The leases on the outbox's shares on MySQL and MariaDB. Each statement commits by itself and takes a
 * share only if it is free at that moment: a relay that is frozen between two of them holds no lock
 * that the others would wait for.
 */
export function mysqlLeases(dataSource: DataSource, application = 0): LeaseStore {
  const own = `application = ${Number(application)}`;
  return {
    async acquire(relay, ttl) {
      await ownQueries(dataSource).query(
        `DELETE FROM signalbox_relay WHERE expires_at <= ${now} AND id <> ?`,
        [relay],
      );
      await ownQueries(dataSource).query(
        `INSERT INTO signalbox_relay (id, expires_at, application)
          VALUES (?, ${expiry}, ${Number(application)})
          ON DUPLICATE KEY UPDATE expires_at = VALUES(expires_at)`,
        [relay, ttl],
      );
      const rows = await ownQueries(dataSource).query<(LeaseRow & { readonly live: Integer })[]>(
        `SELECT share, relay, expires_at <= ${now} AS expired,
          (SELECT count(*) FROM signalbox_relay WHERE expires_at > ${now} AND ${own}) AS live
        FROM signalbox_lease WHERE ${own} ORDER BY share`,
      );
      const wanted = planLeases(rows, relay, Number(rows[0]?.live));
      if (wanted.partitions.length === 0) return wanted;
      await ownQueries(dataSource).query(
        `UPDATE signalbox_lease SET relay = ?, expires_at = ${expiry}
          WHERE ${own} AND share IN (?) AND (relay = ? OR relay IS NULL OR expires_at <= ${now})
          ORDER BY share`,
        [relay, ttl, wanted.partitions, relay],
      );
      const taken = await ownQueries(dataSource).query<{ readonly share: Integer }[]>(
        `SELECT share FROM signalbox_lease WHERE relay = ? AND expires_at > ${now}`,
        [relay],
      );
      return grantOf(
        wanted,
        taken.map(({ share }) => Number(share)),
      );
    },

    async release(relay, shares) {
      if (shares.length === 0) return;
      await ownQueries(dataSource).query(
        `UPDATE signalbox_lease SET relay = NULL, expires_at = NULL
          WHERE relay = ? AND share IN (?)`,
        [relay, shares],
      );
    },

    async leave(relay, keep) {
      await ownQueries(dataSource).query(
        `UPDATE signalbox_lease SET relay = NULL, expires_at = NULL
          WHERE relay = ? AND share NOT IN (?)`,
        [relay, keep.length === 0 ? [-1] : keep],
      );
      await ownQueries(dataSource).query('DELETE FROM signalbox_relay WHERE id = ?', [relay]);
    },
  };
}
