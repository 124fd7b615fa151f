import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import type { Recipe } from './instance.js';
import { program } from './programs.js';
import { runCommand } from './run-command.js';
import type { ServiceName } from './service.js';

const postgres: Recipe = {
  service: 'postgres',
  user: 'postgres',
  async prepare(directory, user) {
    const args = ['-D', join(directory, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8'];
    // The data is thrown away; only what the server itself commits must be on the disk.
    await runCommand(program('initdb'), [...args, '--locale=C', '--no-sync'], {
      cwd: directory,
      ...user,
    });
  },
  launch: async (directory, port) => ({
    command: program('postgres'),
    args: [
      `-D${join(directory, 'data')}`,
      `--port=${port}`,
      '--listen_addresses=127.0.0.1',
      '--unix_socket_directories=',
      '--max_connections=200',
    ],
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    // Fast shutdown; SIGTERM would wait until every client has left.
    stopSignal: 'SIGINT',
  }),
};

const mariadb: Recipe = {
  service: 'mariadb',
  user: 'mysql',
  async prepare(directory, user) {
    await runCommand(
      program('mariadb-install-db'),
      [
        '--no-defaults',
        `--datadir=${join(directory, 'data')}`,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
      ],
      { cwd: directory, ...user },
    );
  },
  launch: async (directory, port) => ({
    command: program('mariadbd'),
    args: [
      '--no-defaults',
      `--datadir=${join(directory, 'data')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(directory, 'socket')}`,
      `--pid-file=${join(directory, 'pid')}`,
    ],
    url: `mysql://root@127.0.0.1:${port}/`,
    stopSignal: 'SIGTERM',
  }),
};

const rabbitmq: Recipe = {
  service: 'rabbitmq',
  user: 'rabbitmq',
  async prepare(directory) {
    await writeFile(join(directory, 'enabled_plugins'), '[].\n');
    await writeFile(join(directory, 'environment.conf'), '');
  },
  async launch(directory, port) {
    // Erlang's name server would outlive the node and be shared with the system's: use our own.
    const epmdPort = String(await freePort());
    await writeFile(
      join(directory, 'rabbitmq.conf'),
      `listeners.tcp.1 = 127.0.0.1:${port}\ndisk_free_limit.absolute = 50MB\n`,
    );
    return {
      command: program('rabbitmq-server'),
      args: [],
      env: {
        HOME: directory,
        ERL_EPMD_PORT: epmdPort,
        ERL_EPMD_ADDRESS: '127.0.0.1',
        RABBITMQ_CONF_ENV_FILE: join(directory, 'environment.conf'),
        RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
        RABBITMQ_DIST_PORT: String(await freePort()),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
        RABBITMQ_LOG_BASE: directory,
        RABBITMQ_LOGS: '-',
        RABBITMQ_MNESIA_BASE: join(directory, 'data'),
        RABBITMQ_NODENAME: `signalbox-${port}@localhost`,
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      },
      url: `amqp://guest:guest@127.0.0.1:${port}`,
      stopSignal: 'SIGTERM',
      afterStop: [program('epmd'), '-port', epmdPort, '-kill'],
    };
  },
};

/** How to run a private instance of each service. */
export const recipes: Readonly<Record<ServiceName, Recipe>> = { postgres, mariadb, rabbitmq };
