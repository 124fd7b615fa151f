import type { EntityManager } from 'typeorm';
import { databaseKind } from '../database-kind.js';
import type { ResourceBinding } from '../resource/binding.js';
import { databaseValue } from './driver-values.js';
import { rowAlias } from './row-reading.js';

/**
 * SQL assignments that move the columns which TypeORM moves at each save, `@VersionColumn` and
 * `@UpdateDateColumn`: a transition moves them too. Empty where the binding leaves them to TypeORM.
 *
 * @param row Names the row, with its dot; empty where nothing has to.
 * @param steps SQL for how many transitions the statement makes of each row.
 */
export function automaticSets(binding: ResourceBinding, row = '', steps = '1'): readonly string[] {
  if (binding.leavesAutomatic) {
    return [];
  }
  const { versionColumn, updateDateColumn, dataSource } = binding.metadata;
  const { driver } = dataSource;
  const version =
    versionColumn === undefined ? undefined : driver.escape(versionColumn.databaseName);
  return [
    ...(version === undefined ? [] : [`${version} = ${row}${version} + ${steps}`]),
    ...(updateDateColumn === undefined
      ? []
      : [`${driver.escape(updateDateColumn.databaseName)} = ${now(binding)}`]),
  ];
}

/** As precise as the column is; TypeORM's own CURRENT_TIMESTAMP has whole seconds on MySQL and SQLite. */
function now({ metadata: { dataSource, updateDateColumn } }: ResourceBinding): string {
  switch (databaseKind(dataSource)) {
    case 'postgres':
      return 'CURRENT_TIMESTAMP';
    case 'mysql':
      return `CURRENT_TIMESTAMP(${updateDateColumn?.precision ?? 6})`;
    case 'sqlite':
      return `strftime('%Y-%m-%d %H:%M:%f', 'now')`;
  }
}

/** The values of an entity's automatic columns. */
export function readAutomatic(binding: ResourceBinding, entity: object): readonly unknown[] {
  return automatic(binding).map((column) => column.getEntityValue(entity) as unknown);
}

/** Sets the automatic columns of the entities to what the row says now. */
export async function reloadAutomatic(
  manager: EntityManager,
  binding: ResourceBinding,
  uuid: string,
  entities: readonly object[],
): Promise<void> {
  const columns = automatic(binding);
  if (columns.length === 0) {
    return;
  }
  const { driver } = binding.metadata.dataSource;
  const key = binding.columns.uuid;
  const query = manager.createQueryBuilder(binding.entity, rowAlias).withDeleted().select([]);
  columns.forEach(({ databaseName }, index) =>
    query.addSelect(`${rowAlias}.${driver.escape(databaseName)}`, `automatic_${index}`),
  );
  const raw = await query
    .where(`${rowAlias}.${key.sql} = :uuid`, { uuid: databaseValue(key, uuid) })
    .getRawOne<Record<string, unknown>>();
  columns.forEach((column, index) => {
    const value: unknown = driver.prepareHydratedValue(raw?.[`automatic_${index}`], column);
    entities.forEach((entity) => column.setEntityValue(entity, value));
  });
}

/**
 * Takes stale values of automatic columns from TypeORM's sight, which would write them back: those that
 * are as the entity was read.
 */
export function hideStaleAutomatic(
  binding: ResourceBinding,
  entity: object,
  databaseEntity: object,
  agreed: readonly unknown[] | undefined,
): void {
  automatic(binding).forEach((column, index) => {
    const value: unknown = column.getEntityValue(entity);
    if (value !== undefined && same(value, agreed?.[index])) {
      column.setEntityValue(databaseEntity, value);
    }
  });
}

function automatic({ metadata: { versionColumn, updateDateColumn } }: ResourceBinding) {
  return [versionColumn, updateDateColumn].filter((column) => column !== undefined);
}

function same(one: unknown, other: unknown): boolean {
  return one instanceof Date && other instanceof Date
    ? Number(one) === Number(other)
    : one === other;
}
