import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runPrepared } from '../../src/persistence/postgres/prepared.js';
import { namedStatement } from '../../src/persistence/postgres/prepared-statement.js';
import { serviceUrl } from '../support/service-url.js';

// A pipelined client takes no query but the driver's own.
describe.each([{ pipeline: false }, { pipeline: true }])('on a client with $pipeline', (config) => {
  let client: pg.Client;

  beforeEach(async () => {
    client = new pg.Client({ connectionString: serviceUrl('postgres'), ...config });
    // A connection that a test ends.
    client.on('error', () => {});
    await client.connect();
  });
  afterEach(() => client.end());

  const numbers = namedStatement(
    `SELECT n, n > 1, nullif(n, 2) FROM generate_series(1, $1::int) AS n`,
  );

  test('rows are what the server writes, and are counted', async () => {
    expect(await runPrepared(client, numbers, ['3'])).toEqual({
      rows: [
        ['1', 'f', '1'],
        ['2', 't', null],
        ['3', 't', '3'],
      ],
      count: 3,
    });
    expect(await runPrepared(client, numbers, ['0'])).toEqual({ rows: [], count: 0 });
  });

  test('what a statement without rows wrote is counted', async () => {
    await client.query('CREATE TEMPORARY TABLE written (n int)');
    const write = namedStatement('INSERT INTO written SELECT generate_series(1, $1::int)');
    expect(await runPrepared(client, write, ['4'])).toEqual({ rows: [], count: 4 });
  });

  test('the server parses it once for each connection', async () => {
    // By the first it is known that there is no pooler, which would lend the statement to others.
    await runPrepared(client, numbers, ['1']);
    await runPrepared(client, numbers, ['1']);
    const before = await preparedAt(client);
    await runPrepared(client, numbers, ['2']);
    // With what has it planned by keys, and gives the settings back.
    expect(before).toHaveLength(config.pipeline ? 1 : 3);
    expect(await preparedAt(client)).toEqual(before);
  });

  test('it runs under the settings that were there, and they stay as they were', async () => {
    const settings = namedStatement(
      `SELECT current_setting('enable_seqscan'), current_setting('enable_bitmapscan'),
        current_setting('jit'), $1::int`,
    );
    const seen = async () => (await runPrepared(client, settings, ['1'])).rows[0]?.slice(0, 3);
    expect(await seen()).toEqual(['on', 'on', 'on']);
    await client.query('BEGIN; SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off');
    expect(await seen()).toEqual(['on', 'off', 'off']);
    expect(await seen()).toEqual(['on', 'off', 'off']);
    await client.query('SAVEPOINT before');
    await expect(runPrepared(client, numbers, ['many'])).rejects.toMatchObject({ code: '22P02' });
    await client.query('ROLLBACK TO before');
    expect(await seen()).toEqual(['on', 'off', 'off']);
    await client.query('COMMIT');
    expect(await seen()).toEqual(['on', 'on', 'on']);
    const { rows } = await client.query('SHOW enable_seqscan');
    expect(rows).toEqual([{ enable_seqscan: 'on' }]);
  });

  test('one after another without waiting, each gets its own answer', async () => {
    const results = await Promise.all(
      ['2', '0', '1'].map((count) => runPrepared(client, numbers, [count])),
    );
    expect(results.map(({ count }) => count)).toEqual([2, 0, 1]);
  });

  test('an error is told as the driver tells it, and the connection goes on', async () => {
    await expect(runPrepared(client, numbers, ['many'])).rejects.toMatchObject({ code: '22P02' });
    const missing = namedStatement(`SELECT 1 FROM "${randomUUID()}"`);
    await expect(runPrepared(client, missing, [])).rejects.toMatchObject({ code: '42P01' });
    await expect(runPrepared(client, missing, [])).rejects.toMatchObject({ code: '42P01' });
    expect((await runPrepared(client, numbers, ['1'])).count).toBe(1);
  });

  test('an error after rows rejects, and the next has none of them', async () => {
    const failing = namedStatement('SELECT 1 / (n - $1::int) FROM generate_series(1, 3) AS n');
    await expect(runPrepared(client, failing, ['3'])).rejects.toMatchObject({ code: '22012' });
    expect((await runPrepared(client, failing, ['4'])).count).toBe(3);
  });

  test('a connection that breaks meanwhile rejects', async () => {
    const ended = namedStatement('SELECT pg_terminate_backend(pg_backend_pid()), $1::int');
    await expect(runPrepared(client, ended, ['1'])).rejects.toThrow(Error);
    await expect(runPrepared(client, numbers, ['1'])).rejects.toThrow(Error);
  });
});

test('a value that cannot be sent rejects, and the connection goes on', async () => {
  const client = new pg.Client({ connectionString: serviceUrl('postgres') });
  await client.connect();
  try {
    const statement = namedStatement('SELECT $1::text');
    const unsendable = Symbol('unsendable') as unknown as string;
    await expect(runPrepared(client, statement, [unsendable])).rejects.toThrow(TypeError);
    expect((await runPrepared(client, statement, ['sent'])).rows).toEqual([['sent']]);
  } finally {
    await client.end();
  }
});

test('a stream that cannot hold back what it sends will do', async () => {
  const client = new pg.Client({
    connectionString: serviceUrl('postgres'),
    stream: () => Object.assign(new Socket(), { cork: undefined, uncork: undefined }) as never,
  });
  await client.connect();
  try {
    const statement = namedStatement('SELECT $1::text');
    expect((await runPrepared(client, statement, ['sent'])).rows).toEqual([['sent']]);
  } finally {
    await client.end();
  }
});

test('an instrumentation that replaces the callback of a query hears of its end', async () => {
  const client = new pg.Client({ connectionString: serviceUrl('postgres') });
  await client.connect();
  const heard: unknown[] = [];
  const query = client.query.bind(client) as (asked: Instrumented) => unknown;
  client.query = ((asked: Instrumented) => {
    const { callback, text } = asked;
    asked.callback = (error, result) => {
      heard.push(text);
      callback(error, result);
    };
    return query(asked);
  }) as never;
  try {
    const statement = namedStatement('SELECT $1::text');
    expect((await runPrepared(client, statement, ['told'])).rows).toEqual([['told']]);
    expect(heard).toEqual([statement.text]);
  } finally {
    await client.end();
  }
});

interface Instrumented {
  readonly text: string;
  callback: (error: unknown, result: unknown) => void;
}

async function preparedAt(client: pg.Client): Promise<readonly unknown[]> {
  const { rows } = await client.query<{ prepare_time: Date }>(
    `SELECT prepare_time FROM pg_prepared_statements WHERE name LIKE 'signalbox%'`,
  );
  return rows;
}
