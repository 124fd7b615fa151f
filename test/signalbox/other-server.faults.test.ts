import { cloudStackEventTypes } from '../../machines/index.js';
import { afterAll, describe, expect, test } from 'vitest';
import { connectDatabase } from '../../src/config/connect-database.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import { cloudResources } from '../e2e/support/cloud.js';
import { eventually } from '../support/eventually.js';
import { startPrivateGalera } from '../support/private-galera.js';
import { startPrivateMariadb } from '../support/private-mariadb.js';
import { startPrivatePostgres } from '../support/private-postgres.js';
import { startTcpProxy, type Verdict } from '../support/tcp-proxy.js';
import { atCommit, type Calm, type Committing, committing } from './cut-at-commit.js';

/** Two servers behind one address, of which the second has not applied yet what the first committed. */
interface Pair {
  readonly ports: readonly [number, number];
  url(database: string): string;
  /** From now on the second applies nothing. */
  holdBack(): Promise<void>;
  /** What befalls the second while the first commits. */
  duringCommit?(): Promise<void>;
  dispose(): Promise<void>;
}

const pairs: Readonly<Record<string, () => Promise<Pair>>> = {
  async 'a standby of PostgreSQL'() {
    const leader = await startPrivatePostgres();
    await leader.query('CREATE DATABASE cut');
    const standby = await leader.follower('standby');
    return {
      ports: [leader.port, standby.port],
      url: (database) => leader.url(database),
      async holdBack() {
        await standby.query('SELECT pg_wal_replay_pause()');
      },
      async dispose() {
        await standby.dispose();
        await leader.dispose();
      },
    };
  },
  async 'a standby of PostgreSQL that is promoted during the commit'() {
    const leader = await startPrivatePostgres();
    await leader.query('CREATE DATABASE cut');
    const standby = await leader.follower('standby');
    return {
      ports: [leader.port, standby.port],
      url: (database) => leader.url(database),
      async holdBack() {
        // Paused alone, it would replay what it has received when it is promoted.
        await standby.query(`ALTER SYSTEM SET primary_conninfo = ''`);
        await standby.query('SELECT pg_reload_conf()');
        await eventually(async () =>
          expect(await standby.query('SELECT 1 FROM pg_stat_wal_receiver')).toEqual([]),
        );
      },
      duringCommit: () => standby.promote(),
      async dispose() {
        await standby.dispose();
        await leader.dispose();
      },
    };
  },
  async 'a replica of MariaDB'() {
    const leader = await startPrivateMariadb(['--log-bin=log', '--gtid-strict-mode=ON']);
    await leader.query('CREATE DATABASE cut');
    const replica = await leader.follower();
    return {
      ports: [leader.port, replica.port],
      url: (database) => leader.url(database),
      async holdBack() {
        // A plain replica, for which the leader does not wait.
        await leader.query('SET GLOBAL rpl_semi_sync_master_enabled = OFF');
        await eventually(async () => {
          const [position] = await leader.query('SELECT @@gtid_binlog_pos AS at');
          const [applied] = await replica.query('SELECT @@gtid_slave_pos AS at');
          expect(applied).toEqual(position);
        });
        await replica.query('STOP SLAVE');
      },
      async dispose() {
        await replica.dispose();
        await leader.dispose();
      },
    };
  },
  async 'another node of a Galera cluster'() {
    const galera = await startPrivateGalera();
    const [first, second] = galera.nodes;
    await first.query('CREATE DATABASE cut');
    return {
      ports: [first.port, second.port],
      url: (database) => first.url(database),
      async holdBack() {
        await galera.caughtUp();
        await galera.holdBack(second);
      },
      dispose: () => galera.dispose(),
    };
  },
};

describe.each(Object.keys(pairs))('%s', (name) => {
  const disposals: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const dispose of disposals.toReversed()) await dispose();
  });

  test('is not believed when it has not seen what another server was asked to commit', async () => {
    const pair = await (pairs[name] as () => Promise<Pair>)();
    disposals.push(() => pair.dispose());
    const [port, other] = pair.ports;
    const proxy = await startTcpProxy({ host: '127.0.0.1', port });
    disposals.push(() => proxy.close());
    const open = async (url: string, isFirst: boolean): Promise<Calm> => {
      const dataSource = await connectDatabase(url, {
        entities: [...cloudResources],
        migrations: [...migrations],
        poolSize: 20,
      });
      disposals.push(() => dataSource.destroy());
      if (isFirst) {
        await dataSource.synchronize();
        await migrate(dataSource);
      }
      const signalbox = await createSignalbox({
        dataSource,
        source: 'management-server',
        eventTypes: cloudStackEventTypes,
        resources: cloudResources,
        relay: false,
        deadlines: false,
        ...(name.includes('Galera') ? { galera: 'several-writers' as const } : {}),
      });
      disposals.push(() => signalbox.close());
      return { dataSource, signalbox };
    };
    const calm = await open(pair.url('cut'), true);
    const cut = await open(pair.url('cut').replace(`:${port}/`, `:${proxy.port}/`), false);
    const prepared = await Promise.all(
      [
        'transition',
        'transition with a guard',
        'create',
        'recordUsage',
        'jobs.submit',
        'idempotent',
      ].map(async (each) => [each, await (committing[each] as Committing).prepare(calm)] as const),
    );
    await pair.holdBack();
    let during: Promise<void> | undefined;
    proxy.inspect(
      atCommit(async (): Promise<Verdict> => {
        await (during ??= pair.duringCommit?.());
        proxy.retarget({ host: '127.0.0.1', port: other });
        return 'pass and cut';
      }),
    );
    const told = await Promise.all(
      prepared.map(async ([each, made]) => {
        const outcome = await made.call(cut).then(
          () => 'resolved',
          (error: { readonly code?: string }) => error.code,
        );
        return [each, outcome] as const;
      }),
    );
    for (const [each, made] of prepared) expect([each, await made.isThere()]).toEqual([each, true]);
    expect(told.map(([, outcome]) => outcome)).toEqual(told.map(() => 'OUTCOME_UNKNOWN'));
  });
});
