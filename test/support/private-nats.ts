import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { freePort } from '../../scripts/servers/free-port.js';
import { program } from '../../scripts/servers/programs.js';
import { ServerProcess } from './server-process.js';

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
  const server = new ServerProcess({
    name: 'NATS',
    spawn: () => spawn(program('nats-server'), ['-c', file], { stdio: ['ignore', 'pipe', 'pipe'] }),
    answers: () => answers(port),
    deadline: 30_000,
  });

  await server.start();
  return {
    port,
    url: `nats://127.0.0.1:${port}`,
    data,
    start: () => server.start(),
    stop: () => server.end('SIGTERM'),
    kill: () => server.end('SIGKILL'),
    pause: () => server.pause(),
    resume: () => server.resume(),
    async dispose() {
      await server.end('SIGKILL');
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
    // A server that wants credentials, or TLS, is there too.
    return error instanceof Error && /authorization|certificate/i.test(error.message);
  }
}
