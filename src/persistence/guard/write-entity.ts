import type { DataSource, EntityManager } from 'typeorm';
import { openTransaction } from '../commit/open-transaction.js';
import { ownTransaction, workError } from '../commit/own-transaction.js';
import { refuseInsideTransaction } from '../commit/transaction-context.js';
import type { LifecycleSubscriber } from './subscriber.js';
import type { EntityDescription } from './subscriber-parts.js';

/** Options of writing an entity: the actor, the reason and the transaction. */
export interface WriteOptions extends EntityDescription {
  readonly manager?: EntityManager;
}

/**
 * Lets TypeORM write an entity by `work`: in the caller's transaction, or in one that commits by itself
 * and is tried again as `commit` does. Each try finds the entity, and all that hangs on it, as the first
 * did. What entity listeners throw passes unchanged.
 */
export async function writeEntity<T>(
  dataSource: DataSource,
  subscriber: LifecycleSubscriber,
  entity: object,
  { manager, ...description }: WriteOptions,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  if (manager?.queryRunner !== undefined) {
    openTransaction(manager);
    subscriber.describe(entity, description);
    return work(manager).catch((error: unknown) => {
      throw workError(error, manager.queryRunner);
    });
  }
  refuseInsideTransaction(dataSource);
  const putBack = subscriber.snapshot(entity);
  let isFirst = true;
  return ownTransaction(dataSource, (own) => {
    if (!isFirst) putBack();
    isFirst = false;
    subscriber.describe(entity, description);
    return work(own);
  });
}
