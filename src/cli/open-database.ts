import type { DataSource } from 'typeorm';
import type { Configuration } from '../config/configuration.js';
import { connectDatabase, type DatabaseSettings } from '../config/connect-database.js';
import { placementOf } from '../persistence/tables/placed-tables.js';

/** Connects to the configured database, where the tables of Signalbox are as configured. */
export function openDatabase(
  configuration: Configuration & { readonly database: string },
  settings: DatabaseSettings = {},
): Promise<DataSource> {
  return connectDatabase(configuration.database, {
    ...settings,
    placement: placementOf(configuration),
  });
}
