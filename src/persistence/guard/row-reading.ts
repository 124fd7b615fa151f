import { type EntityManager, FindOptionsUtils, type SelectQueryBuilder } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';
import type { ResourceBinding } from '../resource/binding.js';
import { lockedRow, lockedSelection } from './column-values.js';
import { databaseValue } from './driver-values.js';
import type { LockedRow } from '../../core/planning/plan.js';

/** The alias of the resource's table in these queries. */
export const rowAlias = 'r';

/**
 * A query over the rows of a resource that returns what `lockedRow` reads, soft-removed rows included:
 * they are resources like the others.
 */
export function rowQuery(
  manager: EntityManager,
  binding: ResourceBinding,
): SelectQueryBuilder<object> {
  const query = manager.createQueryBuilder(binding.entity, rowAlias).withDeleted().select([]);
  for (const { sql, name } of lockedSelection(binding)) {
    query.addSelect(`${rowAlias}.${sql}`, name);
  }
  return query;
}

/** One row as it is, without its entity; undefined where there is none. */
export async function readRowOf(
  manager: EntityManager,
  binding: ResourceBinding,
  uuid: string,
): Promise<LockedRow | undefined> {
  const { uuid: column } = binding.columns;
  const raw = await rowQuery(manager, binding)
    .where(`${rowAlias}.${column.sql} = :uuid`, { uuid: databaseValue(column, uuid) })
    .getRawOne<Record<string, unknown>>();
  return raw === undefined ? undefined : lockedRow(binding, raw);
}

/**
 * The entities of these rows by uuid, with all that the context projection needs: soft-removed rows,
 * eager relations, and the relations and columns of `contextNeeds`. Related rows that are soft-removed
 * are left out, as TypeORM leaves them out by default. A row that TypeORM hides is left out of the map.
 *
 * @param lock Locks the rows, and the related ones: a plain SELECT of MySQL may see older ones. (A shared
 * lock would do, but TypeORM words it for a MariaDB behind the type `mysql` as MySQL 8 alone reads it.)
 */
export async function readEntities(
  manager: EntityManager,
  binding: ResourceBinding,
  uuids: readonly string[],
  lock?: 'pessimistic_write',
): Promise<ReadonlyMap<string, object>> {
  const { uuid } = binding.columns;
  const query = manager.createQueryBuilder(binding.entity, rowAlias);
  // LEFT JOINs: an inner one would hide the row itself. Joined before withDeleted(), which would
  // show soft-removed related rows.
  FindOptionsUtils.joinEagerRelations(query, rowAlias, binding.metadata, 'left');
  for (const path of binding.needs.relations) {
    joinPath(query, path);
  }
  for (const { relation, property } of binding.needs.columns) {
    query.addSelect(`${joinPath(query, relation)}.${property}`);
  }
  query.withDeleted().where(`${rowAlias}.${uuid.sql} IN (:...uuids)`, {
    uuids: uuids.map((each) => databaseValue(uuid, each)),
  });
  if (lock !== undefined) {
    query.setLock(lock);
  }
  const entities = await query.getMany();
  return new Map(
    entities.map((entity) => [
      String(uuid.metadata.getEntityValue(entity) as unknown).toLowerCase(),
      entity,
    ]),
  );
}

/** Joins a relation path once, and returns the alias of its end. */
function joinPath(query: SelectQueryBuilder<object>, path: readonly string[]): string {
  return path.reduce((alias, property) => {
    const selection = `${alias}.${property}`;
    const joined = query.expressionMap.joinAttributes.find(
      ({ entityOrProperty }) => entityOrProperty === selection,
    );
    if (joined !== undefined) {
      return joined.alias.name;
    }
    const name = `needed_${query.expressionMap.joinAttributes.length}`;
    query.leftJoinAndSelect(selection, name);
    return name;
  }, rowAlias);
}

/** The error for a row that is there although TypeORM returns no entity for it. */
export function entityHidden({ resource, entity }: ResourceBinding, uuid: string): Error {
  return new ConfigurationError(
    'ENTITY_HIDDEN',
    `The row of ${resource} ${uuid} is there, but TypeORM returns no ${entity.name} for it, so its guards ` +
      'cannot be asked. Look for a discriminator value that no class has, or for an afterLoad hook that ' +
      'changes the uuid.',
    { parameters: { resource, uuid, entity: entity.name } },
  );
}
