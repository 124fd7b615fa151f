import type { DataSource } from 'typeorm';
import { connectDatabase } from '../config/connect-database.js';
import { type OpenStore, openStore } from '../persistence/open-store.js';
import type { CommonFlags } from './settings.js';
import { requireDatabase } from './settings.js';

/** Connects to the configured database, does `work` on its migrated store, and disconnects. */
export async function withStore(
  flags: CommonFlags,
  work: (store: OpenStore, dataSource: DataSource) => Promise<void>,
): Promise<void> {
  const { database } = await requireDatabase(flags);
  const dataSource: DataSource = await connectDatabase(database, { poolSize: 2, mustExist: true });
  try {
    const store = openStore(dataSource);
    await store.verifyMigrated();
    await work(store, dataSource);
  } finally {
    await dataSource.destroy();
  }
}
