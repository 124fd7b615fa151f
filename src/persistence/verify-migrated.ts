import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../core/errors/errors.js';
import { databaseError } from './commit/database-errors.js';
import { ownQueries, tablesOf } from './tables/placed-tables.js';
import { defaultTablePrefix, type TableNames } from './tables/table-names.js';

/** A column of the newest version of each table: a table that lacks it is old. */
const newest: Readonly<Record<string, string>> = {
  signalbox_journal: 'application',
  signalbox_outbox: 'share',
  signalbox_parked: 'resource_key',
  signalbox_deadline: 'missing_since',
  signalbox_lease: 'application',
  signalbox_relay: 'application',
  signalbox_bus: 'target',
  signalbox_job: 'application',
  signalbox_inbox: 'handled_at',
  signalbox_seen: 'revision',
  signalbox_horizon: 'position',
  signalbox_application: 'name',
};

/**
 * Resolves when every signalbox table is there. Rejects with ConfigurationError DATABASE_NOT_MIGRATED
 * when one is missing or old, and with the typed error of a database that cannot be asked.
 */
export async function verifyMigrated(dataSource: DataSource): Promise<void> {
  const columns = Object.entries(newest).map(
    ([table, column]) => `(SELECT count(${column}) FROM ${table} WHERE 1 = 0)`,
  );
  const text = `SELECT ${columns.join(' + ')} AS rows_found`;
  try {
    await ownQueries(dataSource).query(text);
  } catch (cause) {
    const error = databaseError(cause);
    const names = tablesOf(dataSource);
    if (error.code !== 'DATABASE_NOT_MIGRATED' || names.isDefault) throw error;
    throw notPlaced(names, error, await isThere(dataSource, text));
  }
}

/** Whether a statement runs as it is written. */
async function isThere(dataSource: DataSource, text: string): Promise<boolean> {
  return dataSource.query(text).then(
    () => true,
    () => false,
  );
}

function notPlaced(
  { key, schema, prefix }: TableNames,
  { cause }: Error,
  elsewhere: boolean,
): ConfigurationError {
  const placement = [
    ...(schema === undefined ? [] : [`schema: '${schema}'`]),
    ...(prefix === defaultTablePrefix ? [] : [`tablePrefix: '${prefix}'`]),
  ].join(', ');
  return new ConfigurationError(
    'DATABASE_NOT_MIGRATED',
    `A table of ${key}* is missing or old. Run migrate(dataSource) where the DataSource lists migrationsFor({ ${placement} }), or \`signalbox migrate\` with the same schema and prefix; and your own migrations for the resources.${
      elsewhere && schema !== undefined
        ? ` There are signalbox tables outside of the schema: where they are yours, move each by ALTER TABLE … SET SCHEMA "${schema}", or set \`schema\` to theirs.`
        : ''
    }`,
    { parameters: { tables: key }, cause },
  );
}
