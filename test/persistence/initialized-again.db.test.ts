import { Column, DataSource, type DataSourceOptions, Entity } from 'typeorm';
import { expect, test } from 'vitest';
import { cloudStackEventTypes, volume } from '../../machines/index.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import { eachDatabase, freshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';

@Entity('tank')
class Tank extends ResourceEntity<typeof volume> {
  static readonly lifecycle = volume;
  @Column({ type: String, length: 20, default: '' }) label!: string;
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: { code?: string }) => error.code ?? error,
  );

eachDatabase((kind) => {
  const open = async () => {
    const database = await freshDatabase(kind);
    const dataSource = await new DataSource({
      ...database.options,
      entities: [Tank],
      migrations: [...migrations],
    } as DataSourceOptions).initialize();
    await dataSource.synchronize();
    await dataSource.runMigrations();
    return {
      database,
      dataSource,
      async [Symbol.asyncDispose]() {
        if (dataSource.isInitialized) await dataSource.destroy();
        await database.dispose();
      },
    };
  };

  test('a DataSource that is destroyed and initialized again is guarded as before', async () => {
    await using opened = await open();
    const { dataSource } = opened;
    const bus = memoryBus();
    await using signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Tank],
      bus,
    });
    const seen: string[] = [];
    await signalbox.subscribe({ category: 'ResourceStateEvent', resource: Tank }, (event) => {
      seen.push(event.type);
    });
    const early = await signalbox.create(Tank, {});
    for (let round = 0; round < 2; round += 1) {
      await dataSource.destroy();
      await dataSource.initialize();
    }
    const { manager } = dataSource;
    const { uuid } = await signalbox.create(Tank, {});

    expect(await codeOf(manager.update(Tank, { uuid }, { state: 'Ready' }))).toBe(
      'WRITE_BYPASSES_LIFECYCLE',
    );
    const tampered = await manager.findOneByOrFail(Tank, { uuid });
    expect(await codeOf(manager.save(Object.assign(tampered, { state: 'Ready' })))).toBe(
      'STATE_WRITTEN_DIRECTLY',
    );
    expect(await codeOf(manager.delete(Tank, { uuid }))).toBe('WRITE_BYPASSES_LIFECYCLE');

    await signalbox.transition(Tank, uuid, 'CreateRequested');
    const read = await manager.findOneByOrFail(Tank, { uuid });
    signalbox.send(read, 'OperationSucceeded');
    await manager.save(read);
    // Also an entity that was read before.
    signalbox.send(early, 'CreateRequested');
    await manager.save(early);
    await manager.save(manager.create(Tank, { label: 'by a save' }));
    const unsaved = dataSource.transaction(async (within) => {
      signalbox.send(await within.findOneByOrFail(Tank, { uuid }), 'AttachRequested');
    });
    expect(await codeOf(unsaved)).toBe('TRANSACTION_LOST');
    expect(await manager.findOneByOrFail(Tank, { uuid })).toMatchObject({
      state: 'Ready',
      revision: 3,
    });
    expect((await signalbox.history(Tank, uuid)).map(({ type }) => type)).toEqual([
      'Created',
      'CreateRequested',
      'OperationSucceeded',
    ]);
    await eventually(() => {
      expect(seen.filter((type) => type === 'Created')).toHaveLength(3);
      expect(seen).toContain('OperationSucceeded');
    });
    await signalbox.remove(read);
    expect(await manager.countBy(Tank, { uuid })).toBe(0);
  });

  test('transactions beside each other stay apart after it', async () => {
    await using opened = await open();
    const { dataSource } = opened;
    await using signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Tank],
    });
    await dataSource.destroy();
    await dataSource.initialize();
    // A single query beside a transaction is no part of it.
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const rolledBack = dataSource
      .transaction(async (manager) => {
        await manager.save(manager.create(Tank, { label: 'gone' }));
        await held;
        throw new Error('back');
      })
      .catch(() => undefined);
    const beside = dataSource.createQueryRunner();
    const counting = beside.query(`SELECT count(*) AS n FROM tank WHERE label = 'gone'`);
    release();
    await rolledBack;
    expect(Number(((await counting) as { n: unknown }[])[0]?.n)).toBe(0);
    await beside.release();
    const uuids = await Promise.all(
      Array.from({ length: 4 }, async (_, index) => {
        const made = await dataSource
          .transaction(async (manager) => {
            const tank = await manager.save(manager.create(Tank, {}));
            await signalbox.transition(Tank, tank.uuid, 'CreateRequested', { manager });
            if (index % 2 === 1) throw new Error('back');
            return tank.uuid;
          })
          .catch(() => undefined);
        return made;
      }),
    );
    const rows = await dataSource.manager.find(Tank);
    expect(rows.map(({ uuid, state }) => `${uuid} ${state}`).toSorted()).toEqual(
      uuids.flatMap((uuid) => (uuid === undefined ? [] : [`${uuid} Creating`])).toSorted(),
    );
  });

  test('what waits for a connection when it is destroyed is told, and the relay goes on after it', async () => {
    await using opened = await open();
    const { dataSource } = opened;
    const bus = memoryBus();
    const signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Tank],
      bus,
    });
    const seen: string[] = [];
    await signalbox.subscribe({ category: 'ResourceStateEvent', resource: Tank }, (event) => {
      seen.push(String(event.partitionkey));
    });
    for (let round = 0; round < 3; round += 1) {
      // At whatever point the relay and the sweeper are, and with more callers than connections.
      const callers = Array.from({ length: round * 15 }, () => dataSource.query('SELECT 1'));
      const told = Promise.allSettled(callers);
      await dataSource.destroy();
      await told;
      await dataSource.initialize();
    }
    const { uuid } = await signalbox.create(Tank, {});
    await eventually(() => expect(seen).toContain(uuid));
    await signalbox.close();
  });

  test('a closed Signalbox guards no more, after it too', async () => {
    await using opened = await open();
    const { dataSource } = opened;
    const signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Tank],
    });
    await signalbox.close();
    await dataSource.destroy();
    await dataSource.initialize();
    expect(dataSource.subscribers).toEqual([]);
    await using again = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Tank],
    });
    await again.create(Tank, {});
  });

  test('a step that is saved where nobody guards is refused by the database itself', async () => {
    await using opened = await open();
    const { dataSource, database } = opened;
    const signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Tank],
    });
    const { uuid } = await signalbox.create(Tank, {});
    const read = await dataSource.manager.findOneByOrFail(Tank, { uuid });
    signalbox.send(read, 'CreateRequested');
    const unguarded = await new DataSource({
      ...database.options,
      entities: [Tank],
    } as DataSourceOptions).initialize();
    try {
      await expect(unguarded.manager.save(read)).rejects.toThrow();
      await expect(unguarded.manager.update(Tank, { uuid }, read)).rejects.toThrow();
      await signalbox.close();
      await expect(dataSource.manager.save(read)).rejects.toThrow();
      expect(await unguarded.manager.findOneByOrFail(Tank, { uuid })).toMatchObject({
        state: 'Allocated',
        revision: 1,
      });
    } finally {
      await unguarded.destroy();
    }
  });
});
