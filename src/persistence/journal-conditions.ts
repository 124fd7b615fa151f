import type { JournalQuery } from '../core/stores/journal-store.js';

/** How a database words a condition. Each call appends a parameter. */
export interface ConditionWriter {
  /** The text that stands for one value: `$1`, or `?`. */
  value(value: string | number): string;
  /** A condition on a column of the journal row `j` that any of the values satisfies. */
  anyOf(column: 'uuid' | 'resource' | 'category', values: readonly string[]): string;
}

/** Pure, but for the parameters that the writer gathers. The conditions of a query of one application, joined. */
export function journalConditions(
  query: JournalQuery,
  application: number,
  writer: ConditionWriter,
): string {
  const conditions = [
    `j.position > ${writer.value(query.after ?? 0)}`,
    `j.application = ${Number(application)}`,
  ];
  if (query.upTo !== undefined) conditions.push(`j.position <= ${writer.value(query.upTo)}`);
  for (const column of ['uuid', 'resource', 'category'] as const) {
    const wanted = query[column];
    if (wanted === undefined) continue;
    conditions.push(
      typeof wanted === 'string'
        ? `j.${column} = ${writer.value(wanted)}`
        : writer.anyOf(column, wanted),
    );
  }
  if (query.since !== undefined) conditions.push(`j.time >= ${writer.value(utc(query.since))}`);
  if (query.until !== undefined) conditions.push(`j.time < ${writer.value(utc(query.until))}`);
  return conditions.join(' AND ');
}

/** As the journal keeps times: two databases compare them as text. */
export function utc(time: string): string {
  return new Date(time).toISOString();
}
