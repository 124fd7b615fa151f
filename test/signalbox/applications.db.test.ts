import { cloudStackEventTypes } from '../../machines/index.js';
import { Column, DataSource, type DataSourceOptions, Entity } from 'typeorm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { setup } from 'xstate';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../src/core/lifecycle/effects.js';
import { idempotent } from '../../src/consuming/inbox/idempotent.js';
import { purgeInbox } from '../../src/consuming/inbox/purge-inbox.js';
import type { Bus } from '../../src/delivery/bus/bus.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { purgeJournal } from '../../src/persistence/purge-journal.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';
import { createSignalbox, type SignalboxOptions } from '../../src/signalbox/create-signalbox.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { eachDatabase, freshDatabase, type FreshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';

const machine = setup({ actions: effects }).createMachine({
  initial: 'Idle',
  states: {
    Idle: { tags: 'stable', on: { Begin: 'Working' } },
    Working: {
      tags: 'transitional',
      after: {
        40: {
          target: 'Failed',
          actions: { type: 'alert', params: { type: 'ALERT.RESOURCE.STUCK' } },
        },
      },
      on: { Done: 'Idle' },
    },
    Failed: { tags: 'stable', on: { Done: 'Idle' } },
  },
});

// Two products that both have a Volume, each in a table of its own.
const volume = defineLifecycle({ resource: 'Volume', version: 1, machine });

@Entity('storage_volume')
class StorageVolume extends ResourceEntity<typeof volume> {
  static readonly lifecycle = volume;
  @Column({ type: String, default: '' })
  pool!: string;
}

@Entity('compute_volume')
class ComputeVolume extends ResourceEntity<typeof volume> {
  static readonly lifecycle = volume;
  @Column({ type: String, default: '' })
  host!: string;
}

eachDatabase((kind) => {
  let database: FreshDatabase;
  const open: AsyncDisposable[] = [];

  /** A connection of its own; on SQLite, where two of one process would wait for each other, the same. */
  let shared: DataSource | undefined;
  const connect = async (): Promise<DataSource> => {
    if (kind === 'sqlite' && shared !== undefined) return shared;
    const dataSource = await new DataSource({
      ...database.options,
      entities: [StorageVolume, ComputeVolume],
      migrations: [...migrations],
    } as DataSourceOptions).initialize();
    open.unshift({ [Symbol.asyncDispose]: () => dataSource.destroy() });
    shared = dataSource;
    return dataSource;
  };

  beforeEach(async () => {
    database = await freshDatabase(kind);
    shared = undefined;
    const dataSource = await connect();
    await dataSource.runMigrations({ transaction: 'each' });
    await dataSource.driver.createSchemaBuilder().build();
  });

  afterEach(async () => {
    for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
    await database.dispose();
  });

  const product = async (
    options: Partial<SignalboxOptions> & Pick<SignalboxOptions, 'resources'>,
  ): Promise<{ readonly signalbox: Signalbox; readonly taken: string[]; readonly bus: Bus }> => {
    const taken: string[] = [];
    const bus = (options.bus as Bus | undefined) ?? memoryBus();
    const signalbox = await createSignalbox({
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      dataSource: await connect(),
      bus,
      deadlines: { pollInterval: 20 },
      ...options,
    });
    open.unshift(signalbox);
    await signalbox.subscribe({}, (event) => {
      taken.push(`${event.source} ${event.type}`);
    });
    return { signalbox, taken, bus };
  };

  test('two products with a resource of one name on one database keep their deadlines and events apart', async () => {
    const storage = await product({ source: 'storage', resources: [StorageVolume] });
    const compute = await product({ source: 'compute', resources: [ComputeVolume] });
    const volumes = await Promise.all(
      Array.from({ length: 10 }, async () => ({
        stored: await storage.signalbox.create(StorageVolume),
        used: await compute.signalbox.create(ComputeVolume),
      })),
    );
    for (const { stored, used } of volumes) {
      await storage.signalbox.transition(StorageVolume, stored.uuid, 'Begin');
      await compute.signalbox.transition(ComputeVolume, used.uuid, 'Begin');
    }
    for (const { taken } of [storage, compute]) {
      await eventually(async () =>
        expect(taken.filter((each) => each.endsWith('DeadlineExceeded'))).toHaveLength(10),
      );
    }
    await eventually(async () => {
      expect((await storage.signalbox.outboxDepth()).pending).toBe(0);
      expect((await compute.signalbox.outboxDepth()).pending).toBe(0);
    });
    expect(new Set(storage.taken.map((each) => each.split(' ')[0]))).toEqual(new Set(['storage']));
    expect(new Set(compute.taken.map((each) => each.split(' ')[0]))).toEqual(new Set(['compute']));
    expect(storage.taken).toHaveLength(40);
    expect(compute.taken).toHaveLength(40);
  });

  test('a job of one product is unknown to the other', async () => {
    const storage = await product({ source: 'storage', resources: [] });
    const compute = await product({ source: 'compute', resources: [] });
    const [own, other] = [
      await storage.signalbox.jobs.submit('copy'),
      await compute.signalbox.jobs.submit('boot'),
    ];
    await expect(storage.signalbox.jobs.complete(other)).rejects.toMatchObject({
      code: 'UNKNOWN_JOB',
    });
    await expect(compute.signalbox.jobs.update(own, 5)).rejects.toMatchObject({
      code: 'UNKNOWN_JOB',
    });
    await storage.signalbox.jobs.complete(own);
    await compute.signalbox.jobs.complete(other);
  });

  test('history, replay and watch of one product never tell of the other, also of the same uuid', async () => {
    const storage = await product({ source: 'storage', resources: [StorageVolume] });
    const compute = await product({ source: 'compute', resources: [ComputeVolume] });
    const { uuid } = await storage.signalbox.create(StorageVolume);
    await compute.signalbox.create(ComputeVolume, { uuid });
    await compute.signalbox.recordUsage('VM.START');
    for (const [{ signalbox }, Volume, source] of [
      [storage, StorageVolume, 'storage'],
      [compute, ComputeVolume, 'compute'],
    ] as const) {
      const history = await signalbox.history(Volume, uuid);
      expect(history.map((each) => each.source)).toEqual([source]);

      const replayed: string[] = [];
      await signalbox.subscribe({}, (event) => void replayed.push(event.source), {
        pool: 'again',
        retry: { attempts: 1 },
      });
      const { replayed: sent } = await signalbox.replay({}, { pool: 'again' });
      await eventually(() => expect(replayed).toHaveLength(sent));
      expect(sent).toBe(source === 'storage' ? 1 : 2);
      expect(new Set(replayed)).toEqual(new Set([source]));

      // By the journal, from its beginning.
      const watch = await signalbox.watch(Volume, { from: 0 });
      const told: string[] = [];
      for await (const change of watch) {
        if (change.type === 'synced') break;
        if ('event' in change) told.push(change.event?.source ?? 'the table');
      }
      expect(told).toEqual([source]);
    }
  });

  test('consumers of one name in two products each handle a message, and each keeps its own notes', async () => {
    const dataSource = await connect();
    await product({ source: 'storage', resources: [] });
    await product({ source: 'compute', resources: [] });
    const handled: string[] = [];
    const handlers = ['storage', 'compute'].map((application) =>
      idempotent(dataSource, (_, { id }: { id: string }) => void handled.push(application + id), {
        consumer: 'billing',
        application,
      }),
    );
    for (let round = 0; round < 2; round += 1) {
      for (const handle of handlers) await handle({ id: '-1' });
    }
    expect(handled).toEqual(['storage-1', 'compute-1']);

    expect(await purgeInbox(dataSource, { retention: 0, application: 'compute' })).toBe(1);
    for (const handle of handlers) await handle({ id: '-1' });
    expect(handled).toEqual(['storage-1', 'compute-1', 'compute-1']);
    expect(await purgeInbox(dataSource, { retention: 0, application: 'storage' })).toBe(1);
    await expect(
      idempotent(dataSource, () => undefined, { consumer: '1#billing' })({ id: '1' }),
    ).rejects.toMatchObject({ code: 'CONFIG_VALUE_INVALID' });
  });

  test('a consumer belongs to the Signalbox on its DataSource, and must be named where there are several', async () => {
    const dataSource = await connect();
    const first = await createSignalbox({ dataSource, source: 'storage', resources: [] });
    await first.close();
    const second = await createSignalbox({ dataSource, source: 'compute', resources: [] });
    open.unshift(second);
    let handled = 0;
    const handle = (options: object) =>
      idempotent(dataSource, () => void (handled += 1), { consumer: 'billing', ...options })({
        id: '1',
      });
    await handle({});
    await handle({ application: 'compute' });
    expect(handled).toBe(1);
    open.unshift(await createSignalbox({ dataSource, source: 'storage', resources: [] }));
    await expect(handle({})).rejects.toMatchObject({
      code: 'CONFIG_VALUE_INVALID',
      parameters: { key: 'application' },
    });
    await expect(handle({ application: 'other' })).rejects.toMatchObject({
      code: 'UNKNOWN_APPLICATION',
    });
  });

  test("purging one product's journal leaves the other's, and takes none where nobody says whose", async () => {
    const dataSource = await connect();
    const storage = await product({ source: 'storage', resources: [StorageVolume] });
    const compute = await product({ source: 'compute', resources: [ComputeVolume] });
    const { uuid } = await storage.signalbox.create(StorageVolume);
    await compute.signalbox.create(ComputeVolume, { uuid });
    for (const { signalbox } of [storage, compute]) {
      await eventually(async () => expect((await signalbox.outboxDepth()).pending).toBe(0));
    }
    const before = new Date(Date.now() + 60_000).toISOString();
    await expect(purgeJournal(dataSource, { before })).rejects.toMatchObject({
      code: 'UNKNOWN_APPLICATION',
      parameters: { applications: ['storage', 'compute'] },
    });
    expect(await purgeJournal(dataSource, { before, application: 'compute' })).toBe(1);
    expect(await storage.signalbox.history(StorageVolume, uuid)).toHaveLength(1);
    expect(await compute.signalbox.history(ComputeVolume, uuid)).toEqual([]);
    // The other reads its table whole, and misses nothing.
    const watch = await storage.signalbox.watch(StorageVolume, { from: 0 });
    const told: string[] = [];
    for await (const change of watch) {
      told.push(change.type);
      if (change.type === 'synced') break;
    }
    expect(told).toEqual(['resync', 'snapshot', 'synced']);
  });

  test('an action whose process died is ended by its own product, once', async () => {
    const dataSource = await connect();
    const storage = await product({ source: 'storage', resources: [], deadlines: false });
    const compute = await product({ source: 'compute', resources: [], deadlines: false });
    const ended: string[] = [];
    for (const { signalbox } of [storage, compute]) {
      await signalbox.subscribe({ category: 'ActionEvent' }, (event) => {
        const { status, startid } = event.data;
        if (status === 'Failed') ended.push(`${event.source} ${startid}`);
      });
    }
    const running: (() => void)[] = [];
    const actions: Promise<unknown>[] = [];
    const ids = await Promise.all(
      [storage, compute].map(
        ({ signalbox }) =>
          new Promise<string>((started) => {
            const action = signalbox.action('VM.START', {}, async ({ id }) => {
              started(id);
              await new Promise<void>((end) => running.push(end));
            });
            actions.push(action.catch(() => undefined));
          }),
      ),
    );
    const past = { postgres: `'2020-01-01'`, mariadb: `'2020-01-01'`, sqlite: '0' }[kind];
    await dataSource.query(`UPDATE signalbox_deadline SET due_at = ${past}`);
    // Only one of the two sweeps: the record of the other waits for its own.
    open.unshift(
      await createSignalbox({
        dataSource: await connect(),
        source: 'compute',
        resources: [],
        eventTypes: cloudStackEventTypes,
        relay: false,
        deadlines: { pollInterval: 20 },
      }),
    );
    await eventually(() => expect(ended).toEqual([`compute ${ids[1]}`]));
    const left = await dataSource.query<{ uuid: string }[]>('SELECT uuid FROM signalbox_deadline');
    expect(left.map(({ uuid }) => uuid)).toEqual([ids[0]]);
    open.unshift(
      await createSignalbox({
        dataSource: await connect(),
        source: 'storage',
        resources: [],
        eventTypes: cloudStackEventTypes,
        relay: false,
        deadlines: { pollInterval: 20 },
      }),
    );
    await eventually(() => expect(ended).toEqual([`compute ${ids[1]}`, `storage ${ids[0]}`]));
    running.forEach((end) => end());
    await Promise.all(actions);
  });

  test('processes of one application share its outbox, whatever they call themselves', async () => {
    const relaying = await product({ source: 'one', application: 'cloud', resources: [] });
    const silent = await createSignalbox({
      eventTypes: cloudStackEventTypes,
      dataSource: await connect(),
      source: 'two',
      application: 'cloud',
      resources: [],
      relay: false,
    });
    open.unshift(silent);
    await silent.recordUsage('VM.START');
    await eventually(async () => expect(relaying.taken).toEqual(['two VM.START']));
  });

  test('a bus of one name that leads elsewhere is refused within an application, and taken in another', async () => {
    const elsewhere = (target: string): Bus => Object.assign(memoryBus(), { target });
    await product({ resources: [], bus: elsewhere('amqp://a:5672,b:5672/%2F/signalbox') });
    // Another node of the same cluster, and the same broker behind another name.
    await product({ resources: [], bus: elsewhere('amqp://b:5672/%2F/signalbox') });
    await product({ resources: [], bus: elsewhere('amqp://balancer:5672/%2F/signalbox') });
    for (const target of [
      'amqp://b:5672/%2F/other',
      'amqp://a:5672/staging/signalbox',
      'nats://b:4222/x',
    ]) {
      const refused = product({ resources: [], bus: elsewhere(target) });
      await expect(refused).rejects.toMatchObject({
        code: 'BUS_REGISTERED_OTHERWISE',
        message: expect.stringMatching(/application.*buses forget/u) as string,
      });
    }
    await product({ source: 'other', resources: [], bus: elsewhere('amqp://b:5672/%2F/other') });
  });
});
