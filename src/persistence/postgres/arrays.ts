/**
 * Text lists travel as one parameter, cut apart in the database: unlike an array literal nothing needs
 * escaping, which is half the cost of a large batch. The separator cannot occur inside: JSON writes
 * control characters as escapes, and names with control characters are refused when declared.
 */
const separator = '\x1f';

/** The same as SQL text. */
export const separatorSql = `E'\\x1f'`;

/**
 * SQL text that turns a numbered parameter made by `textList` into `text[]`, its length hidden from the
 * planner. An empty list is an empty array.
 */
export function textListSql(parameter: number): string {
  return `string_to_array(${planFence(`$${parameter}::text`)}, ${separatorSql})`;
}

/** Every element must be non-empty: a list of one empty text reads as an empty list. */
export function textList(elements: readonly string[]): string {
  return elements.join(separator);
}

/** An array literal of numbers, uuids or other texts that need no quoting; null for an absent one. */
export function plainArray(elements: readonly (string | number | undefined)[]): string {
  return `{${elements.map((element) => element ?? 'NULL').join(',')}}`;
}

/**
 * SQL text of arrays side by side, as rows in parentheses. Their lengths are hidden from the planner:
 * else it would plan each execution anew for the lengths it sees, which takes longer than executing,
 * and would find reading a whole table cheaper than looking up a hundred rows. They are unnested in a
 * SELECT list, because in FROM `unnest` keeps each array in a store of its own first.
 */
export function zipUnnest(arrays: readonly (readonly [array: string, name: string])[]): string {
  return `(SELECT ${arrays.map(([array, name]) => `unnest(${planFence(array)}) AS ${name}`).join(', ')})`;
}

/** SQL text of a value that the planner does not look at. */
export function planFence(value: string): string {
  return `(SELECT ${value})`;
}

/**
 * SQL text of a look-up of one row by its unique key, for a LATERAL join or as the head of an UPDATE. Its
 * plan can use no other index: that of the key alone has the order that is asked for. An equation would let
 * the planner take any index with the column in it, and of a table that it takes for empty they all cost the
 * same; an equation in a join would let it begin at the table.
 *
 * @param tail What follows the condition, such as a lock.
 */
export function lookup(
  columns: string,
  table: string,
  key: string,
  value: string,
  tail = '',
): string {
  return `SELECT ${columns} FROM ${table} WHERE ${key} >= ${value} AND ${key} <= ${value}
    ORDER BY ${key} LIMIT 1 ${tail}`;
}
