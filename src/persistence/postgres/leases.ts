import type { DataSource } from 'typeorm';
import { type Integer } from '../journal-row.js';
import { grantOf, type LeaseRow, planLeases } from '../lease-plan.js';
import type { LeaseStore } from '../../core/stores/lease-store.js';
import { ownQueries } from '../tables/placed-tables.js';

const expiry = `clock_timestamp() + $2 * interval '1 millisecond'`;

/**
 * The leases on the outbox's partitions on PostgreSQL. Each statement commits by itself and takes a partition
 * only if it is free at that moment: a relay that is frozen between two of them holds no lock that the
 * others would wait for.
 */
export function postgresLeases(dataSource: DataSource, application = 0): LeaseStore {
  const own = `application = ${Number(application)}`;
  return {
    async acquire(relay, ttl) {
      await ownQueries(dataSource).query(
        `WITH dead AS (
          DELETE FROM signalbox_relay
            WHERE expires_at <= clock_timestamp() AND id <> $1 AND ${own})
        INSERT INTO signalbox_relay (id, expires_at, application)
          VALUES ($1, ${expiry}, ${Number(application)})
          ON CONFLICT (id) DO UPDATE SET expires_at = EXCLUDED.expires_at`,
        [relay, ttl],
      );
      const rows = await ownQueries(dataSource).query<(LeaseRow & { readonly live: Integer })[]>(
        `SELECT share, relay, expires_at <= clock_timestamp() AS expired,
          (SELECT count(*) FROM signalbox_relay
            WHERE expires_at > clock_timestamp() AND ${own}) AS live
        FROM signalbox_lease WHERE ${own} ORDER BY share`,
      );
      const wanted = planLeases(rows, relay, Number(rows[0]?.live));
      // Locked in order, so that two relays never wait for each other in a circle.
      const [taken] = await ownQueries(dataSource).query<[{ readonly share: number }[], number]>(
        `WITH free AS (
          SELECT share FROM signalbox_lease
          WHERE ${own} AND share = ANY ($3::smallint[])
            AND (relay = $1 OR relay IS NULL OR expires_at <= clock_timestamp())
          ORDER BY share FOR UPDATE)
        UPDATE signalbox_lease l SET relay = $1, expires_at = ${expiry}
        FROM free WHERE l.${own} AND l.share = free.share RETURNING l.share`,
        [relay, ttl, wanted.partitions],
      );
      return grantOf(
        wanted,
        taken.map(({ share }) => share),
      );
    },

    async release(relay, shares) {
      await ownQueries(dataSource).query(
        `UPDATE signalbox_lease SET relay = NULL, expires_at = NULL
          WHERE relay = $1 AND share = ANY ($2::smallint[])`,
        [relay, shares],
      );
    },

    async leave(relay, keep) {
      await ownQueries(dataSource).query(
        `UPDATE signalbox_lease SET relay = NULL, expires_at = NULL
          WHERE relay = $1 AND share <> ALL ($2::smallint[])`,
        [relay, keep],
      );
      await ownQueries(dataSource).query('DELETE FROM signalbox_relay WHERE id = $1', [relay]);
    },
  };
}
