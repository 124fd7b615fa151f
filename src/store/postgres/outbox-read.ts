import type { DataSource } from 'typeorm';
import { databaseError } from '../database-errors.js';
import { outboxColumns, type OutboxFields, outboxFields } from '../journal-row.js';
import { shareList } from '../share-list.js';
import type { OutboxStore } from '../store.js';
import { plainArray } from './arrays.js';
import { ConnectionLost, runTogether } from './connection.js';
import { namedStatement } from './prepared.js';

// The table is empty most of the time, so what the planner knows of it is wrong when it is full: it
// would read and sort a backlog of a million rows for the first thousand.
export const inKeyOrder = ['bitmapscan', 'hashjoin', 'mergejoin', 'seqscan', 'sort'].map(
  (method) => `SET LOCAL enable_${method} = off`,
);

// Planning takes longer than reading a few rows, and an event waits for it. With this many positions to
// pass over there are many rows, and the plan for the very values is the faster one.
const fewPositions = 256;

const prepared = namedStatement(
  select({
    bus: '$1',
    shares: '$2::smallint[]',
    // Unlike `<> ALL`, this is hashed also where the list is a parameter.
    others: 'position NOT IN (SELECT unnest($3::bigint[]))',
    limit: '$4',
  }),
);

/**
 * Reads the outbox in one round trip. A connection plans the statement once, under the settings that make
 * it walk the key; a pooler that lends a connection's statements to others has it planned every time.
 */
export function postgresOutboxRead(dataSource: DataSource): OutboxStore['read'] {
  const preparedOn = new WeakSet<object>();
  let keepsStatements = true;

  const readPrepared: OutboxStore['read'] = ({ shares, bus, except, limit }) =>
    read((quote, client) => {
      const prepare = preparedOn.has(client)
        ? []
        : [`PREPARE ${prepared.name} (varchar, smallint[], bigint[], integer) AS ${prepared.text}`];
      preparedOn.add(client);
      return [
        ...prepare,
        'SET LOCAL plan_cache_mode = force_generic_plan',
        `EXECUTE ${prepared.name} (${quote(bus ?? '')}, '${plainArray(shareList(shares))}',
          '${plainArray(except)}', ${Number(limit)})`,
      ];
    });

  const readPlain: OutboxStore['read'] = ({ shares, bus, except, limit }) =>
    read((quote) => [
      select({
        bus: quote(bus ?? ''),
        shares: `'${plainArray(shareList(shares))}'::smallint[]`,
        others: `position <> ALL ('${plainArray(except)}'::bigint[])`,
        limit: String(Number(limit)),
      }),
    ]);

  const read = async (
    write: (quote: (text: string) => string, client: object) => readonly string[],
  ) => {
    const rows = await runTogether<OutboxFields>(dataSource, (quote, client) => [
      'SET TRANSACTION ISOLATION LEVEL READ COMMITTED',
      ...inKeyOrder,
      ...write(quote, client),
    ]).catch((error: unknown) => {
      // A read that is lost has committed nothing.
      throw error instanceof ConnectionLost ? databaseError(error.cause) : error;
    });
    return rows.map(outboxFields);
  };

  return async (options) => {
    if (!keepsStatements || options.except.length > fewPositions) return readPlain(options);
    try {
      return await readPrepared(options);
    } catch (error) {
      if (!isStatementOfOthers(error)) throw error;
      keepsStatements = false;
      return readPlain(options);
    }
  };
}

function select(values: {
  readonly bus: string;
  readonly shares: string;
  readonly others: string;
  readonly limit: string;
}): string {
  return `SELECT ${outboxColumns}
    FROM (
      SELECT position, bus, share FROM signalbox_outbox
        WHERE bus = ${values.bus} AND share = ANY (${values.shares}) AND ${values.others}
        ORDER BY position LIMIT ${values.limit}
    ) o JOIN signalbox_journal j ON j.position = o.position
    ORDER BY o.position`;
}

/** The connection has no such statement, or has it already: somebody gives it to others between. */
function isStatementOfOthers(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { code } = each as { readonly code?: unknown };
    if (code === '26000' || code === '42P05') return true;
  }
  return false;
}
