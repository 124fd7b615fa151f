import type { DataSource } from 'typeorm';
import { chooseApplication } from '../persistence/application.js';
import { openDatabase } from './open-database.js';
import { type OpenStore, openStore } from '../persistence/open-store.js';
import type { CommonFlags } from './settings.js';
import { requireDatabase } from './settings.js';

/**
 * Connects to the configured database, does `work` on its migrated store, and disconnects. The store is of
 * the application that is named, and of the only one there is where none is. Rejects with RefusedError
 * UNKNOWN_APPLICATION for one that is not there, or where none of several is named.
 */
export async function withStore(
  flags: CommonFlags,
  work: (store: OpenStore, dataSource: DataSource) => Promise<void>,
): Promise<void> {
  const settings = await requireDatabase(flags);
  const { application } = settings;
  const dataSource = await openDatabase(settings, { poolSize: 2, mustExist: true });
  try {
    await openStore(dataSource).verifyMigrated();
    await work(openStore(dataSource, await chooseApplication(dataSource, application)), dataSource);
  } finally {
    await dataSource.destroy();
  }
}
