import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'amqplib';
import { freePort } from '../../scripts/servers/free-port.js';
import { program } from '../../scripts/servers/programs.js';
import { ServerProcess, succeeds } from './server-process.js';

export interface PrivateRabbitmqOptions {
  /** Files in PEM for a TLS listener; the broker then demands a client certificate of that CA. */
  readonly tls?: {
    readonly caFile: string;
    readonly certFile: string;
    readonly keyFile: string;
    /** Whether there is no other listener; it then asks for no client certificate. Default false. */
    readonly only?: boolean;
  };
  /** Plugins of its distribution to enable. Default none. */
  readonly plugins?: readonly string[];
  /** More lines for `rabbitmq.conf`. */
  readonly config?: readonly string[];
  /** What the nodes of one cluster share, so that they can meet. Default a node alone. */
  readonly cluster?: { readonly cookie: string; readonly epmdPort: number };
}

/** A broker of one test file: it may be stopped, killed, paused and reconfigured at will. */
export interface PrivateRabbitmq {
  /** Erlang's name for the node. */
  readonly node: string;
  /** `amqp://guest:guest@127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** The port of the TLS listener; 0 without one. */
  readonly tlsPort: number;
  /** Starts it again after `stop` or `kill`, on the same ports with the same data. */
  start(): Promise<void>;
  /** Ends it as an administrator would. */
  stop(): Promise<void>;
  /** Ends it as a power failure would. */
  kill(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers, until `resume`. */
  pause(): void;
  resume(): void;
  /** Runs `rabbitmqctl` on it and resolves with what it prints. */
  ctl(...args: readonly string[]): Promise<string>;
  /** Ends it and removes its files. */
  dispose(): Promise<void>;
}

/** Starts a RabbitMQ of its own on free ports, from Debian's package. Resolves when it takes logins. */
export async function startPrivateRabbitmq({
  tls,
  plugins = [],
  config = [],
  cluster,
}: PrivateRabbitmqOptions = {}): Promise<PrivateRabbitmq> {
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-rabbitmq-'));
  const [port, distributionPort, tlsPort] = [
    await freePort(),
    await freePort(),
    tls ? await freePort() : 0,
  ];
  const epmdPort = String(cluster?.epmdPort ?? (await freePort()));
  const node = `signalbox-${port}@localhost`;
  const home = join(directory, 'home');
  await mkdir(home);
  await writeFile(
    join(home, '.erlang.cookie'),
    cluster?.cookie ?? randomBytes(16).toString('hex'),
    { mode: 0o400 },
  );
  await writeFile(join(directory, 'enabled_plugins'), `[${plugins.join(',')}].`);
  const lines = [
    tls?.only === true ? 'listeners.tcp = none' : `listeners.tcp.1 = 127.0.0.1:${port}`,
    'log.console = true',
    'disk_free_limit.absolute = 1MB',
    'loopback_users = none',
    ...config,
  ];
  if (tls) {
    lines.push(
      `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
      `ssl_options.cacertfile = ${tls.caFile}`,
      `ssl_options.certfile = ${tls.certFile}`,
      `ssl_options.keyfile = ${tls.keyFile}`,
      `ssl_options.verify = ${tls.only === true ? 'verify_none' : 'verify_peer'}`,
      `ssl_options.fail_if_no_peer_cert = ${tls.only === true ? 'false' : 'true'}`,
    );
  }
  await writeFile(join(directory, 'rabbitmq.conf'), lines.join('\n'));
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    // Erlang's name server would outlive the node and serve the system's: this is a private one.
    ERL_EPMD_PORT: epmdPort,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    LANG: 'C.UTF-8',
    RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: join(directory, 'none'),
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
    RABBITMQ_LOG_BASE: directory,
    RABBITMQ_LOGS: '-',
    RABBITMQ_MNESIA_BASE: join(directory, 'data'),
    RABBITMQ_NODENAME: node,
    // Nodes that no longer hear each other find out within seconds, and not within a minute.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '-kernel inet_dist_use_interface {127,0,0,1} -kernel net_ticktime 4',
  };
  const url =
    tls?.only === true
      ? `amqps://guest:guest@localhost:${tlsPort}`
      : `amqp://guest:guest@127.0.0.1:${port}`;
  const server = new ServerProcess({
    name: 'RabbitMQ',
    spawn: () =>
      spawn(program('rabbitmq-server'), [], {
        env,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    answers: () => succeeds(loginTo(url)),
    // The shell, the virtual machine and its helpers.
    toGroup: ['SIGTERM', 'SIGKILL', 'SIGSTOP', 'SIGCONT'],
  });

  /** It refuses to go until it has noticed that its node is dead. */
  async function endNameServer(): Promise<void> {
    for (let tries = 0; tries < 50; tries += 1) {
      const outcome = await run(program('epmd'), ['-port', epmdPort, '-kill'], env).catch(String);
      if (!outcome.includes('living nodes')) return;
      await delay(100);
    }
  }

  await server.start();
  return {
    node,
    url,
    port,
    tlsPort,
    start: () => server.start(),
    stop: () => server.end('SIGTERM'),
    kill: () => server.end('SIGKILL'),
    pause: () => server.pause(),
    resume: () => server.resume(),
    ctl: (...args) =>
      run(join(dirname(program('rabbitmq-server')), 'rabbitmqctl'), ['-q', ...args], env),
    async dispose() {
      await server.end('SIGKILL');
      await endNameServer();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function loginTo(url: string): Promise<void> {
  // Whoever asks whether it is there need not know its authority.
  const connection = await connect(url, { timeout: 2_000, rejectUnauthorized: false });
  await connection.close();
}

async function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${String(code)}:\n${output}`);
  return output;
}
