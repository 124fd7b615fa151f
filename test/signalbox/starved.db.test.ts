import { cloudStackEventTypes } from '../../machines/index.js';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { describe, expect, test } from 'vitest';
import { demoResources, VirtualMachine } from '../../src/cli/demo/entities.js';
import type { AlertEvent } from '../../src/core/events/event.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import type { RelayNotice } from '../../src/delivery/relay/relay-notice.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import { freshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';

const sizes = [1, 2].flatMap((size) =>
  (['postgres', 'mariadb'] as const).map((kind) => ({ kind, size })),
);

describe.each(sizes)('on $kind with a pool of $size', ({ kind, size }) => {
  test('relay, deadlines and watches report that they are starved, and go on when they are served', async () => {
    await using database = await freshDatabase(kind);
    const dataSource = await new DataSource({
      ...database.options,
      poolSize: size,
      entities: [...demoResources],
      migrations: [...migrations],
      synchronize: true,
    } as DataSourceOptions).initialize();
    await dataSource.runMigrations();
    const bus = memoryBus();
    const notices: RelayNotice[] = [];
    const sweeping: unknown[] = [];
    const watching: unknown[] = [];
    const told: string[] = [];
    const alerts: AlertEvent[] = [];
    const signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: demoResources,
      bus,
      relay: { pollInterval: 20, leaseDuration: 60_000, starvedAfter: 100 },
      onRelayNotice: (notice) => notices.push(notice),
      deadlines: {
        pollInterval: 20,
        starvedAfter: 100,
        onFailure: (error) => sweeping.push(error),
      },
    });
    await signalbox.subscribe('#', (event) => {
      told.push(event.type);
      if (event.category === 'AlertEvent') alerts.push(event as AlertEvent);
    });
    const watch = await signalbox.watch(VirtualMachine, {
      reconcile: 20,
      starvedAfter: 100,
      onFailure: (error) => watching.push(error),
    });
    const reading = (async () => {
      for await (const _ of watch);
    })();

    // So small a pool is enough while nobody keeps it.
    const { uuid } = await signalbox.create(VirtualMachine, { name: 'one' });
    await signalbox.transition(VirtualMachine, uuid, 'StartRequested');
    await eventually(() => expect(told).toHaveLength(2));

    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const held = Array.from({ length: size }, () =>
      dataSource.transaction(async (manager) => {
        await manager.query('SELECT 1');
        await released;
      }),
    );
    const starved = expect.objectContaining({
      code: 'DATABASE_STARVED',
      retryable: true,
      message: expect.stringContaining('raise poolSize'),
      parameters: expect.objectContaining({ max: size, inUse: size }),
    });
    try {
      await eventually(() => {
        expect(notices).toContainEqual({ kind: 'starved', error: starved });
        expect(sweeping).toContainEqual(starved);
        expect(watching).toContainEqual(starved);
      });
    } finally {
      release();
    }
    await Promise.all(held);
    await signalbox.transition(VirtualMachine, uuid, 'OperationSucceeded');
    await eventually(() => {
      expect(notices.map(({ kind }) => kind)).toContain('served');
      expect(told).toContain('OperationSucceeded');
      expect(alerts.map(({ type }) => type)).toContain('ALERT.DATABASE.STARVED');
    });
    expect(notices.map(({ kind }) => kind)).not.toContain('databaseUnavailable');
    expect(alerts.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({
        subject: expect.stringMatching(/^The relay has been waiting/),
        details: expect.objectContaining({ max: size, waited: expect.any(Number) }),
      }),
    );
    await watch.close();
    await reading;
    await signalbox.close();
    await bus.close();
    await dataSource.destroy();
  });
});
