import type { BoundColumn, ResourceBinding } from '../resource/binding.js';
import { timeProperty } from '../guard/column-values.js';
import { databaseValue } from '../guard/driver-values.js';
import { stateOfValues, stateValues } from '../guard/state-columns.js';

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
export function stateText(binding: ResourceBinding, state: string): string {
  return stateValues(binding, state)
    .map((value) => (value == null ? '' : String(value as string | number)))
    .join(partSeparator);
}

const stateNamesByText = new WeakMap<object, ReadonlyMap<string, string>>();

/** The name of the state that `stateSql` reads; the text itself where the lifecycle has no such state. */
export function stateName(binding: ResourceBinding, text: string | null): string {
  const { state, lifecycle } = binding;
  if (text === null || state.parts === undefined) {
    return String(stateOfValues(binding, [text]));
  }
  let names = stateNamesByText.get(state);
  if (names === undefined) {
    const states = [...lifecycle.table.armed.keys()];
    names = new Map(states.map((name) => [stateText(binding, name), name]));
    stateNamesByText.set(state, names);
  }
  const values = text.split(partSeparator).map((value) => (value === '' ? 'null' : value));
  return names.get(text) ?? state.parts.join(values);
}

/** SQL of a row's state as text: that of one column, or of each region's, one behind the other. */
export function stateSql({ state }: ResourceBinding, alias: string): string {
  const [column] = state.columns;
  return state.parts === undefined
    ? `${alias}.${column.sql}::text`
    : `(${state.columns
        .map(({ sql }) => `coalesce(${alias}.${sql}::text, '')`)
        .join(` || ${partSeparatorSql} || `)})`;
}

/** Assignments of a state, given as `stateSql` reads it, to the columns that hold it. */
export function stateSets({ state }: ResourceBinding, target: string): readonly string[] {
  return state.columns.map((column, index) => {
    const text =
      state.parts === undefined
        ? `(${target})`
        : `nullif(split_part(${target}, ${partSeparatorSql}, ${index + 1}), '')`;
    return `${column.sql} = ${text}::${castType(column)}`;
  });
}

// Not the one that stands between the texts of a list.
const partSeparator = '\x1e';
const partSeparatorSql = `E'\\x1e'`;

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
