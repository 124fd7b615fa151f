import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runSignalbox, startSignalbox } from '../support/command-line.js';
import { type FreshDatabase, freshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { type PrivateRabbitmq, startPrivateRabbitmq } from '../support/private-rabbitmq.js';
import type { ExitReport } from '../support/run-node.js';
import { uniqueName } from '../support/unique-name.js';

const canary = 'c4n4ry:s3cret/@%';
/** As it stands, in a URL, in a SASL PLAIN or basic login, and in a dump. */
const forms = [
  canary,
  encodeURIComponent(canary),
  Buffer.from(canary).toString('base64').replaceAll('=', ''),
  Buffer.from(canary).toString('hex'),
];

function expectNoCanary(text: string, where: string): void {
  for (const form of forms) expect(text, where).not.toContain(form);
}

let broker: PrivateRabbitmq;
let directory: string;
const bus = () => withPassword(broker.url, 'canary');

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signalbox-secrets-'));
  broker = await startPrivateRabbitmq();
  await broker.ctl('add_user', 'canary', canary);
  await broker.ctl('set_permissions', 'canary', '.*', '.*', '.*');
}, 120_000);
afterAll(async () => {
  await broker.dispose();
  await rm(directory, { recursive: true, force: true });
});

function withPassword(address: string, user: string): string {
  const url = new URL(address);
  url.username = user;
  url.password = encodeURIComponent(canary);
  return url.href;
}

const kinds = ['postgres', 'mariadb'] as const;

/** A database whose address holds the canary, and works. PostgreSQL trusts the loopback in tests. */
async function databaseOf(
  kind: (typeof kinds)[number],
): Promise<FreshDatabase & { drop(): Promise<void> }> {
  const database = await freshDatabase(kind);
  if (kind === 'postgres') {
    const url = withPassword(database.url, new URL(database.url).username);
    return Object.assign(database, { url, drop: () => database.dispose() });
  }
  const user = uniqueName('canary').slice(0, 32);
  const root = await new DataSource(database.options).initialize();
  await root.query(`CREATE USER ${user} IDENTIFIED BY '${canary}'`);
  await root.query(`GRANT ALL ON ${new URL(database.url).pathname.slice(1)}.* TO ${user}`);
  return Object.assign(database, {
    url: withPassword(database.url, user),
    async drop() {
      await root.query(`DROP USER ${user}`);
      await root.destroy();
      await database.dispose();
    },
  });
}

/** Whatever a database holds, as text. */
async function everyRow(database: FreshDatabase): Promise<string> {
  const dataSource = await new DataSource(database.options).initialize();
  try {
    const tables: Record<string, string>[] = await dataSource.query(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ' +
        (database.kind === 'postgres' ? 'current_schema()' : 'DATABASE()'),
    );
    const dump: unknown[] = [];
    for (const { name = '' } of tables) {
      dump.push(name, await dataSource.query(`SELECT * FROM ${dataSource.driver.escape(name)}`));
    }
    return JSON.stringify(dump);
  } finally {
    await dataSource.destroy();
  }
}

describe.each(kinds)('a password in the address of %s and of the broker', (kind) => {
  test('is in no output, no row, no message and no title of a process', async () => {
    const database = await databaseOf(kind);
    const exchange = uniqueName('secrets');
    const config = join(directory, `${exchange}.config.mjs`);
    await writeFile(
      config,
      `export default ${JSON.stringify({ database: database.url, bus: { url: bus(), exchange } })}`,
    );
    const connection = await connect(broker.url);
    const messages: string[] = [];
    try {
      const channel = await connection.createChannel();
      await channel.assertExchange(exchange, 'topic', { durable: true });
      const { queue } = await channel.assertQueue('', { exclusive: true });
      await channel.bindQueue(queue, exchange, '#');
      await channel.consume(queue, (message) => {
        messages.push(
          JSON.stringify([message?.fields, message?.properties]),
          message?.content.toString() ?? '',
        );
      });
      const reports: Readonly<Record<string, ExitReport>> = {
        migrate: await runSignalbox(['migrate', '--database', database.url, '--debug']),
        demo: await runSignalbox(['demo', '--config', config, '--json', '--debug']),
        outbox: await runSignalbox(['outbox', 'list', '--config', config, '--json', '--debug']),
        'wrong password': await runSignalbox(['tail', '--bus', `${bus()}x`, '--debug']),
        'no such host': await runSignalbox([
          'relay',
          '--debug',
          '--database',
          database.url.replace('127.0.0.1', 'nowhere.invalid'),
          '--bus',
          bus(),
        ]),
        'no address at all': await runSignalbox([
          'tail',
          '--debug',
          '--bus',
          `amqp//x:${canary}@h`,
        ]),
      };
      for (const [what, { code, stdout, stderr }] of Object.entries(reports)) {
        expectNoCanary(stdout + stderr, what);
        const works = what === 'migrate' || what === 'demo' || what === 'outbox';
        expect(code === 0, `${what}: ${stdout.slice(-200)}${stderr}`).toBe(works);
      }
      await eventually(() => expect(messages.length).toBeGreaterThan(20));
    } finally {
      await connection.close();
    }
    expectNoCanary(messages.join('\n'), 'the messages');
    const rows = await everyRow(database);
    expect(rows).toContain('ResourceStateEvent');
    expectNoCanary(rows, 'the database');
    await database.drop();
  });
});

test('a password given on the command line is not in the list of processes', async () => {
  const database = await databaseOf('postgres');
  expect((await runSignalbox(['migrate', '--database', database.url])).code).toBe(0);
  await using relay = startSignalbox(['relay', '--database', database.url, '--bus', bus()]);
  await eventually(() => {
    const title = readFileSync(`/proc/${relay.pid}/cmdline`, 'utf8');
    expect(title.replaceAll('\0', '')).toBe('signalbox');
  });
  relay.kill('SIGTERM');
  const { stdout, stderr } = await relay.exited;
  expectNoCanary(stdout + stderr, 'the output');
  await database.drop();
});
