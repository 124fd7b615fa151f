import type { Command } from 'commander';

/** Adds `--database`, and where in it the tables of Signalbox are. */
export function withDatabaseOptions(
  command: Command,
  description = 'postgres://, mysql://, mariadb:// or sqlite: address',
): Command {
  return command
    .option('--database <url>', description)
    .option('--schema <name>', 'schema of the signalbox tables; on MySQL their database')
    .option('--table-prefix <prefix>', 'prefix of the signalbox tables; default signalbox_');
}
