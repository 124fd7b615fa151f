import type { Statement } from './statement.js';

/** Sends one text to the server and resolves to what the driver returns for it. */
export type Send = (sql: string, values: readonly unknown[]) => Promise<unknown>;

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
  send: Send,
  compound: boolean,
  statements: readonly Statement[],
): Promise<readonly Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (const flight of compound ? flights(statements) : statements.map((one) => [one])) {
    const [only] = flight;
    const result =
      flight.length === 1 && only !== undefined
        ? await send(only.sql, only.values)
        : await send(
            `BEGIN NOT ATOMIC ${flight.map(({ sql }) => `${sql};`).join('\n')} END`,
            flight.flatMap(({ values }) => values),
          );
    rows.push(...rowsOf(result));
  }
  return rows;
}

/** Packs statements into flights that a server takes in one packet. */
function flights(statements: readonly Statement[]): readonly Statement[][] {
  const packed: Statement[][] = [];
  let size = 0;
  for (const statement of statements) {
    const own = sizeOf(statement);
    const last = packed.at(-1);
    if (last === undefined || size + own > maxFlight) {
      packed.push([statement]);
      size = own;
    } else {
      last.push(statement);
      size += own;
    }
  }
  return packed;
}

function sizeOf({ sql, values }: Statement): number {
  // Up to four bytes for each character, or an escape before it.
  return values.reduce<number>(
    (size, value) => size + (typeof value === 'string' ? 4 * value.length : 32),
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
