import type { LaterStatement, Statement } from './statement.js';

/** Sends one text to the server and resolves to what the driver returns for it. */
export type Send = (sql: string, values: readonly unknown[]) => Promise<unknown>;

/** Ways to a server over one connection. */
export interface Link {
  readonly send: Send;
  /** The same by a statement that is prepared once; `send` takes its place when absent. */
  readonly execute?: Send;
}

// Half of the default max_allowed_packet of old servers; a flight beyond it would be refused whole.
const maxFlight = 2 ** 21;

/**
 * Runs statements in order, in as few round trips as the server allows, and resolves to the rows of
 * the only SELECT among them (no rows without one). Stops at the first that fails, or that finds
 * another number of rows than it expects; those before it have happened.
 *
 * @param compound True on MariaDB, which takes several statements as one block without the connection
 * having to allow multiple statements. MySQL has no such block: there each is a round trip.
 */
export async function executeBatch(
  { send, execute = send }: Link,
  compound: boolean,
  statements: readonly (Statement | LaterStatement)[],
): Promise<readonly Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  const inserted: string[] = [];
  let flight: Statement[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    const leaving = flight;
    flight = [];
    size = 0;
    if (leaving.length > 0) {
      rows.push(...rowsOf(await sendTogether(send, leaving)));
    }
  };
  for (const each of statements) {
    const next = typeof each === 'function' ? each(inserted) : each;
    if (next.prepared === true) {
      await flush();
      inserted.push(firstNumber(await execute(next.sql, next.values)));
      continue;
    }
    const own = sizeOf(next);
    if (!compound || size + own > maxFlight) {
      await flush();
    }
    flight.push(next);
    size += own;
  }
  await flush();
  return rows;
}

async function sendTogether(send: Send, flight: readonly Statement[]): Promise<unknown> {
  const [only] = flight;
  if (flight.length > 1 || only === undefined) {
    return send(
      `BEGIN NOT ATOMIC ${flight.map(inBlock).join('\n')} END`,
      flight.flatMap(({ values }) => values),
    );
  }
  const result = await send(only.sql, only.values);
  if (only.expects !== undefined && foundRows(result) !== only.expects) throw new RowMoved();
  return result;
}

/** The block goes on to its COMMIT unless the server itself stops it. */
function inBlock({ sql, expects }: Statement): string {
  return expects === undefined
    ? `${sql};`
    : `${sql}; IF ROW_COUNT() <> ${Number(expects)} THEN SIGNAL SQLSTATE '40001'
        SET MYSQL_ERRNO = ${deadlock.errno}, MESSAGE_TEXT = '${rowMoved}'; END IF;`;
}

function foundRows(result: unknown): number {
  return (result as { readonly affectedRows: number }).affectedRows;
}

const rowMoved = 'a row is not as it was read';

/** Both are told as what a server says that gives a transaction up for another one: to be tried again. */
const deadlock = { errno: 1213, code: 'ER_LOCK_DEADLOCK' };

class RowMoved extends Error {
  readonly code = deadlock.code;
  readonly errno = deadlock.errno;

  constructor() {
    super(rowMoved);
  }
}

/** The number that the first row of an INSERT took. */
function firstNumber(result: unknown): string {
  return String((result as { readonly insertId: number | string }).insertId);
}

function sizeOf({ sql, values }: Statement): number {
  // Up to three bytes for each character, each of two digits where the text is written in hexadecimal.
  return values.reduce<number>(
    (size, value) => size + (typeof value === 'string' ? 6 * value.length : 32),
    sql.length,
  );
}

/** The driver gives rows, a header, or for a block an array of both. */
function rowsOf(result: unknown): readonly Record<string, unknown>[] {
  if (!Array.isArray(result)) {
    return [];
  }
  return result.flatMap((part: unknown) => {
    if (Array.isArray(part)) {
      return part as Record<string, unknown>[];
    }
    return isHeader(part) ? [] : [part as Record<string, unknown>];
  });
}

function isHeader(part: unknown): boolean {
  return (
    typeof part === 'object' && part !== null && 'affectedRows' in part && 'serverStatus' in part
  );
}
