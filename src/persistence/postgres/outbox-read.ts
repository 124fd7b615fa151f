import type { DataSource } from 'typeorm';
import { outboxColumns, type OutboxFields, outboxFields } from '../journal-row.js';
import { partitionList } from '../partition-list.js';
import type { OutboxStore } from '../../core/stores/outbox-store.js';
import { lookup, plainArray } from './arrays.js';
import { byKey } from './by-key.js';
import { runTogether } from './connection.js';
import { isDirect } from './direct-connections.js';
import { tablesOf } from '../tables/placed-tables.js';
import type { TableNames } from '../tables/table-names.js';
import { namedStatement, placedStatement } from './prepared-statement.js';

// Planning takes longer than reading a few rows, and an event waits for it. With this many positions to
// pass over there are many rows, and the plan for the very values is the faster one.
const fewPositions = 256;

// A read that failed leaves a statement that is not known of, or the other way round, once. A pooler that is
// not known for one has it happen again and again.
const mostSurprises = 3;

const prepared = namedStatement(
  select({
    bus: '$1',
    shares: '$2::smallint[]',
    // Unlike `<> ALL`, this is hashed also where the list is a parameter.
    others: 'position NOT IN (SELECT unnest($3::bigint[]))',
    limit: '$4',
    // The plan is kept while the tables grow. Joined plainly to an empty journal, it may walk all of an
    // index for each row for ever.
    journal: `CROSS JOIN LATERAL (${lookup('*', 'signalbox_journal', 'position', 'o.position')}) j`,
  }),
);

/**
 * Reads the outbox in one round trip. A connection plans the statement once, under the settings that make
 * it walk the key; behind a pooler, which lends a connection to others, it is planned every time.
 */
export function postgresOutboxRead(dataSource: DataSource): OutboxStore['read'] {
  const preparedOn = new WeakSet<object>();
  let surprises = 0;

  const readPrepared: OutboxStore['read'] = async ({ partitions: shares, bus, except, limit }) => {
    let lent: object | undefined;
    const names = tablesOf(dataSource);
    const statement = placedStatement(names, prepared);
    try {
      return await read((quote, client) => {
        lent = client;
        // A prepared statement would be left to others.
        if (isDirect(client) !== true)
          return [plain(names, quote, { partitions: shares, bus, except, limit })];
        const prepare = preparedOn.has(client)
          ? []
          : [
              `PREPARE ${statement.name} (varchar, smallint[], bigint[], integer) AS ${statement.text}`,
            ];
        preparedOn.add(client);
        return [
          ...prepare,
          'SET LOCAL plan_cache_mode = force_generic_plan',
          `EXECUTE ${statement.name} (${quote(bus ?? '')}, '${plainArray(partitionList(shares))}',
          '${plainArray(except)}', ${Number(limit)})`,
        ];
      });
    } catch (error) {
      if (lent !== undefined && hasCode(error, noSuchStatement)) preparedOn.delete(lent);
      throw error;
    }
  };

  const readPlain: OutboxStore['read'] = (options) =>
    read((quote) => [plain(tablesOf(dataSource), quote, options)]);

  const read = async (
    write: (quote: (text: string) => string, client: object) => readonly string[],
  ) => {
    const rows = await runTogether<OutboxFields>(dataSource, (quote, client) => [
      'SET TRANSACTION ISOLATION LEVEL READ COMMITTED',
      ...byKey,
      ...write(quote, client),
    ]);
    return rows.map(outboxFields);
  };

  return async (options) => {
    if (surprises >= mostSurprises || options.except.length > fewPositions) {
      return readPlain(options);
    }
    try {
      return await readPrepared(options);
    } catch (error) {
      if (!isStatementOfOthers(error)) throw error;
      surprises += 1;
      return readPlain(options);
    }
  };
}

function plain(
  names: TableNames,
  quote: (text: string) => string,
  { partitions: shares, bus, except, limit }: Parameters<OutboxStore['read']>[0],
): string {
  // The name of a bus is the only text that is not ours.
  const text = select({
    bus: busMark,
    shares: `'${plainArray(partitionList(shares))}'::smallint[]`,
    others: `position <> ALL ('${plainArray(except)}'::bigint[])`,
    limit: String(Number(limit)),
    journal: `CROSS JOIN LATERAL (${lookup('*', 'signalbox_journal', 'position', 'o.position')}) j`,
  });
  return names.resolve(text).replace(busMark, () => quote(bus ?? ''));
}

/** Stands for the name of the bus, which may be that of a table, until the tables are named. */
const busMark = '$bus';

function select(values: {
  readonly bus: string;
  readonly shares: string;
  readonly others: string;
  readonly limit: string;
  readonly journal: string;
}): string {
  return `SELECT ${outboxColumns}
    FROM (
      SELECT position, bus, share FROM signalbox_outbox
        WHERE bus = ${values.bus} AND share = ANY (${values.shares}) AND ${values.others}
        ORDER BY position LIMIT ${values.limit}
    ) o ${values.journal}
    ORDER BY o.position`;
}

const noSuchStatement = '26000';
const statementExists = '42P05';

/** A read failed behind its PREPARE or before it; or somebody lends the server's connection to others. */
function isStatementOfOthers(error: unknown): boolean {
  return hasCode(error, noSuchStatement) || hasCode(error, statementExists);
}

function hasCode(error: unknown, code: string): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if ((each as { readonly code?: unknown }).code === code) return true;
  }
  return false;
}
