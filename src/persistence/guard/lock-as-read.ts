import type { EntityManager } from 'typeorm';
import { type LockedRow, revisionConflict, unknownResource } from '../../core/planning/plan.js';
import { incompleteRow, revisionsExhausted } from '../../core/planning/unusable-row.js';
import type { ResourceBinding } from '../resource/binding.js';
import { readRole } from './entity-roles.js';
import type { SubscriberParts } from './subscriber-parts.js';

/**
 * Locks the row of an entity until the transaction ends. Rejects when there is none, when the row cannot be
 * read, and with ConflictError when it has moved since the entity was read.
 */
export async function lockAsRead(
  store: Required<SubscriberParts>['store'],
  binding: ResourceBinding,
  manager: EntityManager,
  entity: object,
): Promise<{ readonly uuid: string; readonly row: LockedRow }> {
  const uuid = String(readRole(binding, entity, 'uuid')).toLowerCase();
  const row = (await store.lockWithin(manager, binding, [uuid])).get(uuid);
  if (row === undefined) throw unknownResource(binding, uuid);
  const unusable = incompleteRow(binding, row) ?? revisionsExhausted(binding, row);
  if (unusable !== undefined) throw unusable;
  const expected = readRole(binding, entity, 'revision');
  if (expected != null && Number(expected) !== row.revision) {
    throw revisionConflict(binding, row, Number(expected));
  }
  return { uuid, row };
}
