import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { ServiceName } from './service.js';

// Debian keeps the programs of each PostgreSQL version off the PATH, and wraps RabbitMQ's script in one
// that knows only the system's instance.
const needed: Readonly<Record<ServiceName, readonly string[]>> = {
  postgres: ['initdb', 'postgres'],
  mariadb: ['mariadb-install-db', 'mariadbd'],
  rabbitmq: ['rabbitmq-server', 'epmd'],
};

/** True when the server's programs are installed, so that a private instance can be started. */
export function isInstalled(service: ServiceName): boolean {
  return needed[service].every((name) => findProgram(name) !== undefined);
}

/** The full path of an installed program. Throws when there is none. */
export function program(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`the program ${name} is not installed`);
  return path;
}

function findProgram(name: string): string | undefined {
  const directories = [
    '/usr/lib/rabbitmq/bin',
    ...postgresDirectories(),
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
  ];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function postgresDirectories(): readonly string[] {
  const base = '/usr/lib/postgresql';
  try {
    const versions = readdirSync(base).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(base, version, 'bin'));
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
