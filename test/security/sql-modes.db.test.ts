import { cloudStackEventTypes } from '../../machines/index.js';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { idempotent } from '../../src/consuming/inbox/idempotent.js';
import { Network, VirtualMachine, Volume } from '../../src/cli/demo/entities.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { startPrivateMariadb, type PrivateMariadb } from '../support/private-mariadb.js';

const poolSize = 4;
let server: PrivateMariadb;
let dataSource: DataSource;
let signalbox: Signalbox;

beforeAll(async () => {
  server = await startPrivateMariadb();
  await server.query('CREATE DATABASE modes CHARACTER SET utf8mb4');
  dataSource = await new DataSource({
    type: 'mariadb',
    url: server.url('modes'),
    entities: [Volume, Network, VirtualMachine],
    migrations: [...migrations],
    synchronize: true,
    poolSize,
  }).initialize();
  await migrate(dataSource);
  await dataSource.query('CREATE TABLE canary (id int PRIMARY KEY)');
  await dataSource.query('INSERT INTO canary VALUES (1)');
  signalbox = await createSignalbox({
    dataSource,
    source: 'management-server',
    eventTypes: cloudStackEventTypes,
    resources: [Volume, Network, VirtualMachine],
  });
});
afterAll(async () => {
  await signalbox.close();
  await dataSource.destroy();
  await server.dispose();
});

const modes = [
  '',
  'STRICT_TRANS_TABLES',
  'NO_BACKSLASH_ESCAPES',
  'NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES',
  'ANSI',
  'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT',
  'ORACLE',
];

/** What ends a literal in one mode or the other, what hides in a character of several bytes, and what executes. */
const sharp = [
  "'",
  '"',
  '`',
  '\\',
  "\\'",
  "\\\\'",
  '\\0',
  '\\Z',
  '\b\t\n\r\u001a',
  '?',
  '??',
  "'); DELETE FROM canary; -- ",
  "\\'); DELETE FROM canary; -- ",
  "'; END; DELETE FROM canary; -- ",
  "'/*",
  '*/',
  '\u00bf\u005c',
  "¿'",
  '縗',
  '縗\\',
  "표'",
  '💥',
  '\u2028',
];

const text = fc
  .array(fc.oneof(fc.constantFrom(...sharp), fc.string({ unit: 'binary', maxLength: 4 })), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => Array.from(parts.join('')).slice(0, 60).join(''))
  .filter((each) => each.trim() !== '');
// Half a character of two units is none: JSON writes it as an escape, and no column of text has it.
const jsonText = fc
  .tuple(text, fc.constantFrom('', '\0', '\ud800', '\udc00\\'))
  .map(([head, tail]) => head + tail);

/** Changes the mode of every connection, and of those that come. */
async function setMode(mode: string): Promise<void> {
  const runners = Array.from({ length: poolSize }, () => dataSource.createQueryRunner());
  await Promise.all(runners.map((runner) => runner.connect()));
  await Promise.all(runners.map((runner) => runner.query('SET SESSION sql_mode = ?', [mode])));
  await Promise.all(runners.map((runner) => runner.release()));
  await server.query(`SET GLOBAL sql_mode = '${mode}'`);
}

interface Texts {
  readonly a: string;
  readonly b: string;
  readonly c: string;
  readonly json: string;
}

const dataOf = async (resource: typeof Network, uuid: string): Promise<readonly SignalboxEvent[]> =>
  (await signalbox.history(resource, uuid)).map(
    ({ payload }) => JSON.parse(payload) as SignalboxEvent,
  );

/** Writes and reads by every call that takes text. */
async function say({ a, b, c, json }: Texts, other: string): Promise<void> {
  const context = { actor: json, correlationId: json, causationId: json };
  const made = await Promise.all(
    [1, 2].map(() =>
      signalbox.create(Network, { name: a, account: b, domain: c }, { reason: json, ...context }),
    ),
  );
  const [{ uuid }, { uuid: second }] = made as [Network, Network];
  const subject = { resource: 'Network', uuid };
  await Promise.all([
    signalbox.transition(Network, uuid, 'ImplementNetwork', { reason: json, ...context }),
    signalbox.transition(Network, second, 'ImplementNetwork', { reason: json, ...context }),
    signalbox.raiseAlert('ALERT.USERVM', json, { body: json, details: { [json]: json }, subject }),
    signalbox.recordUsage('NETWORK.CREATE', { details: { json }, subject, account: b }),
  ]);
  await dataSource.transaction(async (manager) => {
    const network = await manager.findOneByOrFail(Network, { uuid, name: a, account: b });
    await manager.query('SET SESSION sql_mode = ?', [other]);
    signalbox.send(network, 'OperationSucceeded', { reason: json, ...context });
    network.name = c;
    await manager.save(network);
    await signalbox.transition(Network, second, 'OperationFailed', { reason: json, manager });
    await signalbox.raiseAlert('ALERT.USERVM', json, { manager, subject });
  });
  const job = await signalbox.jobs.submit(a, { subject, ...context });
  await signalbox.jobs.update(job, 50, context);
  await signalbox.jobs.complete(job, { [json]: json });
  const handled: string[] = [];
  const handler = idempotent(
    dataSource,
    async (manager, { id }) => {
      const [row] = await manager.query<{ c: string }[]>('SELECT ? AS c', [c]);
      handled.push(`${row?.c}${id}`);
    },
    { consumer: a },
  );
  for (const _ of [1, 2]) await handler({ id: `${b}${uuid}` });
  expect(handled).toEqual([`${c}${b}${uuid}`]);

  const found = await dataSource.manager.findOneByOrFail(Network, { uuid, name: c, domain: c });
  expect(found).toMatchObject({ name: c, account: b, domain: c, state: 'Implemented' });
  const told = await dataOf(Network, uuid);
  const changes = told.filter(({ category }) => category === 'ResourceStateEvent');
  expect(changes).toHaveLength(3);
  for (const change of changes) {
    expect(change).toMatchObject({ actor: json, correlationid: json, account: b, domain: c });
    expect(change.data).toMatchObject({ reason: json });
  }
  for (const alert of told.filter(({ category }) => category === 'AlertEvent')) {
    expect(alert.data).toMatchObject({ subject: json });
  }
  expect(
    told.filter(({ category }) => category === 'AsyncJobEvent').map(({ data }) => data),
  ).toEqual([
    expect.objectContaining({ command: a, status: 'IN_PROGRESS', progress: 0 }),
    expect.objectContaining({ command: a, status: 'IN_PROGRESS', progress: 50 }),
    expect.objectContaining({ command: a, status: 'SUCCEEDED', result: { [json]: json } }),
  ]);
  await signalbox.remove(found, { reason: json });
}

test('whatever the mode of the server says, text is kept to the letter and nothing of it is SQL', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ a: text, b: text, c: text, json: jsonText }),
      fc.constantFrom(...modes),
      fc.constantFrom(...modes),
      async (texts, mode, other) => {
        await setMode(mode);
        await say(texts, other);
      },
    ),
    {
      numRuns: process.env['SIGNALBOX_FAULTS'] === 'long' ? 500 : 40,
      examples: modes.map((mode) => [
        {
          a: "'); DELETE FROM canary; -- ",
          b: "\\'); DELETE FROM canary; -- ",
          c: '\\',
          json: "\\'); END; DELETE FROM canary; -- ",
        },
        mode,
        'NO_BACKSLASH_ESCAPES',
      ]),
    },
  );
  await expect(dataSource.query('SELECT count(*) AS n FROM canary')).resolves.toEqual([{ n: '1' }]);
});

test('connections that were lent before, and those of replicas, write no less safely', async () => {
  await setMode('NO_BACKSLASH_ESCAPES');
  const { options } = dataSource;
  const { host, port, username } = { host: '127.0.0.1', port: server.port, username: 'root' };
  const node = { host, port, username, database: 'modes' };
  const replicated = await new DataSource({
    ...options,
    url: undefined,
    synchronize: false,
    replication: { master: node, slaves: [node] },
  } as never).initialize();
  const runner = replicated.createQueryRunner('master');
  await runner.startTransaction();
  const hostile = "'); DELETE FROM canary; -- ";
  await using other = await createSignalbox({
    dataSource: replicated,
    source: 'management-server',
    eventTypes: cloudStackEventTypes,
    resources: [Network],
  });
  const id = await other.raiseAlert('ALERT.USERVM', hostile, { manager: runner.manager });
  await runner.commitTransaction();
  await runner.release();
  const { uuid } = await other.create(Network, { name: hostile });
  await expect(replicated.manager.findBy(Network, { uuid, name: hostile })).resolves.toMatchObject([
    { uuid },
  ]);
  const [row] = await dataSource.query<{ payload: string }[]>(
    'SELECT payload FROM signalbox_journal WHERE id = ?',
    [id],
  );
  expect(JSON.parse(row?.payload ?? '')).toMatchObject({ data: { subject: hostile } });
  await other.close();
  await replicated.destroy();
});

test('a DataSource that formats statements by itself is refused', async () => {
  const own = new DataSource({
    ...dataSource.options,
    synchronize: false,
    extra: { queryFormat: (sql: string) => sql },
  } as never);
  await own.initialize();
  await expect(
    createSignalbox({
      dataSource: own,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Network],
    }),
  ).rejects.toMatchObject({
    code: 'CONFIG_VALUE_INVALID',
    parameters: { key: 'extra.queryFormat' },
  });
  await own.destroy();
});

test('EMPTY_STRING_IS_NULL is refused at open, and on each connection that comes later', async () => {
  const options = { ...dataSource.options, synchronize: false, poolSize: 20 } as never;
  const create = (own: DataSource): Promise<Signalbox> =>
    createSignalbox({
      dataSource: own,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Network],
    });
  const refusal = {
    code: 'CONFIG_VALUE_INVALID',
    parameters: { key: 'sql_mode', value: 'EMPTY_STRING_IS_NULL' },
  };
  await setMode('');
  const early = await new DataSource(options).initialize();
  const open = await create(early);
  await server.query("SET GLOBAL sql_mode = 'EMPTY_STRING_IS_NULL'");
  try {
    const late = await new DataSource(options).initialize();
    await expect(create(late)).rejects.toMatchObject(refusal);
    await late.destroy();
    // More than the connections of before.
    const ends = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) =>
        open.create(Network, { name: index % 2 === 0 ? '' : 'x' }),
      ),
    );
    expect(ends.map(({ status }) => status)).toContain('rejected');
    for (const end of ends) {
      if (end.status === 'rejected') expect(end.reason).toMatchObject(refusal);
    }
    const [row] = await dataSource.query<{ n: string }[]>(
      'SELECT count(*) AS n FROM demo_network WHERE name IS NULL',
    );
    expect(Number(row?.n)).toBe(0);
  } finally {
    await setMode('');
    await open.close();
    await early.destroy();
  }
});

test.each([
  ["enum('Allocated','Setup')", 'MAPPING_ENUM_INCOMPLETE'],
  ['varchar(5)', 'MAPPING_COLUMN_LENGTH'],
])('a state column that is really %s is refused at start', async (type, code) => {
  await setMode('');
  const own = await new DataSource({
    ...dataSource.options,
    synchronize: false,
    entities: [Network],
  } as never).initialize();
  const [{ was }] = (await dataSource.query(
    `SELECT COLUMN_TYPE AS was FROM information_schema.COLUMNS
      WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'demo_network' AND COLUMN_NAME = 'state'`,
  )) as [{ was: string }];
  await dataSource.query(`ALTER TABLE demo_network MODIFY state ${type} NOT NULL`);
  try {
    await expect(
      createSignalbox({
        dataSource: own,
        source: 'management-server',
        eventTypes: cloudStackEventTypes,
        resources: [Network],
      }),
    ).rejects.toMatchObject({
      code,
      message: expect.stringContaining('demo_network.state of Network'),
    });
  } finally {
    await dataSource.query(`ALTER TABLE demo_network MODIFY state ${was} NOT NULL`);
    await own.destroy();
  }
});
