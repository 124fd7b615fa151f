import { spawn } from 'node:child_process';
import { chmod, chown, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../scripts/servers/free-port.js';
import { program } from '../../scripts/servers/programs.js';
import { runCommand } from '../../scripts/servers/run-command.js';
import { until } from '../../scripts/servers/until.js';
import { systemUser } from '../../scripts/servers/system-user.js';
import { ServerProcess, succeeds } from './server-process.js';

export interface PrivatePostgresOptions {
  /** Lines for `postgresql.conf`. */
  readonly config?: readonly string[];
  /** Where its files are; an existing empty directory. Default one of its own, removed when disposed. */
  readonly directory?: string;
  /** Files in PEM: it then takes clients by TLS alone. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
}

/** A PostgreSQL of one test file: it may be stopped, killed, filled up and followed at will. */
export interface PrivatePostgres {
  readonly port: number;
  /** `postgres://postgres@127.0.0.1:<port>/<database>` */
  url(database: string): string;
  /** Starts it again after `stop` or `kill`, on the same port with the same data. */
  start(): Promise<void>;
  /** Ends it as an administrator would, without waiting for clients. */
  stop(): Promise<void>;
  /** Ends it and all its helpers at once, as a power failure would. */
  kill(): Promise<void>;
  running(): boolean;
  /** Runs one statement in the database `postgres`, or another. */
  query(sql: string, database?: string): Promise<readonly Record<string, unknown>[]>;
  /** A second server that follows this one by streaming replication. It is disposed by itself. */
  follower(name: string): Promise<PrivatePostgres>;
  /** Makes a follower the leader. */
  promote(): Promise<void>;
  dispose(): Promise<void>;
}

/** Starts a PostgreSQL of its own on a free port, from Debian's package. Resolves when it takes logins. */
export async function startPrivatePostgres({
  config = [],
  directory,
  tls,
}: PrivatePostgresOptions = {}): Promise<PrivatePostgres> {
  const home = directory ?? (await ownDirectory());
  const data = join(home, 'data');
  const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--wal-segsize=1'];
  await runCommand(program('initdb'), [...args, '--locale=C', '--no-sync'], {
    cwd: home,
    ...systemUser('postgres'),
  });
  const secure = tls === undefined ? [] : await requireTls(data, tls);
  await writeFile(
    join(data, 'postgresql.auto.conf'),
    [...base, ...secure, ...config, ''].join('\n'),
  );
  return serve(home, directory === undefined, tls !== undefined);
}

/** Files that it takes only where they are its user's own, and the lines that name them. */
async function requireTls(
  data: string,
  { certFile, keyFile }: NonNullable<PrivatePostgresOptions['tls']>,
): Promise<readonly string[]> {
  const user = systemUser('postgres');
  for (const [from, name] of [
    [certFile, 'server.crt'],
    [keyFile, 'server.key'],
  ] as const) {
    const file = join(data, name);
    await copyFile(from, file);
    await chmod(file, 0o600);
    if (user !== undefined) await chown(file, user.uid, user.gid);
  }
  await writeFile(join(data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 trust\n');
  return ['ssl = on'];
}

const base = [
  "listen_addresses = '127.0.0.1'",
  "unix_socket_directories = ''",
  'max_connections = 60',
  'min_wal_size = 2MB',
  'max_wal_size = 32MB',
];

async function ownDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-postgres-'));
  const user = systemUser('postgres');
  if (user !== undefined) await chown(directory, user.uid, user.gid);
  return directory;
}

async function serve(home: string, removes: boolean, secure = false): Promise<PrivatePostgres> {
  const port = await freePort();
  const data = join(home, 'data');
  const user = systemUser('postgres');
  const url = (database: string): string => `postgres://postgres@127.0.0.1:${port}/${database}`;

  async function query(sql: string, database = 'postgres') {
    const client = new pg.Client({
      connectionString: url(database),
      connectionTimeoutMillis: 5_000,
      ...(secure ? { ssl: { rejectUnauthorized: false } } : {}),
    });
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  const server = new ServerProcess({
    name: 'PostgreSQL',
    spawn: () =>
      spawn(program('postgres'), ['-D', data, '-p', String(port)], {
        cwd: home,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        ...user,
      }),
    answers: () => succeeds(query('SELECT 1')),
    // A power failure ends its helpers too; all else is for itself to pass on.
    toGroup: ['SIGKILL'],
  });

  const discard = async (): Promise<void> => {
    await server.end('SIGKILL');
    if (removes) await rm(home, { recursive: true, force: true, maxRetries: 5 });
  };

  try {
    await server.start();
  } catch (error) {
    await discard();
    throw error;
  }
  return {
    port,
    url,
    start: () => startAfterKill(server),
    query,
    running: () => server.alive,
    // Its fast shutdown.
    stop: () => server.end('SIGINT'),
    kill: () => server.end('SIGKILL'),
    async follower(name) {
      const directory = await ownDirectory();
      const target = join(directory, 'data');
      const source = `host=127.0.0.1 port=${port} user=postgres application_name=${name}`;
      await runCommand(
        program('pg_basebackup'),
        ['-D', target, '-d', source, '-R', '-X', 'stream', '-c', 'fast', '-C', '-S', name],
        { cwd: directory, ...user },
      );
      return serve(directory, true);
    },
    async promote() {
      await query('SELECT pg_promote(true, 60)');
    },
    dispose: discard,
  };
}

/** Its helpers outlive a kill for a moment, and with them the memory that a new one must have to itself. */
async function startAfterKill(server: ServerProcess): Promise<void> {
  const started = await until(30_000, async () => {
    try {
      await server.start();
      return true;
    } catch (error) {
      if (String(error).includes('pre-existing shared memory block')) return undefined;
      throw error;
    }
  });
  if (started !== true)
    throw new Error('The private PostgreSQL did not start after it was killed.');
}

/** Mounts a filesystem of so many megabytes on a directory of its own; undefined where we may not. */
export async function mountSmall(
  megabytes: number,
): Promise<{ readonly directory: string; unmount(): Promise<void> } | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-small-'));
  await mkdir(directory, { recursive: true });
  try {
    await runCommand('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory]);
  } catch {
    await rm(directory, { recursive: true });
    return undefined;
  }
  const user = systemUser('postgres');
  if (user !== undefined) await chown(directory, user.uid, user.gid);
  return {
    directory,
    async unmount() {
      await runCommand('umount', ['-l', directory]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
