import { eventually } from '../../support/eventually.js';
import { startPrivateMariadb } from '../../support/private-mariadb.js';
import { startPrivatePostgres } from '../../support/private-postgres.js';

/** A server of a pair, as a failover needs it. */
interface Server {
  readonly port: number;
  url(database: string): string;
  kill(): Promise<void>;
  promote(): Promise<void>;
  dispose(): Promise<void>;
}

/** Two servers, of which one follows the other: what is committed is on both. */
export interface LeaderAndReplica {
  readonly leader: Server;
  readonly replica: Server;
}

const database = 'faults';

/** The databases that can be had in twos, each with a database `faults`. */
export const leadersAndReplicas: Readonly<Record<string, () => Promise<LeaderAndReplica>>> = {
  'PostgreSQL with a synchronous replica': async () => {
    const leader = await startPrivatePostgres();
    await leader.query(`CREATE DATABASE ${database}`);
    const replica = await leader.follower('replica');
    await leader.query("ALTER SYSTEM SET synchronous_standby_names = 'replica'");
    await leader.query('SELECT pg_reload_conf()');
    await eventually(async () => {
      const [row] = await leader.query('SELECT sync_state FROM pg_stat_replication');
      if (row?.['sync_state'] !== 'sync') throw new Error('the replica does not follow yet');
    });
    return { leader, replica };
  },
  'MariaDB with a semi-synchronous replica': async () => {
    const leader = await startPrivateMariadb([
      '--log-bin=log',
      '--gtid-strict-mode=ON',
      // Before anybody else sees a commit, the replica has it.
      '--rpl-semi-sync-master-wait-point=AFTER_SYNC',
    ]);
    const replica = await leader.follower();
    await leader.query(`CREATE DATABASE ${database}`);
    return { leader, replica };
  },
};
