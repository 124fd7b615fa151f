import { RefusedError } from '../../core/errors/errors.js';

/** Pure. What `Bus.publishToPool` rejects with when there is no such pool. */
export function poolUnknown(bus: string, pool: string): RefusedError {
  return RefusedError.of(
    'POOL_UNKNOWN',
    `The bus ${bus} has no pool ${JSON.stringify(pool)}, so nothing was sent. Check the spelling, or subscribe a member first: that makes the pool.`,
    { bus, pool },
  );
}
