import type { DataSource } from 'typeorm';
import { expect } from 'vitest';
import { eventually } from './eventually.js';

/** Resolves when one connection to this PostgreSQL database waits for a lock. */
export async function waitingForLock(dataSource: DataSource): Promise<void> {
  await eventually(async () => {
    const [{ count }] = await dataSource.query<[{ count: string }]>(
      `SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    expect(count).toBe('1');
  });
}
