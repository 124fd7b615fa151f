import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';
import { databaseKind } from '../database-kind.js';
import { TableNames, type TablePlacement } from './table-names.js';

const placed = new WeakMap<DataSource, TableNames>();

/**
 * Sets where Signalbox's own tables are for this DataSource: everything that takes it then reads and writes
 * those. `createSignalbox({ schema, tablePrefix })` does it by itself; call it where there is no Signalbox,
 * before the first use of the DataSource by Signalbox. Safe to call twice.
 *
 * @throws ConfigurationError CONFIG_VALUE_INVALID for names that cannot be used, for a schema on SQLite, and
 * where the DataSource uses other tables already: each placement needs a DataSource of its own.
 *
 * @example
 * ```ts
 * placeTables(dataSource, { schema: 'staging', tablePrefix: 'storage_' });
 * await purgeInbox(dataSource, { retention: 30 * 24 * 3600 * 1000 });
 * ```
 */
export function placeTables(dataSource: DataSource, placement: TablePlacement): void {
  if (placement.schema === undefined && placement.tablePrefix === undefined) return;
  const names = namesFor(dataSource, placement);
  const known = placed.get(dataSource);
  if (known !== undefined && known.key !== names.key) {
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      `The DataSource uses the tables ${known.key}* already, and not ${names.key}*. Give each schema and each prefix a DataSource of its own, and set them before anything else uses it.`,
      { parameters: { key: 'tablePrefix', known: known.key, wanted: names.key } },
    );
  }
  placed.set(dataSource, names);
}

/** The names of the tables that a DataSource uses, from now on. */
export function tablesOf(dataSource: DataSource): TableNames {
  let names = placed.get(dataSource);
  if (names === undefined) {
    names = namesFor(dataSource, {});
    placed.set(dataSource, names);
  }
  return names;
}

/** The names in a placement, which the schema of the DataSource completes. Pure. */
export function namesFor(dataSource: DataSource, placement: TablePlacement): TableNames {
  const kind = databaseKind(dataSource);
  const { schema } = dataSource.options as { readonly schema?: string };
  return new TableNames(kind, {
    ...(kind === 'postgres' && schema !== undefined ? { schema } : {}),
    ...placement,
  });
}

/** Sends Signalbox's own statements. */
export interface OwnQueries {
  query<T>(text: string, parameters?: unknown[]): Promise<T>;
}

/** Sends statements of Signalbox over a DataSource, a manager or a query runner, to where its tables are. */
export function ownQueries(target: DataSource | EntityManager | QueryRunner): OwnQueries {
  const names = tablesOf('dataSource' in target ? target.dataSource : target);
  const queries = target as OwnQueries;
  return names.isDefault
    ? queries
    : { query: (text, parameters) => queries.query(names.resolve(text), parameters) };
}

/** Where the tables of Signalbox are, as far as it is set. Pure. */
export function placementOf({ schema, tablePrefix }: TablePlacement): TablePlacement {
  return {
    ...(schema === undefined ? {} : { schema }),
    ...(tablePrefix === undefined ? {} : { tablePrefix }),
  };
}
