import { createHash } from 'node:crypto';
import type { TableNames } from '../tables/table-names.js';

/** A statement that each connection parses and plans once. */
export interface NamedStatement {
  /** The same text must always have the same name, and no other text. */
  readonly name: string;
  readonly text: string;
}

/** Names a statement by its text. Pure. */
export function namedStatement(text: string): NamedStatement {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 32);
  return { name: `signalbox_${digest}`, text };
}

const placed = new WeakMap<TableNames, WeakMap<NamedStatement, NamedStatement>>();

/** The statement with the tables named as they are placed, made once for each placement. */
export function placedStatement(names: TableNames, statement: NamedStatement): NamedStatement {
  if (names.isDefault) return statement;
  let statements = placed.get(names);
  if (statements === undefined) {
    statements = new WeakMap();
    placed.set(names, statements);
  }
  let found = statements.get(statement);
  if (found === undefined) {
    found = namedStatement(names.resolve(statement.text));
    statements.set(statement, found);
  }
  return found;
}
