import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { PrivatePostgres } from '../../support/private-postgres.js';
import type { Fault } from './broker-faults.js';
import type { FaultWorld } from './fault-world.js';

/** What may happen to a database server, and to those who share it. */
export function databaseFaults(
  postgres: PrivatePostgres,
  database: string,
  world: () => FaultWorld,
): readonly Fault[] {
  let intruders: pg.Client[] = [];
  const intrude = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: postgres.url(database) });
    // Another fault may take the server from under it.
    client.on('error', () => {});
    await client.connect();
    intruders.push(client);
    return client;
  };
  /** Somebody else's transaction, again and again until `leave`. */
  const rival = (client: pg.Client, statements: string): void => {
    void (async () => {
      while (intruders.includes(client)) {
        const outcome = await client
          .query(`BEGIN; ${statements}; COMMIT`)
          .catch(() => client.query('ROLLBACK').catch(() => 'gone'));
        if (outcome === 'gone') return;
        await delay(1);
      }
    })();
  };
  const leave = async (): Promise<void> => {
    for (const client of intruders) await client.end().catch(() => undefined);
    intruders = [];
  };
  const setting = async (sql: string): Promise<void> => {
    await postgres.query(`ALTER SYSTEM ${sql}`);
    await postgres.query('SELECT pg_reload_conf()');
  };
  return [
    {
      name: 'PostgreSQL is killed and recovers',
      stopsWork: true,
      strike: () => postgres.kill(),
      mend: () => postgres.start(),
    },
    {
      name: 'PostgreSQL stops and starts',
      stopsWork: true,
      strike: () => postgres.stop(),
      mend: () => postgres.start(),
    },
    {
      name: 'one server process of PostgreSQL is killed in the middle of a statement',
      // The server then ends them all, and recovers.
      strike: async () => {
        const [backend] = await postgres.query(
          `SELECT pid FROM pg_stat_activity WHERE datname = '${database}' AND state = 'active' LIMIT 1`,
        );
        if (backend !== undefined) process.kill(Number(backend['pid']), 'SIGKILL');
      },
    },
    {
      name: 'every connection to PostgreSQL is ended by its administrator',
      strike: async () => {
        await postgres.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
        );
      },
    },
    {
      name: 'the pool of connections is exhausted',
      strike: async () => {
        const { dataSource } = world();
        const { master } = dataSource.driver as unknown as { master: pg.Pool };
        const holding = Array.from({ length: 16 }, () =>
          master.connect().then(
            async (client) => {
              await client.query('SELECT pg_sleep(0.5)').catch(() => undefined);
              client.release();
            },
            () => undefined,
          ),
        );
        await Promise.all(holding);
      },
    },
    {
      name: 'transactions are serializable, and fail for one another',
      strike: async () => {
        await setting("SET default_transaction_isolation = 'serializable'");
        const client = await intrude();
        // A rival that reads everything and writes a little makes the others' snapshots wrong.
        rival(
          client,
          'SELECT count(*) FROM demo_virtual_machine; UPDATE demo_virtual_machine SET name = name WHERE uuid IN (SELECT uuid FROM demo_virtual_machine ORDER BY random() LIMIT 2)',
        );
      },
      mend: async () => {
        await leave();
        await setting('RESET default_transaction_isolation');
      },
    },
    {
      name: 'others lock rows crosswise, into deadlocks',
      strike: async () => {
        await setting("SET deadlock_timeout = '50ms'");
        for (const order of ['ASC', 'DESC']) {
          const client = await intrude();
          rival(
            client,
            `SELECT 1 FROM demo_virtual_machine ORDER BY uuid ${order} LIMIT 8 FOR UPDATE; SELECT pg_sleep(0.02); SELECT 1 FROM demo_virtual_machine ORDER BY uuid ${order} FOR UPDATE`,
          );
        }
      },
      mend: async () => {
        await leave();
        await setting('RESET deadlock_timeout');
      },
    },
  ];
}
