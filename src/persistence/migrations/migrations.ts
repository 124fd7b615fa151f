import type { MigrationInterface } from 'typeorm';
import type { TablePlacement } from '../tables/table-names.js';
import { CreateSignalbox1700000000000 } from './1700000000000-create-signalbox.js';
import { AddConsumers1764000000000 } from './1764000000000-add-consumers.js';
import { AddApplications1796083200000 } from './1796083200000-add-applications.js';
import { AddNotificationService1796515200000 } from './1796515200000-add-notification-service.js';

const all = [
  CreateSignalbox1700000000000,
  AddConsumers1764000000000,
  AddApplications1796083200000,
  AddNotificationService1796515200000,
] as const;

/**
 * The migrations of the signalbox tables, for your DataSource: `migrations: [...migrations, …]`.
 * `signalbox migrate` runs the same ones from the command line; use one of the two on a database.
 */
export const migrations: readonly (new () => MigrationInterface)[] = Object.freeze(all);

/**
 * The migrations of the signalbox tables in a schema of their own, or under another prefix:
 * `migrations: [...migrationsFor({ tablePrefix: 'storage_' }), …]`. Each placement has names of its own in the
 * list of migrations, so that several may share a DataSource. On PostgreSQL the first one makes the schema if
 * it is not there; a database of MySQL or MariaDB must be there. Pure.
 *
 * They throw ConfigurationError CONFIG_VALUE_INVALID, when they are run, for names that cannot be used and for
 * a schema on SQLite.
 *
 * @example
 * ```ts
 * const placement = { schema: 'staging' };
 * const dataSource = new DataSource({ type: 'postgres', url, migrations: migrationsFor(placement) });
 * await migrate(await dataSource.initialize());
 * const signalbox = await createSignalbox({ dataSource, resources: [Volume], ...placement });
 * ```
 */
export function migrationsFor(placement: TablePlacement): (new () => MigrationInterface)[] {
  return all.map(
    (Migration: new (placement: TablePlacement) => MigrationInterface) =>
      class extends Migration {
        constructor() {
          super(placement);
        }
      },
  );
}
