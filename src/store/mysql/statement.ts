/** One SQL statement with the values of its `?` placeholders. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** A statement without placeholders, or with the values given. Pure. */
export function statement(sql: string, values: readonly unknown[] = []): Statement {
  return { sql, values };
}

/** `(?, ?, …)` repeated for each row. Pure. */
export function placeholders(rows: number, columns: number): string {
  const row = `(${Array.from({ length: columns }, () => '?').join(', ')})`;
  return Array.from({ length: rows }, () => row).join(', ');
}
