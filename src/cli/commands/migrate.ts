import { Command } from 'commander';
import { migrate } from '../../persistence/migrations/migrate.js';
import { migrations } from '../../persistence/migrations/migrations.js';
import { connectDatabase } from '../../config/connect-database.js';
import { requireDatabase } from '../settings.js';
import type { CommonFlags } from '../settings.js';
import { SilentLogger } from '../silent-logger.js';

/** `signalbox migrate`: creates or updates the signalbox tables. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('Create or update the signalbox tables (not those of your resources).')
    .option('--database <url>', 'postgres://, mysql://, mariadb:// or sqlite: address')
    .option('--config <file>', 'configuration file')
    .addHelpText('after', '\nExample:\n  signalbox migrate --database sqlite:cloud.sqlite')
    .action(async (flags: CommonFlags) => {
      const { database } = await requireDatabase(flags);
      const dataSource = await connectDatabase(database, {
        migrations: [...migrations],
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
