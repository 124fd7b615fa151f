import { expect, it } from 'vitest';
import { createSignalbox, memoryBus, migrate, migrations } from 'signalbox';
import { replayedAt } from 'signalbox/consuming';
import { DataSource } from 'typeorm';
import { eventually } from '../test/support/eventually.js';
import { cloudStackEventTypes } from 'signalbox/machines';
import { LoadBalancer } from './load-balancer.js';

it('gives one pool what it missed', async () => {
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [LoadBalancer],
    migrations: [...migrations],
    synchronize: true,
  }).initialize();
  await migrate(dataSource);
  const bus = memoryBus();
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes: cloudStackEventTypes,
    resources: [LoadBalancer],
    bus,
  });
  await signalbox.recordUsage('VM.START', { account: 'acme' });
  await eventually(async () => expect((await signalbox.outboxDepth()).pending).toBe(0));

  const billed: string[] = [];
  await signalbox.subscribe(
    { category: 'UsageEvent' },
    (event, delivery) => void billed.push(`${event.type} ${replayedAt(delivery) !== undefined}`),
    { pool: 'billing' },
  );
  // #region replay
  const { replayed, position, complete } = await signalbox.replay(
    { category: 'UsageEvent' },
    { pool: 'billing', since: new Date(Date.now() - 24 * 60 * 60 * 1000), rate: 500 },
  );
  // #endregion
  expect({ replayed, complete }).toEqual({ replayed: 1, complete: true });
  expect(position).toBeGreaterThan(0);
  await eventually(() => expect(billed).toEqual(['VM.START true']));
  await signalbox.close();
  await bus.close();
  await dataSource.destroy();
});
