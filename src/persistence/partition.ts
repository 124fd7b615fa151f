import { partitionCount } from '../core/stores/outbox-store.js';

/**
 * The outbox partition of a resource: pure and the same in every process and release, because order per
 * resource rests on one relay holding the partition. FNV-1a over the text of the uuid; events of no
 * resource go by their own id.
 */
export function partitionOf(uuid: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < uuid.length; index += 1) {
    hash = Math.imul(hash ^ uuid.charCodeAt(index), 0x01000193);
  }
  // The low bits of FNV-1a over similar texts are the weakest.
  return ((hash >>> 16) ^ hash) & (partitionCount - 1);
}
