import type { EntityManager } from 'typeorm';
import type { LockedRow } from '../../core/planning/plan.js';
import { rowAlias, rowQuery } from '../../persistence/guard/row-reading.js';
import { lockedRow } from '../../persistence/guard/column-values.js';
import { databaseValue } from '../../persistence/guard/driver-values.js';
import type { ResourceBinding } from '../../persistence/resource/binding.js';

/** Rows of a resource as they are now, not locked. */
export interface ResourcePage {
  readonly rows: readonly LockedRow[];
  /** Where the next page begins, as the database writes the uuid; undefined when there is none. */
  readonly next: unknown;
}

/**
 * Reads rows by their uuid, soft-removed ones too: a page goes on where the one before ended, by the index
 * of the uuid. Not by state, which may have no index: looking for rare ones would read all of the table.
 */
export async function readPage(
  manager: EntityManager,
  binding: ResourceBinding,
  options: { readonly limit: number; readonly after?: unknown },
): Promise<ResourcePage> {
  const uuid = `${rowAlias}.${binding.columns.uuid.sql}`;
  const query = rowQuery(manager, binding).orderBy(uuid).limit(options.limit);
  if (options.after !== undefined) query.where(`${uuid} > :after`, { after: options.after });
  const raw = await query.getRawMany<Record<string, unknown>>();
  const last = raw.length < options.limit ? undefined : raw.at(-1);
  return {
    rows: raw.map((each) => lockedRow(binding, each)),
    next: last?.['signalbox_uuid'],
  };
}

/** Whether there is a row with this uuid, soft-removed or not. */
export async function isThere(
  manager: EntityManager,
  { columns, entity }: ResourceBinding,
  uuid: string,
): Promise<boolean> {
  const row = await manager
    .createQueryBuilder()
    .select('1', 'found')
    .from(entity, 'r')
    .withDeleted()
    .where(`r.${columns.uuid.property} = :uuid`, { uuid: databaseValue(columns.uuid, uuid) })
    .getRawOne<object>();
  return row !== undefined;
}
