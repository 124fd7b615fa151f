import { readFileSync } from 'node:fs';
import {
  createSignalbox,
  migrate,
  migrations,
  ResourceEntity,
  type SignalboxEvent,
} from 'signalbox';
import { cloudStackEventTypes, volume } from 'signalbox/machines';
import { DataSource, Entity } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPrivatePostgres, type PrivatePostgres } from '../test/support/private-postgres.js';

@Entity('volume')
class Volume extends ResourceEntity<typeof volume> {
  static readonly lifecycle = volume;
}

/** The options of the event router, without the transformation's name. */
const router = new Map(
  readFileSync(new URL('debezium/postgres.properties', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('transforms.outbox.'))
    .map((line) => line.slice('transforms.outbox.'.length).split('=') as [string, string]),
);

let server: PrivatePostgres;

beforeAll(async () => {
  server = await startPrivatePostgres({ config: ['wal_level = logical'] });
});
afterAll(() => server?.dispose());

/** A row of the journal as logical decoding tells it: each column's type and text. */
interface Decoded {
  readonly operation: string;
  readonly columns: ReadonlyMap<string, { readonly type: string; readonly text: string }>;
}

async function decodedJournal(dataSource: DataSource): Promise<readonly Decoded[]> {
  const changes: { data: string }[] = await dataSource.query(
    `SELECT data FROM pg_logical_slot_get_changes('debezium', NULL, NULL)`,
  );
  return changes.flatMap(({ data }) => {
    const change = /^table public\.signalbox_journal: (\w+): (.*)$/s.exec(data);
    if (change === null) return [];
    const column = /"?(\w+)"?\[([^\]]+)\]:(?:'((?:[^']|'')*)'|(\S+))/g;
    const columns = [...(change[2] ?? '').matchAll(column)].map(
      ([, name = '', type = '', quoted, plain = '']) =>
        [name, { type, text: quoted?.replaceAll("''", "'") ?? plain }] as const,
    );
    return [{ operation: change[1] ?? '', columns: new Map(columns) }];
  });
}

it('logical decoding tells every event once, as an insert that the event router takes, in the order of each resource', async () => {
  const dataSource = await new DataSource({
    type: 'postgres',
    url: server.url('postgres'),
    entities: [Volume],
    migrations: [...migrations],
    synchronize: true,
  }).initialize();
  await migrate(dataSource);
  await dataSource.query(`SELECT pg_create_logical_replication_slot('debezium', 'test_decoding')`);
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes: cloudStackEventTypes,
    resources: [Volume],
  });
  const volumes = await Promise.all(
    Array.from({ length: 20 }, () => signalbox.create(Volume, { account: "o'brien" })),
  );
  for (const event of ['CreateRequested', 'OperationSucceeded', 'AttachRequested'] as const) {
    await Promise.all(volumes.map(({ uuid }) => signalbox.transition(Volume, uuid, event)));
  }
  const journal: { payload: string }[] = await dataSource.query(
    'SELECT payload FROM signalbox_journal ORDER BY position',
  );
  await signalbox.close();
  const decoded = await decodedJournal(dataSource);
  await dataSource.destroy();

  expect(new Set(decoded.map(({ operation }) => operation))).toEqual(new Set(['INSERT']));
  const text = ({ columns }: Decoded, option: string) =>
    columns.get(router.get(option) ?? '')?.text;
  expect(decoded).toHaveLength(journal.length);
  expect(new Set(decoded.map((row) => text(row, 'table.field.event.payload')))).toEqual(
    new Set(journal.map(({ payload }) => payload)),
  );
  const revisions = new Map<string, number[]>();
  for (const row of decoded) {
    const event = JSON.parse(text(row, 'table.field.event.payload') ?? '') as SignalboxEvent;
    expect(text(row, 'table.field.event.id')).toBe(event.id);
    expect(text(row, 'table.field.event.key')).toBe(event.partitionkey);
    expect(text(row, 'route.by.field')).toBe(event.category);
    if (event.category === 'ResourceStateEvent') {
      const uuid = event.partitionkey ?? '';
      revisions.set(uuid, [...(revisions.get(uuid) ?? []), event.revision ?? 0]);
    }
  }
  expect(revisions.size).toBe(volumes.length);
  for (const own of revisions.values()) expect(own).toEqual(own.map((_, index) => index + 1));

  // What the router demands of a column's type (its EventRouterDelegate): a string to route by, and a
  // number for the timestamp, which ours is not and which it therefore takes from the change.
  const [first] = decoded as [Decoded];
  expect(first.columns.get(router.get('route.by.field') ?? '')?.type).toMatch(/^character varying/);
  expect([...router.keys()]).not.toContain('table.field.event.timestamp');
  const headers = (router.get('table.fields.additional.placement') ?? '').split(',');
  expect(headers.map((header) => header.split(':')[0])).toEqual(['type', 'source', 'time']);
  for (const header of headers) expect([...first.columns.keys()]).toContain(header.split(':')[0]);
});
