import { cloudStackEventTypes } from '../../machines/index.js';
import { Column, DataSource, type DataSourceOptions, Entity } from 'typeorm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { setup } from 'xstate';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../src/core/lifecycle/effects.js';
import type { Bus } from '../../src/delivery/bus/bus.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
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
