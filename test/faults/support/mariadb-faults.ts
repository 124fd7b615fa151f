import { setTimeout as delay } from 'node:timers/promises';
import { type Connection, createConnection } from 'mysql2/promise';
import type { PrivateMariadb } from '../../support/private-mariadb.js';
import type { Fault } from './broker-faults.js';
import type { FaultWorld } from './fault-world.js';

/** What may happen to a MariaDB server, and to those who share it. */
export function mariadbFaults(
  server: PrivateMariadb,
  database: string,
  world: () => FaultWorld,
): readonly Fault[] {
  let intruders: Connection[] = [];
  const intrude = async (): Promise<Connection> => {
    const connection = await createConnection({
      uri: server.url(database).replace('mariadb:', 'mysql:'),
      multipleStatements: true,
    });
    // Another fault may take the server from under it.
    connection.on('error', () => {});
    intruders.push(connection);
    return connection;
  };
  const leave = async (): Promise<void> => {
    const leaving = intruders;
    intruders = [];
    for (const connection of leaving) connection.destroy();
  };
  /** Somebody else's work, again and again until `leave`. */
  const again = (connection: Connection, work: () => Promise<unknown>): void => {
    void (async () => {
      while (intruders.includes(connection)) {
        const outcome = await work().catch(() =>
          connection.query('ROLLBACK').catch(() => 'gone' as const),
        );
        if (outcome === 'gone') return;
        await delay(1);
      }
    })();
  };
  const rival = (connection: Connection, statements: string): void =>
    again(connection, () => connection.query(`START TRANSACTION; ${statements}; COMMIT`));
  const others = `information_schema.PROCESSLIST WHERE DB = '${database}' AND ID <> CONNECTION_ID()`;
  const kill = async (
    connection: Connection,
    what: 'CONNECTION' | 'QUERY',
    which: string,
  ): Promise<void> => {
    const [rows] = await connection.query(`SELECT ID AS id FROM ${others} ${which}`);
    for (const { id } of rows as { id: number }[]) {
      // It may be gone by itself.
      await connection.query(`KILL ${what} ${id}`).catch(() => undefined);
    }
  };
  const once = async (what: 'CONNECTION' | 'QUERY', which: string): Promise<void> => {
    const connection = await intrude();
    await kill(connection, what, which);
    await leave();
  };
  const busy = "AND COMMAND = 'Query' ORDER BY RAND() LIMIT 1";
  return [
    {
      name: 'MariaDB is killed and recovers',
      stopsWork: true,
      strike: () => server.kill(),
      mend: () => server.start(),
    },
    {
      name: 'MariaDB stops and starts',
      stopsWork: true,
      strike: () => server.stop(),
      mend: () => server.start(),
    },
    {
      name: 'MariaDB freezes',
      stopsWork: true,
      // Until every lease has run out.
      lasts: 3000,
      strike: async () => server.pause(),
      mend: async () => server.resume(),
    },
    {
      name: 'every connection to MariaDB is ended by its administrator',
      strike: () => once('CONNECTION', ''),
    },
    {
      name: 'connections to MariaDB are ended in the middle of their flights',
      strike: async () => {
        const connection = await intrude();
        again(connection, () => kill(connection, 'CONNECTION', busy));
      },
      mend: leave,
    },
    {
      name: 'flights are interrupted, and their connections left',
      strike: async () => {
        const connection = await intrude();
        again(connection, () => kill(connection, 'QUERY', busy));
      },
      mend: leave,
    },
    {
      name: 'the pool of connections is exhausted',
      strike: async () => {
        const { dataSource } = world();
        const holding = Array.from({ length: 16 }, () =>
          dataSource.query('SELECT SLEEP(0.5)').catch(() => undefined),
        );
        await Promise.all(holding);
      },
    },
    {
      name: 'transactions are serializable, and wait for one another into deadlocks',
      strike: async () => {
        await server.query('SET GLOBAL TRANSACTION ISOLATION LEVEL SERIALIZABLE');
        // It holds for new connections.
        await once('CONNECTION', '');
        const connection = await intrude();
        // A rival that reads everything locks it.
        rival(
          connection,
          'SELECT count(*) FROM demo_virtual_machine; UPDATE demo_virtual_machine SET name = name ORDER BY RAND() LIMIT 2',
        );
      },
      mend: async () => {
        await leave();
        await server.query('SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ');
        await once('CONNECTION', '');
      },
    },
    {
      name: 'others lock rows crosswise, into deadlocks',
      strike: async () => {
        for (const order of ['ASC', 'DESC']) {
          rival(
            await intrude(),
            `SELECT 1 FROM demo_virtual_machine ORDER BY uuid ${order} LIMIT 8 FOR UPDATE; DO SLEEP(0.02); SELECT 1 FROM demo_virtual_machine ORDER BY uuid ${order} FOR UPDATE`,
          );
        }
      },
      mend: leave,
    },
    {
      name: 'others hold rows for longer than anybody waits for a lock',
      strike: async () => {
        rival(
          await intrude(),
          'SELECT 1 FROM demo_virtual_machine ORDER BY RAND() LIMIT 4 FOR UPDATE; DO SLEEP(1.5)',
        );
      },
      mend: leave,
    },
  ];
}
