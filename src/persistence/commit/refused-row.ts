import type { DriverError } from './database-failure.js';

/** The rule of a table that refused a row, where the driver reports it; otherwise null. */
export interface RefusedRow {
  readonly kind: string;
  readonly constraint: string | null;
  readonly table: string | null;
  readonly column: string | null;
}

/** Kinds of constraints by SQLSTATE, names and numbers of mysql2, and names of better-sqlite3. */
const kinds: readonly (readonly [code: RegExp, kind: string])[] = [
  [/^(?:23505|ER_DUP_.*|SQLITE_CONSTRAINT_(?:UNIQUE|PRIMARYKEY|ROWID))$/, 'unique'],
  [/^(?:23503|ER_.*REFERENCED.*|SQLITE_CONSTRAINT_FOREIGNKEY)$/, 'foreign-key'],
  [/^(?:23502|ER_BAD_NULL_ERROR|ER_NO_DEFAULT_FOR_FIELD|SQLITE_CONSTRAINT_NOTNULL)$/, 'not-null'],
  [/^23P01$/, 'exclusion'],
  [/^(?:P0001|45\d{3}|ER_SIGNAL_.*|SQLITE_CONSTRAINT_TRIGGER)$/, 'trigger'],
  [/^(?:23514|4025|3819|ER_.*CONSTRAINT.*|SQLITE_CONSTRAINT_CHECK)$/, 'check'],
];

/**
 * Pure. Reads names of the schema from the fields of PostgreSQL's errors, and from the messages of the
 * others: from their ends, where no value of the row can pass for a name.
 */
export function refusedRow(error: DriverError): RefusedRow {
  const { code, errno, sqlState, message } = error;
  const kind = kinds.find(([pattern]) =>
    [code, errno, sqlState].some((each) => pattern.test(String(each))),
  )?.[1];
  const text = typeof message === 'string' ? message : '';
  return { kind: kind ?? 'constraint', ...(fieldsOf(error) ?? fromMessage(text)) };
}

type Names = Omit<RefusedRow, 'kind'>;

/** PostgreSQL tells them apart. */
function fieldsOf(error: DriverError): Names | undefined {
  const { constraint, table, column } = error as Readonly<Record<string, unknown>>;
  if (constraint === undefined && table === undefined && column === undefined) return undefined;
  return { constraint: name(constraint), table: name(table), column: name(column) };
}

/** The ends of messages of MySQL, MariaDB and SQLite. */
const ends: readonly RegExp[] = [
  /for key '(?<constraint>[^']+)'$/,
  /^Column '(?<column>[^']+)' cannot be null$/,
  /^Field '(?<column>[^']+)' doesn't have a default value$/,
  /for column '(?<column>[^']+)' at row \d+$/,
  /for column `[^`]+`\.`(?<table>[^`]+)`\.`(?<column>[^`]+)` at row \d+$/,
  /\(`[^`]+`\.`(?<table>[^`]+)`, CONSTRAINT `(?<constraint>[^`]+)` FOREIGN KEY [^']*\)$/,
  /^CONSTRAINT `(?<constraint>[^`]+)` failed for `[^`]+`\.`(?<table>[^`]+)`$/,
  /^Check constraint '(?<constraint>[^']+)' is violated\.$/,
  /^(?:UNIQUE|NOT NULL) constraint failed: (?<table>[^.\s]+)\.(?<column>[^.\s,]+)/,
  /^CHECK constraint failed: (?<constraint>.+)$/,
];

function fromMessage(text: string): Names {
  for (const end of ends) {
    const { constraint, table, column } = end.exec(text)?.groups ?? {};
    if (constraint === undefined && table === undefined && column === undefined) continue;
    return { constraint: name(constraint), table: name(table), column: name(column) };
  }
  return { constraint: null, table: null, column: null };
}

function name(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
