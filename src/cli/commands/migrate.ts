import { Command } from 'commander';
import { migrate } from '../../persistence/migrations/migrate.js';
import { migrationsFor } from '../../persistence/migrations/migrations.js';
import { openDatabase } from '../open-database.js';
import { withDatabaseOptions } from '../database-options.js';
import { placementOf } from '../../persistence/tables/placed-tables.js';
import { requireDatabase } from '../settings.js';
import type { CommonFlags } from '../settings.js';
import { SilentLogger } from '../silent-logger.js';

/** `signalbox migrate`: creates or updates the signalbox tables. */
export function migrateCommand(): Command {
  return withDatabaseOptions(
    new Command('migrate').description(
      'Create or update the signalbox tables (not those of your resources).',
    ),
  )
    .option('--config <file>', 'configuration file')
    .addHelpText('after', '\nExample:\n  signalbox migrate --database sqlite:cloud.sqlite')
    .action(async (flags: CommonFlags) => {
      const settings = await requireDatabase(flags);
      const dataSource = await openDatabase(settings, {
        migrations: migrationsFor(placementOf(settings)),
        logger: new SilentLogger(),
      });
      try {
        const names = await migrate(dataSource);
        for (const name of names) {
          process.stdout.write(`applied ${name}\n`);
        }
        process.stdout.write(
          names.length === 0 ? 'already up to date\n' : `${names.length} applied, up to date\n`,
        );
      } finally {
        await dataSource.destroy();
      }
    });
}
