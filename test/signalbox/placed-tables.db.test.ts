import { cloudStackEventTypes } from '../../machines/index.js';
import { createConnection } from 'mysql2/promise';
import { Column, DataSource, type DataSourceOptions, Entity } from 'typeorm';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { setup } from 'xstate';
import { run } from '../../src/cli/run.js';
import { idempotent } from '../../src/consuming/inbox/idempotent.js';
import { purgeInbox } from '../../src/consuming/inbox/purge-inbox.js';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../src/core/lifecycle/effects.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations, migrationsFor } from '../../src/persistence/migrations/migrations.js';
import { purgeJournal } from '../../src/persistence/purge-journal.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';
import {
  ownTables,
  TableNames,
  type TablePlacement,
} from '../../src/persistence/tables/table-names.js';
import { Jobs } from '../../src/operations/jobs/jobs.js';
import { createRelay } from '../../src/signalbox/create-relay.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import { Signalbox } from '../../src/signalbox/signalbox.js';
import {
  eachDatabase,
  type FreshDatabase,
  freshDatabase,
  neverBlockOnLocks,
  type TestDatabase,
} from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { serviceUrl } from '../support/service-url.js';
import { uniqueName } from '../support/unique-name.js';

const machine = setup({
  actions: effects,
  guards: { held: ({ context }) => (context as { held: boolean }).held },
}).createMachine({
  initial: 'Idle',
  states: {
    Idle: {
      tags: 'stable',
      on: { Begin: 'Working', Guarded: { target: 'Working', guard: 'held' }, End: 'Gone' },
    },
    Working: {
      tags: 'transitional',
      after: {
        100: {
          target: 'Failed',
          actions: { type: 'alert', params: { type: 'ALERT.RESOURCE.STUCK' } },
        },
      },
      on: { Done: 'Idle' },
    },
    Failed: { tags: 'stable', on: { Done: 'Idle' } },
    Gone: { type: 'final' },
  },
});

const tank = defineLifecycle({ resource: 'Tank', version: 1, machine });

/** Two services, or staging and production: resources of one name, in a table of each. */
@Entity('storage_tank')
class StorageTank extends ResourceEntity<typeof tank> {
  static readonly lifecycle = tank;
  static context(): { held: boolean } {
    return { held: true };
  }
  @Column({ type: String, default: '' })
  host!: string;
}

@Entity('compute_tank')
class ComputeTank extends ResourceEntity<typeof tank> {
  static readonly lifecycle = tank;
  static context(): { held: boolean } {
    return { held: true };
  }
  @Column({ type: String, default: '' })
  host!: string;
}

/** Where one product has its tables, and how it says so. */
interface Place {
  readonly placement: TablePlacement;
  /** The schema of the DataSource itself. */
  readonly ofDataSource?: string;
}

interface Pair {
  readonly name: string;
  readonly on: readonly TestDatabase[];
  readonly one: Place;
  readonly other: Place;
}

const schemas: readonly TestDatabase[] = ['postgres', 'mariadb'];
const plain: Place = { placement: {} };
const prefixed = (tablePrefix: string): Place => ({ placement: { tablePrefix } });
const inSchema = (schema: string): Place => ({ placement: { schema } });

const pairs: readonly Pair[] = [
  {
    name: 'no prefix and a prefix',
    on: ['sqlite', ...schemas],
    one: plain,
    other: prefixed('storage_'),
  },
  {
    name: 'a prefix and no prefix',
    on: ['sqlite', ...schemas],
    one: prefixed('storage_'),
    other: plain,
  },
  {
    name: 'two prefixes',
    on: ['sqlite', ...schemas],
    one: prefixed('a_'),
    other: prefixed('signalbox_b_'),
  },
  { name: 'no schema and a schema', on: schemas, one: plain, other: inSchema('staging') },
  { name: 'a schema and no schema', on: schemas, one: inSchema('staging'), other: plain },
  {
    name: 'two schemas with odd names and a prefix',
    on: schemas,
    one: { placement: { schema: 'Tenant 1', tablePrefix: 'p_' } },
    other: { placement: { schema: 'tenant-2', tablePrefix: 'p_' } },
  },
  {
    name: 'two schemas of their DataSources',
    on: ['postgres'],
    one: { placement: {}, ofDataSource: 'staging' },
    other: { placement: {}, ofDataSource: 'production' },
  },
];

eachDatabase((kind) => {
  let database: FreshDatabase;
  let admin: DataSource;
  const open: AsyncDisposable[] = [];
  /** On MariaDB a schema is a database, which others have too: under a name of its own. */
  const made = new Map<string, string>();

  const family = kind === 'mariadb' ? 'mysql' : kind;

  beforeEach(async () => {
    database = await freshDatabase(kind);
    admin = await new DataSource({
      ...database.options,
      entities: [StorageTank, ComputeTank],
    } as DataSourceOptions).initialize();
    await neverBlockOnLocks(admin);
    await admin.driver.createSchemaBuilder().build();
    open.unshift({ [Symbol.asyncDispose]: () => admin.destroy() });
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
    for (const name of made.values()) await onMariadb(`DROP DATABASE \`${name}\``);
    made.clear();
    await database.dispose();
  });

  /** The place with schemas that exist, or that the migrations make. */
  const settled = async ({ placement, ofDataSource }: Place): Promise<Place> => {
    const { schema } = placement;
    if (kind !== 'mariadb' || schema === undefined) {
      return { placement, ...(ofDataSource === undefined ? {} : { ofDataSource }) };
    }
    let name = made.get(schema);
    if (name === undefined) {
      name = `${uniqueName('signalbox')}${schema.slice(-2)}`;
      await onMariadb(`CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4`);
      made.set(schema, name);
    }
    return { placement: { ...placement, schema: name } };
  };

  const namesOf = ({ placement, ofDataSource }: Place): TableNames =>
    new TableNames(family, {
      ...(ofDataSource === undefined ? {} : { schema: ofDataSource }),
      ...placement,
    });

  const connect = async ({ placement, ofDataSource }: Place): Promise<DataSource> => {
    const dataSource = await new DataSource({
      ...database.options,
      ...(ofDataSource === undefined ? {} : { schema: ofDataSource }),
      entities: [StorageTank, ComputeTank],
      migrations: migrationsFor(placement),
    } as DataSourceOptions).initialize();
    await neverBlockOnLocks(dataSource);
    open.unshift({ [Symbol.asyncDispose]: () => dataSource.destroy() });
    return dataSource;
  };

  const rowsOf = async (place: Place): Promise<Record<string, unknown>> =>
    Object.fromEntries(
      await Promise.all(
        ownTables.map(async (table) => {
          const rows = await admin.query<object[]>(
            namesOf(place).resolve(`SELECT * FROM signalbox_${table}`),
          );
          return [table, rows.map((row) => JSON.stringify(row)).toSorted()] as const;
        }),
      ),
    );

  const start = async (
    dataSource: DataSource,
    { placement }: Place,
    options: { readonly tank: typeof StorageTank; readonly relay: boolean },
  ): Promise<Signalbox> => {
    const signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [options.tank],
      bus: memoryBus(),
      deadlines: options.relay ? { pollInterval: 20 } : false,
      relay: options.relay ? { pollInterval: 20 } : false,
      ...placement,
    });
    open.unshift(signalbox);
    return signalbox;
  };

  describe.each(pairs.filter(({ on }) => on.includes(kind)))('$name', (pair) => {
    test('each migrates its own tables, and says so', async () => {
      const [one, other] = [await settled(pair.one), await settled(pair.other)];
      for (const place of [one, other]) {
        const dataSource = await connect(place);
        if (place.ofDataSource !== undefined) {
          await admin.query(`CREATE SCHEMA "${place.ofDataSource}"`);
        }
        await expect(
          start(dataSource, place, { tank: StorageTank, relay: false }),
        ).rejects.toMatchObject({
          code: 'DATABASE_NOT_MIGRATED',
        });
        const applied = await migrate(dataSource);
        expect(applied).toHaveLength(migrations.length);
        expect(await migrate(dataSource)).toEqual([]);
        await start(dataSource, place, { tank: StorageTank, relay: false });
      }
      for (const place of [one, other]) await rowsOf(place);
      // And back, whatever the other has.
      const dataSource = await connect(one);
      const runner = dataSource.createQueryRunner();
      for (const migration of dataSource.migrations.toReversed()) await migration.down(runner);
      await runner.release();
      await expect(rowsOf(one)).rejects.toThrow();
      await rowsOf(other);
    });

    test('whatever one does, no row of the other is read or written', async () => {
      const [one, other] = [await settled(pair.one), await settled(pair.other)];
      const [dataSource, elsewhere] = [await connect(one), await connect(other)];
      await migrate(dataSource);
      await migrate(elsewhere);
      for (const each of [dataSource, elsewhere]) {
        if ((each.options as { schema?: string }).schema !== undefined) {
          await each.driver.createSchemaBuilder().build();
        }
      }
      // Outbox rows, a deadline that is due, a job: whatever takes those of both would take these.
      const waiting = await start(elsewhere, other, { tank: ComputeTank, relay: false });
      const idle = await waiting.create(ComputeTank);
      await waiting.transition(ComputeTank, idle.uuid, 'Begin');
      await waiting.jobs.submit('copy');
      const before = await rowsOf(other);
      expect(Object.values(before).flat().length).toBeGreaterThan(64 + 5);

      const foreign = await everyCall(
        dataSource,
        one,
        await start(dataSource, one, { tank: StorageTank, relay: true }),
      );
      expect(foreign).not.toContain(idle.uuid);
      expect(await rowsOf(other)).toEqual(before);
    });
  });

  /** Calls every public method, and returns every uuid that it was told. */
  async function everyCall(
    dataSource: DataSource,
    place: Place,
    signalbox: Signalbox,
  ): Promise<readonly string[]> {
    const told: string[] = [];
    let handled = 0;
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      async subscribe() {
        await signalbox.subscribe(
          {},
          idempotent(
            dataSource,
            async (_, event) => {
              told.push(event.subject ?? '');
              handled += 1;
            },
            { consumer: 'pool', onGap: () => undefined },
          ),
          { pool: 'pool' },
        );
      },
      async watch() {
        const watch = await signalbox.watch(StorageTank, { from: 'now' });
        void (async () => {
          for await (const change of watch)
            if ('resource' in change) told.push(change.resource.uuid);
        })();
      },
      async create() {
        const made = await signalbox.create(StorageTank);
        await dataSource.transaction(async (manager) => {
          await manager.save(manager.create(StorageTank, { host: made.uuid }));
        });
      },
      async transition() {
        const [stuck, moved] = [
          await signalbox.create(StorageTank),
          await signalbox.create(StorageTank),
        ];
        await signalbox.transition(StorageTank, stuck.uuid, 'Begin');
        await signalbox.transition(StorageTank, moved.uuid, 'Guarded');
        await Promise.all(
          ['Done', 'Begin'].map((event) =>
            signalbox.transition(StorageTank, moved.uuid, event as 'Done').catch(() => undefined),
          ),
        );
        await dataSource.transaction((manager) =>
          signalbox
            .transition(StorageTank, moved.uuid, 'Done', { manager })
            .catch(() => signalbox.transition(StorageTank, moved.uuid, 'Begin', { manager })),
        );
        await eventually(async () => {
          const row = await dataSource.manager.findOneByOrFail(StorageTank, { uuid: stuck.uuid });
          expect(row.state).toBe('Failed');
        });
      },
      async send() {
        const { uuid } = await signalbox.create(StorageTank);
        await dataSource.transaction(async (manager) => {
          const entity = await manager.findOneByOrFail(StorageTank, { uuid });
          signalbox.send(entity, 'Begin');
          await manager.save(entity);
        });
      },
      async remove() {
        await signalbox.remove(await signalbox.create(StorageTank));
      },
      async explain() {
        const { uuid } = await signalbox.create(StorageTank);
        await signalbox.explain(StorageTank, uuid, 'Begin');
      },
      action: () => signalbox.action('VM.START', {}, () => 1),
      recordUsage: () => signalbox.recordUsage('VM.START'),
      raiseAlert: () => signalbox.raiseAlert('ALERT.RESOURCE.STUCK', 'look'),
      withContext: async () =>
        signalbox.withContext({ actor: 'me' }, () => signalbox.recordUsage('VM.START')),
      async history() {
        const { uuid } = await signalbox.create(StorageTank);
        expect(await signalbox.history(StorageTank, uuid)).toHaveLength(1);
      },
      async replay() {
        const { replayed } = await signalbox.replay({}, { pool: 'pool' });
        expect(replayed).toBeGreaterThan(20);
      },
      async outboxDepth() {
        await eventually(async () => expect((await signalbox.outboxDepth()).pending).toBe(0));
      },
      close: () => signalbox.close(),
    };
    const jobs: Readonly<Record<string, () => Promise<unknown>>> = {
      async submit() {
        await signalbox.jobs.submit('copy');
      },
      async update() {
        await signalbox.jobs.update(await signalbox.jobs.submit('copy'), 5);
      },
      async complete() {
        await signalbox.jobs.complete(await signalbox.jobs.submit('copy'));
      },
      async fail() {
        await signalbox.jobs.fail(await signalbox.jobs.submit('copy'), new Error('no'));
      },
    };
    expect(methodsOf(Signalbox)).toEqual(Object.keys(calls).toSorted());
    expect(methodsOf(Jobs)).toEqual(Object.keys(jobs).toSorted());
    const { close, replay, outboxDepth, ...others } = calls;
    for (const call of [...Object.values(others), ...Object.values(jobs), outboxDepth, replay]) {
      await call?.();
    }
    await eventually(() => expect(handled).toBeGreaterThan(20));
    await close?.();
    await createRelay({ dataSource, bus: memoryBus(), ...place.placement }).stop();
    await commandLine(place);
    await purgeInbox(dataSource, { retention: 0 });
    await purgeJournal(dataSource, { before: new Date(Date.now() + 1000).toISOString() });
    return told.map((each) => each.split('/').at(-1) ?? '');
  }

  /** Commands that read and write the tables. */
  async function commandLine({ placement, ofDataSource }: Place): Promise<void> {
    const { schema = ofDataSource, tablePrefix } = placement;
    const flags = [
      '--database',
      database.url,
      ...(schema === undefined ? [] : ['--schema', schema]),
      ...(tablePrefix === undefined ? [] : ['--table-prefix', tablePrefix]),
    ];
    const printed: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
    for (const command of [
      ['outbox', 'list'],
      ['outbox', 'drop', '--bus', 'memory'],
      ['deadlines', 'list'],
      ['buses', 'list'],
      ['buses', 'forget', 'memory', '--drop'],
      ['trace', 'check', '--ignore-others'],
    ]) {
      printed.length = 0;
      expect(await run([...command, ...flags]), `${command.join(' ')}: ${printed.join('')}`).toBe(
        0,
      );
    }
    vi.restoreAllMocks();
  }
});

function methodsOf({ prototype }: { readonly prototype: object }): readonly string[] {
  return Object.getOwnPropertyNames(prototype)
    .filter((name) => name !== 'constructor')
    .toSorted();
}

async function onMariadb(statement: string): Promise<void> {
  const connection = await createConnection({ uri: serviceUrl('mariadb') });
  try {
    await connection.query(statement);
  } finally {
    await connection.end();
  }
}
