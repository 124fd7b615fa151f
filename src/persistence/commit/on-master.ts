import type { DataSource, EntityManager } from 'typeorm';

/**
 * Runs `work` on the server that takes the writes. TypeORM sends reads to a replica where there are
 * some, and a replica may lag: it would tell of a resource that was just created that there is none.
 */
export async function onMaster<T>(
  dataSource: DataSource,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  if (!('replication' in dataSource.options)) {
    return work(dataSource.manager);
  }
  const runner = dataSource.createQueryRunner('master');
  try {
    return await work(runner.manager);
  } finally {
    await runner.release();
  }
}
