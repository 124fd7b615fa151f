import type { DataSource, EntityManager } from 'typeorm';
import { ownQueries } from '../tables/placed-tables.js';

// The table is empty most of the time, so what the planner knows of it is wrong when it is full: it
// would read and sort a backlog of a million rows for the first thousand, and look for sixty among all
// the dead ones that a minute's traffic leaves. JIT would compile whatever has no other way than one of these.
export const byKey = [
  ...['bitmapscan', 'hashjoin', 'mergejoin', 'seqscan', 'sort'].map(
    (method) => `SET LOCAL enable_${method} = off`,
  ),
  'SET LOCAL jit = off',
];

/** Runs one statement under `byKey`, in a transaction of its own. */
export async function queryByKey<TResult>(
  dataSource: DataSource,
  text: string,
  values: unknown[] = [],
): Promise<TResult> {
  return dataSource.transaction('READ COMMITTED', async (manager: EntityManager) => {
    await manager.query(byKey.join(';'));
    return ownQueries(manager).query<TResult>(text, values);
  });
}
