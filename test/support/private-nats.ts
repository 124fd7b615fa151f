import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { freePort } from '../../scripts/servers/free-port.js';
import { program } from '../../scripts/servers/programs.js';
import { freeze } from './freeze.js';

const startDeadline = 30_000;

/** A NATS server of one test file: it may be stopped and killed at will. */
export interface PrivateNats {
  readonly port: number;
  /** `nats://127.0.0.1:<port>` */
  readonly url: string;
  /** Where its streams are. */
  readonly data: string;
  /** Starts it again on the same port with the same data. */
  start(): Promise<void>;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Ends it as a power failure would. */
  kill(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers, until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends it and removes its files. */
  dispose(): Promise<void>;
}

/** Starts a NATS server with JetStream on a free port, from Debian's package. */
export async function startPrivateNats(config: readonly string[] = []): Promise<PrivateNats> {
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-nats-'));
  const port = await freePort();
  const file = join(directory, 'nats.conf');
  const data = join(directory, 'data');
  await writeFile(
    file,
    [
      `listen: "127.0.0.1:${port}"`,
      // The default of 1 MB is less than a body of 1 MiB with its headers.
      'max_payload: 8MB',
      `jetstream { store_dir: "${data}" }`,
      ...config,
    ].join('\n'),
  );
  let server: ChildProcess | undefined;
  let log = '';

  async function start(): Promise<void> {
    const child = spawn(program('nats-server'), ['-c', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    server = child;
    child.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const end = performance.now() + startDeadline;
    while (!(await answers(port))) {
      if (child.exitCode !== null || performance.now() > end) {
        throw new Error(`The private NATS did not start:\n${log.slice(-4000)}`);
      }
      await delay(50);
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const child = server;
    server = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  }
  const kill = (): Promise<void> => end('SIGKILL');

  await start();
  return {
    port,
    url: `nats://127.0.0.1:${port}`,
    data,
    start,
    stop: () => end('SIGTERM'),
    kill,
    pause: () => {
      if (server?.pid !== undefined) freeze(server.pid);
    },
    resume: () => void server?.kill('SIGCONT'),
    async dispose() {
      await kill();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false });
    await connection.close();
    return true;
  } catch (error) {
    // A server that wants credentials is there too.
    return error instanceof Error && /authorization/i.test(error.message);
  }
}
