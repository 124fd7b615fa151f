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
 * the only SELECT among them (no rows without one). Stops at the first that fails; those before it
 * have happened.
 *
 * @param compound True on MariaDB, which takes several statements as one block without the connection
 * having to allow multiple statements. MySQL has no such block: there each is a round trip.
 */
export async function fly(
  { send, execute = send }: Link,
  compound: boolean,
  statements: readonly (Statement | LaterStatement)[],
): Promise<readonly Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  const inserted: string[] = [];
  let flight: Statement[] = [];
  let size = 0;
  const depart = async (): Promise<void> => {
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
      await depart();
      inserted.push(firstNumber(await execute(next.sql, next.values)));
      continue;
    }
    const own = sizeOf(next);
    if (!compound || size + own > maxFlight) {
      await depart();
    }
    flight.push(next);
    size += own;
  }
  await depart();
  return rows;
}

function sendTogether(send: Send, flight: readonly Statement[]): Promise<unknown> {
  const [only] = flight;
  return flight.length === 1 && only !== undefined
    ? send(only.sql, only.values)
    : send(
        `BEGIN NOT ATOMIC ${flight.map(({ sql }) => `${sql};`).join('\n')} END`,
        flight.flatMap(({ values }) => values),
      );
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
