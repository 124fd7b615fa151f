import { type ChildProcess, spawn } from 'node:child_process';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../scripts/servers/free-port.js';
import { program } from '../../scripts/servers/programs.js';
import { runCommand } from '../../scripts/servers/run-command.js';
import { systemUser } from '../../scripts/servers/system-user.js';
import { until } from '../../scripts/servers/until.js';

const startDeadline = 90_000;

export interface PrivatePostgresOptions {
  /** Lines for `postgresql.conf`. */
  readonly config?: readonly string[];
  /** Where its files are; an existing empty directory. Default one of its own, removed when disposed. */
  readonly directory?: string;
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
}: PrivatePostgresOptions = {}): Promise<PrivatePostgres> {
  const home = directory ?? (await ownDirectory());
  const data = join(home, 'data');
  const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--wal-segsize=1'];
  await runCommand(program('initdb'), [...args, '--locale=C', '--no-sync'], {
    cwd: home,
    ...systemUser('postgres'),
  });
  await writeFile(join(data, 'postgresql.auto.conf'), [...base, ...config, ''].join('\n'));
  return serve(home, directory === undefined);
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

async function serve(home: string, removes: boolean): Promise<PrivatePostgres> {
  const port = await freePort();
  const data = join(home, 'data');
  const user = systemUser('postgres');
  let server: ChildProcess | undefined;
  let log = '';

  const url = (database: string): string => `postgres://postgres@127.0.0.1:${port}/${database}`;
  const alive = (): boolean =>
    server !== undefined && server.exitCode === null && server.signalCode === null;

  async function query(sql: string, database = 'postgres') {
    const client = new pg.Client({
      connectionString: url(database),
      connectionTimeoutMillis: 5_000,
    });
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async function start(): Promise<void> {
    // A group of its own, so that a signal reaches its helpers too.
    const child = spawn(program('postgres'), ['-D', data, '-p', String(port)], {
      cwd: home,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...user,
    });
    server = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-20_000)));
    }
    const ready = await until(startDeadline, async () => {
      if (!alive()) return false;
      return query('SELECT 1').then(
        () => true,
        () => undefined,
      );
    });
    if (ready !== true)
      throw new Error(`The private PostgreSQL did not start:\n${log.slice(-4000)}`);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const child = server;
    if (child?.pid === undefined || !alive()) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    // SIGINT is the server's fast shutdown, and for itself to pass on.
    process.kill(signal === 'SIGKILL' ? -child.pid : child.pid, signal);
    await exited;
  }

  const discard = async (): Promise<void> => {
    await end('SIGKILL');
    if (removes) await rm(home, { recursive: true, force: true, maxRetries: 5 });
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
    running: alive,
    stop: () => end('SIGINT'),
    kill: () => end('SIGKILL'),
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
