import type { EntityManager, QueryRunner } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';

/**
 * The query runner of a manager that is inside a transaction. Throws ConfigurationError
 * TRANSACTION_MISSING otherwise: without one, each statement would commit by itself.
 */
export function openTransaction(manager: EntityManager): QueryRunner {
  const runner = manager.queryRunner;
  if (runner?.isTransactionActive !== true) {
    throw new ConfigurationError(
      'TRANSACTION_MISSING',
      'The given manager has no transaction open. Pass the manager that dataSource.transaction() hands to its callback.',
    );
  }
  return runner;
}
