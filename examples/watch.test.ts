import { expect, it } from 'vitest';
import { createSignalbox, memoryBus, migrate, migrations } from 'signalbox';
import { DataSource } from 'typeorm';
import { eventTypes, LoadBalancer } from './load-balancer.js';

it('keeps a cache of resources that is always right in the end', async () => {
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
    eventTypes,
    resources: [LoadBalancer],
    bus,
  });
  const { uuid } = await signalbox.create(LoadBalancer, { members: 2, account: 'acme' });
  const changes: string[] = [];
  let bookmark = 0;

  // #region watch
  const cache = new Map<string, string>();

  for await (const change of await signalbox.watch(LoadBalancer, { account: 'acme' })) {
    switch (change.type) {
      case 'snapshot':
      case 'added':
      case 'changed':
        cache.set(change.resource.uuid, change.resource.state); // typed: a state of the lifecycle
        break;
      case 'removed':
        cache.delete(change.resource.uuid);
        break;
      case 'synced':
        bookmark = change.bookmark; // go on from here another day: watch(…, { from: bookmark })
        break;
      case 'resync':
        if (change.reason === 'expired') cache.clear(); // the whole list follows
        break;
    }
    // #endregion
    changes.push(change.type);
    if (change.type === 'synced') await signalbox.transition(LoadBalancer, uuid, 'DeployRequested');
    if (change.type === 'changed') break;
    // #region watch
  }
  // #endregion
  expect(changes).toEqual(['snapshot', 'synced', 'changed']);
  expect([...cache.values()]).toEqual(['Deploying']);
  expect(bookmark).toBeGreaterThan(0);
  await signalbox.close();
  await bus.close();
  await dataSource.destroy();
});
