import { spawn } from 'node:child_process';
import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { freePort } from '../../scripts/servers/free-port.js';
import { program } from '../../scripts/servers/programs.js';
import { runCommand } from '../../scripts/servers/run-command.js';
import { systemUser } from '../../scripts/servers/system-user.js';
import { eventually } from './eventually.js';
import { ServerProcess, succeeds } from './server-process.js';

/** A MariaDB of one test file: it may be stopped, killed, frozen and followed at will. */
export interface PrivateMariadb {
  readonly port: number;
  /** `mariadb://root@127.0.0.1:<port>/<database>` */
  url(database: string): string;
  /** Starts it again after `stop` or `kill`, on the same port with the same data. */
  start(): Promise<void>;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Ends it at once, as a power failure would. */
  kill(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers, until `resume`. */
  pause(): void;
  resume(): void;
  /** Runs one statement, outside of any database. */
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
  /**
   * A second server that follows this one, which commits nothing more without it: semi-synchronous
   * replication. Resolves when it follows. It is disposed by itself.
   */
  follower(): Promise<PrivateMariadb>;
  /** Makes a follower the leader, once it has applied all that it was sent. */
  promote(): Promise<void>;
  dispose(): Promise<void>;
}

/** What a server needs besides its options. */
export interface MariadbHooks {
  /** Begins without any data, for one that gets it from another server. Default false. */
  readonly isEmpty?: boolean;
  /** Runs before each start, with the folder of its data; resolves to further options of that start. */
  readonly beforeStart?: (data: string, isFirst: boolean) => Promise<readonly string[]>;
}

/**
 * Starts a MariaDB of its own on a free port, from Debian's package. Resolves when it takes logins.
 *
 * @param options Of the server, such as `--innodb-lock-wait-timeout=1`.
 */
export async function startPrivateMariadb(
  options: readonly string[] = [],
  { isEmpty = false, beforeStart }: MariadbHooks = {},
): Promise<PrivateMariadb> {
  const home = await mkdtemp(join(tmpdir(), 'signalbox-mariadb-'));
  const data = join(home, 'data');
  const user = systemUser('mysql');
  if (user !== undefined) await chown(home, user.uid, user.gid);
  if (isEmpty) {
    await mkdir(data);
    if (user !== undefined) await chown(data, user.uid, user.gid);
  } else {
    await runCommand(
      program('mariadb-install-db'),
      [
        '--no-defaults',
        `--datadir=${data}`,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
      ],
      { cwd: home, ...user },
    );
  }
  const port = await freePort();
  const url = (database: string): string => `mariadb://root@127.0.0.1:${port}/${database}`;

  async function query(sql: string): Promise<readonly Record<string, unknown>[]> {
    const connection = await createConnection({
      uri: `mysql://root@127.0.0.1:${port}/`,
      connectTimeout: 5_000,
    });
    connection.on('error', () => {});
    try {
      const [rows] = await connection.query(sql);
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
    } finally {
      connection.destroy();
    }
  }

  let ofThisStart: readonly string[] = [];
  let isFirst = true;
  const server = new ServerProcess({
    name: 'MariaDB',
    spawn: () =>
      spawn(
        program('mariadbd'),
        [
          '--no-defaults',
          `--datadir=${data}`,
          `--port=${port}`,
          '--bind-address=127.0.0.1',
          '--skip-name-resolve',
          `--socket=${join(home, 'socket')}`,
          `--pid-file=${join(home, 'pid')}`,
          '--innodb-buffer-pool-size=32M',
          '--innodb-log-file-size=16M',
          `--server-id=${port}`,
          ...options,
          ...ofThisStart,
        ],
        { cwd: home, detached: true, stdio: ['ignore', 'pipe', 'pipe'], ...user },
      ),
    answers: () => succeeds(query('SELECT 1')),
  });

  const start = async (): Promise<void> => {
    ofThisStart = (await beforeStart?.(data, isFirst)) ?? [];
    isFirst = false;
    await server.start();
  };

  const discard = async (): Promise<void> => {
    await server.end('SIGKILL');
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  };

  try {
    await start();
  } catch (error) {
    await discard();
    throw error;
  }
  return {
    port,
    url,
    start,
    query,
    stop: () => server.end('SIGTERM'),
    kill: () => server.end('SIGKILL'),
    pause: () => server.pause(),
    resume: () => server.resume(),
    async follower() {
      const follower = await startPrivateMariadb([...options, '--rpl-semi-sync-slave-enabled=ON']);
      try {
        await follower.query(
          `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${port},
            MASTER_USER = 'root', MASTER_USE_GTID = slave_pos`,
        );
        await follower.query('START SLAVE');
        // One that waits for nobody after all would tell of commits that only itself has.
        await query('SET GLOBAL rpl_semi_sync_master_timeout = 4294967295');
        await query('SET GLOBAL rpl_semi_sync_master_enabled = ON');
        await eventually(async () => {
          const [clients] = await query(`SHOW STATUS LIKE 'Rpl_semi_sync_master_clients'`);
          if (clients?.['Value'] !== '1') throw new Error('the replica does not follow yet');
        });
      } catch (error) {
        await follower.dispose();
        throw error;
      }
      return follower;
    },
    async promote() {
      await query('STOP SLAVE IO_THREAD');
      await eventually(async () => {
        const [status] = await query('SHOW SLAVE STATUS');
        const [position] = await query('SELECT @@gtid_slave_pos AS applied');
        if (status?.['Gtid_IO_Pos'] !== position?.['applied']) {
          throw new Error(`applied ${String(position?.['applied'])}`);
        }
      });
      await query('STOP SLAVE');
      await query('RESET SLAVE ALL');
    },
    dispose: discard,
  };
}
