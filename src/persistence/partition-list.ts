import { partitionCount } from '../core/stores/outbox-store.js';

/** The partitions as a list. Pure. */
export function partitionList(partitions: readonly number[] | 'all'): readonly number[] {
  return partitions === 'all'
    ? Array.from({ length: partitionCount }, (_, partition) => partition)
    : partitions;
}
