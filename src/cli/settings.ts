import type { Configuration } from '../config/configuration.js';
import { loadConfiguration } from '../config/load-configuration.js';
import { ConfigurationError } from '../core/errors/errors.js';
import { placementOf } from '../persistence/tables/placed-tables.js';

/** Flags that several commands share. */
export interface CommonFlags {
  readonly database?: string;
  readonly bus?: readonly string[];
  readonly config?: string;
  readonly application?: string;
  readonly schema?: string;
  readonly tablePrefix?: string;
}

/** The configuration with the flags on top: flags win over the environment, that over the file. */
export async function settingsOf(flags: CommonFlags): Promise<Configuration> {
  const configuration = await loadConfiguration({ file: flags.config });
  return {
    ...configuration,
    ...(flags.database === undefined ? {} : { database: flags.database }),
    ...(flags.application === undefined ? {} : { application: flags.application }),
    ...placementOf(flags),
    ...(flags.bus === undefined ? {} : { bus: [...flags.bus] }),
  };
}

/** The same, for a command that cannot do without a database. */
export async function requireDatabase(
  flags: CommonFlags,
): Promise<Configuration & { readonly database: string }> {
  const settings = await settingsOf(flags);
  if (settings.database === undefined) {
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      'No database is given. Pass --database, set SIGNALBOX_DATABASE, or put it into signalbox.config.ts.',
      { parameters: { key: 'database' } },
    );
  }
  return { ...settings, database: settings.database };
}
