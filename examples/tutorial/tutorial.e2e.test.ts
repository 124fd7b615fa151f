import { resolve } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshDatabase, type FreshDatabase } from '../../test/support/databases.js';
import { eventually } from '../../test/support/eventually.js';
import { type ChildProcess, startNode } from '../../test/support/run-node.js';
import { serviceUrl } from '../../test/support/service-url.js';
import { uniqueName } from '../../test/support/unique-name.js';

let database: FreshDatabase;
let client: pg.Client;
let api: ChildProcess;
let base: string;
let env: Record<string, string>;

const start = (file: string) => startNode(resolve(import.meta.dirname, file), [], { env });

beforeAll(async () => {
  database = await freshDatabase('postgres');
  env = {
    DATABASE_URL: database.url,
    RABBITMQ_URL: serviceUrl('rabbitmq'),
    EXCHANGE: uniqueName('tutorial'),
    PORT: '0',
  };
  api = start('api.ts');
  const { port } = JSON.parse((await api.line(/^listening on /)).slice('listening on '.length)) as {
    port: number;
  };
  base = `http://127.0.0.1:${port}/volumes`;
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await api[Symbol.asyncDispose]();
  await database.dispose();
});

const post = async (path: string) => {
  const response = await fetch(`${base}${path}`, { method: 'POST' });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

const stateOf = async (uuid: unknown) => {
  const { rows } = await client.query<{ state: string }>(
    'SELECT state FROM volume WHERE uuid = $1',
    [uuid],
  );
  return rows[0]?.state;
};

const invoices = async () =>
  (await client.query<{ type: string }>('SELECT type FROM invoice_item')).rows;

describe('the service of the tutorial', () => {
  test('creates a volume through its worker, and bills it once', async () => {
    await using worker = start('worker.ts');
    await worker.line('working');
    const { body } = await post('?sizeGib=5');
    expect((await post(`/${String(body['uuid'])}/CreateRequested`)).status).toBe(200);
    await eventually(async () => expect(await stateOf(body['uuid'])).toBe('Ready'));
    await eventually(async () => expect(await invoices()).toEqual([{ type: 'VOLUME.CREATE' }]));
    worker.kill('SIGTERM');
    expect(await worker.exited).toMatchObject({ code: 0, stderr: '' });
  });

  test('answers what is refused with the reason', async () => {
    const { body } = await post('');
    const refused = await post(`/${String(body['uuid'])}/OperationSucceeded`);
    expect(refused).toMatchObject({ status: 422, body: { code: 'EVENT_NOT_LAWFUL' } });
    expect((await post(`/${String(body['uuid'])}/Explode`)).status).toBe(422);
    expect((await post('/00000000-0000-7000-8000-000000000000/CreateRequested')).status).toBe(404);
  });

  test('loses no work when a worker dies, or when none is running', async () => {
    const { body } = await post('');
    await post(`/${String(body['uuid'])}/CreateRequested`);
    expect(await stateOf(body['uuid'])).toBe('Creating');
    await using dying = start('worker.ts');
    await dying.line('creating ');
    dying.kill('SIGKILL');
    await dying.exited;
    await using worker = start('worker.ts');
    await worker.line('working');
    await eventually(async () => expect(await stateOf(body['uuid'])).toBe('Ready'), {
      deadline: 60_000,
    });
  });

  test('ends at SIGTERM', async () => {
    api.kill('SIGTERM');
    expect(await api.exited).toMatchObject({ code: 0, stderr: '' });
  });
});
