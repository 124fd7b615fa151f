import { cloudStackEventTypes } from '../../../machines/index.js';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { expect, test } from 'vitest';
import { demoResources, Volume } from '../../../src/cli/demo/entities.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { migrations } from '../../../src/persistence/migrations/migrations.js';
import { createSignalbox } from '../../../src/signalbox/create-signalbox.js';
import { freshDatabase } from '../../support/databases.js';
import { eventually } from '../../support/eventually.js';

const poolSize = 4;

test.each(['postgres', 'mariadb'] as const)(
  'on %s a relay and a sweeper alone discard the connections that take no writes, and go on',
  async (kind) => {
    await using database = await freshDatabase(kind);
    const open = async (): Promise<DataSource> =>
      new DataSource({
        ...database.options,
        poolSize,
        entities: [...demoResources],
        migrations: [...migrations],
      } as DataSourceOptions).initialize();
    const others = await open();
    await others.synchronize();
    await others.runMigrations();
    const dataSource = await open();
    await using bus = memoryBus();
    const failures: unknown[] = [];
    // Nothing but its background work uses this DataSource.
    const worker = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: demoResources,
      bus,
      relay: { pollInterval: 5, leaseDuration: 500, retryDelay: 5, maxRetryDelay: 20 },
      deadlines: { pollInterval: 5, onFailure: (error) => failures.push(error) },
    });
    const told: string[] = [];
    await worker.subscribe('#', ({ type }) => void told.push(type));
    const writer = await createSignalbox({
      dataSource: others,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: demoResources,
      relay: false,
      deadlines: false,
    });
    await writer.recordUsage('VM.START');
    await eventually(() => expect(told).toEqual(['VM.START']));

    // As a server that is demoted and promoted again leaves its sessions: each for good.
    const readOnly =
      kind === 'postgres'
        ? 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY'
        : 'SET SESSION TRANSACTION READ ONLY';
    const runners = Array.from({ length: poolSize }, () => dataSource.createQueryRunner());
    await Promise.all(runners.map((runner) => runner.connect()));
    await Promise.all(runners.map((runner) => runner.query(readOnly)));
    await Promise.all(runners.map((runner) => runner.release()));

    const { uuid } = await writer.create(Volume, { sizeGib: 1 });
    await writer.transition(Volume, uuid, 'CreateRequested');
    await others.query(`UPDATE signalbox_deadline SET due_at = '2001-01-01 00:00:00'`);
    await eventually(() => expect(told).toEqual(expect.arrayContaining(['ALERT.RESOURCE.STUCK'])));
    await worker.close();
    await writer.close();
    await dataSource.destroy();
    await others.destroy();
  },
);
