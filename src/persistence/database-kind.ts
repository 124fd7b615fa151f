import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../core/errors/errors.js';

/** The families of databases, each with its own writer. */
export type DatabaseKind = 'postgres' | 'mysql' | 'sqlite';

const kinds: Readonly<Record<string, DatabaseKind>> = {
  postgres: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
  'better-sqlite3': 'sqlite',
};

/** Tells which store serves a DataSource. Throws ConfigurationError DATABASE_UNSUPPORTED. */
export function databaseKind(dataSource: DataSource): DatabaseKind {
  const kind = kinds[dataSource.options.type];
  if (kind === undefined) {
    throw new ConfigurationError(
      'DATABASE_UNSUPPORTED',
      `Signalbox does not support DataSource type '${dataSource.options.type}'. Use postgres, mysql, mariadb or better-sqlite3.`,
      { parameters: { type: dataSource.options.type } },
    );
  }
  return kind;
}
