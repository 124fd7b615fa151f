import type { BoundColumn, ResourceBinding } from '../resource/binding.js';
import { databaseValue, timeProperty } from '../guard/column-values.js';

/**
 * The type a text parameter is cast to before it meets this column, so that PostgreSQL can use the
 * column's index and accept the assignment.
 */
export function castType({ type, metadata }: BoundColumn): string {
  switch (type) {
    case 'character':
    case 'char':
      // `character` alone means a length of 1.
      return 'bpchar';
    case 'enum': {
      const { enumName, entityMetadata, databaseName } = metadata;
      // As TypeORM names it.
      const name = enumName ?? `${entityMetadata.tableName}_${databaseName.toLowerCase()}_enum`;
      const { driver } = entityMetadata.dataSource;
      const { schema } = entityMetadata;
      return schema === undefined
        ? driver.escape(name)
        : `${driver.escape(schema)}.${driver.escape(name)}`;
    }
    default:
      return type;
  }
}

/** SQL text of a uuid as the `uuid` column takes it. */
export function uuidSql({ columns }: ResourceBinding, uuid: string): string {
  return columns.uuid.type === 'uuid' ? uuid : `${uuid}::text::${castType(columns.uuid)}`;
}

/** How the database writes a state that the lifecycle knows by this name. */
export function stateText({ columns }: ResourceBinding, state: string): string {
  return String(databaseValue(columns.state, state));
}

/** A point in time as text that casts to the `stateSince` column. */
export function sinceText(column: BoundColumn, time: string): string {
  const value = databaseValue(column, timeProperty(column, time));
  if (!(value instanceof Date)) {
    return String(value);
  }
  return column.type === 'timestamp without time zone' || column.type === 'timestamp'
    ? localTime(value)
    : value.toISOString();
}

/** TypeORM reads and writes a timestamp without a zone in the zone of this process. */
function localTime(date: Date): string {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, -1);
}

/** SQL text for the part of a payload that the row tells; `payloadTenancy` in the database. */
export function tenancySql({ columns }: ResourceBinding, alias: string): string {
  const parts = (['account', 'domain', 'project'] as const).flatMap((role) => {
    const column = columns[role];
    return column === undefined
      ? []
      : [
          `CASE coalesce(${alias}.${column.sql}::text, '') WHEN '' THEN '' ` +
            `ELSE ',"${role}":' || to_json(${alias}.${column.sql}::text)::text END`,
        ];
  });
  return parts.length === 0 ? `''` : parts.join(' || ');
}
