import type pg from 'pg';

/**
 * Connections that have told whether their server process is theirs alone. A pooler, such as PgBouncer, tells
 * numbers of its own and lends a server's connection to one client after another.
 */
const directOf = new WeakMap<object, boolean>();

/** SQL of what `noteServerProcess` is told. */
export const serverProcessSql = 'pg_backend_pid()';

/** The number that the server gave the client when it connected; null when unknown. */
export function serverProcessOf(client: object): number | null {
  return (client as { readonly processID?: number | null }).processID ?? null;
}

/** Notes the number that a client's server process has by itself. */
export function noteServerProcess(client: object, number: unknown): void {
  directOf.set(client, Number(number) === serverProcessOf(client));
}

/**
 * Whether what is left in the session, such as a prepared statement, is there for this client next time, and
 * for no other. False behind a pooler, in whatever mode; undefined until the connection was asked.
 */
export function isDirect(client: object): boolean | undefined {
  return directOf.get(client);
}

/** Asks a connection, once. */
export async function askDirect(client: pg.ClientBase): Promise<boolean> {
  const known = isDirect(client);
  if (known !== undefined) return known;
  const { rows } = await client.query<{ number: number }>(`SELECT ${serverProcessSql} AS number`);
  noteServerProcess(client, rows[0]?.number);
  return isDirect(client) === true;
}
