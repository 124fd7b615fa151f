import { spawn } from 'node:child_process';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../scripts/servers/free-port.js';
import { program } from '../../scripts/servers/programs.js';
import { systemUser } from '../../scripts/servers/system-user.js';
import { ServerProcess, succeeds } from './server-process.js';

/** A PgBouncer in front of a private PostgreSQL. */
export interface PrivatePgbouncer {
  url(database: string): string;
  dispose(): Promise<void>;
}

/**
 * Starts a PgBouncer, from Debian's package, before the PostgreSQL at this port.
 *
 * @param mode When a connection of the server goes back: after each transaction, or with its client.
 * @param poolSize How many connections of the server it lends to a database's clients.
 */
export async function startPrivatePgbouncer(
  serverPort: number,
  mode: 'transaction' | 'session',
  poolSize: number,
): Promise<PrivatePgbouncer> {
  const home = await mkdtemp(join(tmpdir(), 'signalbox-pgbouncer-'));
  // It refuses to run as root.
  const user = systemUser('postgres');
  const port = await freePort();
  const settings = join(home, 'pgbouncer.ini');
  await writeFile(
    settings,
    [
      '[databases]',
      `* = host=127.0.0.1 port=${serverPort} user=postgres`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = any',
      `pool_mode = ${mode}`,
      `default_pool_size = ${poolSize}`,
      'server_login_retry = 1',
      'ignore_startup_parameters = extra_float_digits',
      '',
    ].join('\n'),
  );
  if (user !== undefined) {
    await chown(home, user.uid, user.gid);
    await chown(settings, user.uid, user.gid);
  }
  const url = (database: string): string => `postgres://postgres@127.0.0.1:${port}/${database}`;
  const server = new ServerProcess({
    name: 'PgBouncer',
    spawn: () =>
      spawn(program('pgbouncer'), [settings], {
        cwd: home,
        stdio: ['ignore', 'pipe', 'pipe'],
        ...user,
      }),
    answers: () => succeeds(ask(url('postgres'))),
  });
  const dispose = async (): Promise<void> => {
    await server.end('SIGKILL');
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await server.start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return { url, dispose };
}

async function ask(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT 1');
  } finally {
    await client.end().catch(() => undefined);
  }
}
