import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DataSource } from 'typeorm';
import type { DataSourceOptions } from 'typeorm';
import { maskUrl } from '../delivery/amqp/mask-url.js';
import { ConfigurationError } from '../core/errors/errors.js';
import { placeTables } from '../persistence/tables/placed-tables.js';
import { defaultTablePrefix, type TablePlacement } from '../persistence/tables/table-names.js';
import { addressParameters } from './address-parameters.js';
import { mysqlAddressOptions } from './mysql-address.js';
import { databaseFileMissing, openingError } from './opening-error.js';
import { postgresAddress } from './postgres-address.js';

/** Settings of a DataSource besides its address. */
export type DatabaseSettings = Pick<DataSourceOptions, 'entities' | 'logger' | 'migrations'> & {
  /** Connections of the pool; default the driver's. SQLite has one. */
  readonly poolSize?: number;
  /** Whether a SQLite file that is not there is an error, and not to be created. Default false. */
  readonly mustExist?: boolean;
  /** Where the tables of Signalbox are. */
  readonly placement?: TablePlacement;
};

/**
 * The TypeORM options for a database address: `postgres://`, `mysql://`, `mariadb://`, or
 * `sqlite:path`. Reads the files of certificates that the address names. Each parameter of the address is
 * honoured or refused by its name. Throws ConfigurationError CONFIG_VALUE_INVALID, without the address.
 */
export function dataSourceOptions(url: string, settings: DatabaseSettings = {}): DataSourceOptions {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  const pool = settings.poolSize === undefined ? {} : { poolSize: settings.poolSize };
  const mapped = {
    entities: settings.entities ?? [],
    migrations: settings.migrations ?? [],
    // A list of its own, so that it never meets the user's migrations.
    migrationsTableName: `${settings.placement?.tablePrefix ?? defaultTablePrefix}migration`,
    ...(settings.logger === undefined ? {} : { logger: settings.logger }),
  };
  switch (scheme) {
    case 'postgres':
    case 'postgresql': {
      const [base, query] = parts(url);
      const { schema } = settings.placement ?? {};
      return {
        type: 'postgres',
        ...postgresAddress(base, query),
        ...pool,
        ...mapped,
        ...(schema === undefined ? {} : { schema }),
      };
    }
    case 'mysql':
    case 'mariadb': {
      const [base, query, host] = parts(url);
      return { type: scheme, url: base, ...mysqlAddressOptions(query, host), ...pool, ...mapped };
    }
    case 'sqlite':
    case 'file':
      addressParameters(/\?(.*)/s.exec(url)?.[1] ?? '', 'SQLite', {});
      return {
        type: 'better-sqlite3',
        database: url.replace(/^[a-z]+:(\/\/)?/i, ''),
        fileMustExist: settings.mustExist ?? false,
        enableWAL: true,
        // Signalbox promises durability; WAL alone would allow `synchronous = NORMAL`.
        prepareDatabase: (connection: { pragma(text: string): unknown }) => {
          connection.pragma('synchronous = FULL');
        },
        ...mapped,
      };
    default:
      throw new ConfigurationError(
        'CONFIG_VALUE_INVALID',
        `The database address must begin with postgres://, mysql://, mariadb:// or sqlite:, not ` +
          `${scheme === undefined ? 'without a scheme' : `'${scheme}:'`}.`,
        { parameters: { key: 'database', scheme: scheme ?? null } },
      );
  }
}

/** The address before its query, the query, and the host. What follows a `#` would be lost in silence. */
function parts(url: string): [base: string, query: string, host: string] {
  const begins = /^[a-z]+:\/\//i.test(url);
  // An empty host is a socket of PostgreSQL, in its query.
  const read = begins ? (parsed(url) ?? parsed(url.replace('@/', '@localhost/'))) : undefined;
  if (read === undefined || read.hash !== '') {
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      'The database address is no valid URL, as scheme://host/database is. ' +
        'Percent-encode special characters in its user and password.',
      { parameters: { key: 'database' } },
    );
  }
  const query = url.indexOf('?');
  return query < 0
    ? [url, '', read.hostname]
    : [url.slice(0, query), url.slice(query + 1), read.hostname];
}

function parsed(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}

/**
 * Connects to a database; makes a SQLite file that is not there, and no folder for it. Rejects with
 * ConfigurationError (address, credentials, missing driver) or UnavailableError (away); both name the
 * address, without its password and query.
 */
export async function connectDatabase(
  url: string,
  settings: DatabaseSettings = {},
): Promise<DataSource> {
  try {
    const options = dataSourceOptions(url, settings);
    if (options.type === 'better-sqlite3') assertFolder(url, options.database, settings);
    const dataSource = new DataSource(options);
    placeTables(dataSource, settings.placement ?? {});
    return await dataSource.initialize();
  } catch (error) {
    throw openingError(error, isFile(url) ? url : maskUrl(url), settings);
  }
}

/** TypeORM makes the folders of a path, and leaves them where the file is then refused. */
function assertFolder(url: string, file: string, { mustExist = false }: DatabaseSettings): void {
  const folder = dirname(file);
  if (isFolder(folder)) return;
  if (mustExist) throw databaseFileMissing(url);
  throw new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    `${url}: There is no folder ${folder}. Check the path, or make the folder.`,
    { parameters: { key: 'database', folder } },
  );
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Not there, or below what is a file.
    return false;
  }
}

function isFile(url: string): boolean {
  return /^(sqlite|file):/i.test(url);
}
