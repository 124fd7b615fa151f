/** One SQL statement with the values of its `?` placeholders. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly unknown[];
  /** Always of the same few texts, and worth a round trip of its own: to be prepared. */
  readonly prepared?: true;
  /** How many rows it must find. Where it finds another number, the transaction is given up. */
  readonly expects?: number;
}

/**
 * A statement that is written when the prepared ones before it have run: `inserted` are the first
 * numbers that they took, one for each.
 */
export type LaterStatement = (inserted: readonly string[]) => Statement;

/** A statement without placeholders, or with the values given. Pure. */
export function statement(sql: string, values: readonly unknown[] = []): Statement {
  return { sql, values };
}

/** `(?, ?, …)` repeated for each row. Pure. */
export function placeholders(rows: number, columns: number): string {
  const row = `(${Array.from({ length: columns }, () => '?').join(', ')})`;
  return Array.from({ length: rows }, () => row).join(', ');
}
