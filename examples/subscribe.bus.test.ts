import { expect, it } from 'vitest';
import { serviceUrl } from '../test/support/service-url.js';
import { uniqueName } from '../test/support/unique-name.js';
import { migrate, migrations } from 'signalbox';
import { DataSource } from 'typeorm';
// #region subscribe
import { createSignalbox } from 'signalbox';
import { rabbitmq } from 'signalbox/amqp';
import { eventTypes, LoadBalancer } from './load-balancer.js';

// #endregion
it('brings every event of a load balancer to a pool', async () => {
  const url = serviceUrl('rabbitmq');
  const exchange = uniqueName('example');
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [LoadBalancer],
    migrations: [...migrations],
    synchronize: true,
  }).initialize();
  await migrate(dataSource);
  const seen: string[] = [];
  // #region subscribe
  const bus = rabbitmq({ url, exchange });
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes,
    resources: [LoadBalancer],
    bus,
  });

  const subscription = await signalbox.subscribe(
    { category: 'ResourceStateEvent', resource: LoadBalancer },
    (event) => {
      const { old, new: state } = event.data; // typed: a state change
      seen.push(`${event.revision}: ${old} → ${state}`);
      // returning acknowledges; throwing retries, then dead-letters with the reason
    },
    { pool: 'cmdb', concurrency: 16 }, // in order for each resource, parallel across
  );

  const { uuid } = await signalbox.create(LoadBalancer, { members: 2 });
  await signalbox.transition(LoadBalancer, uuid, 'DeployRequested');
  await signalbox.transition(LoadBalancer, uuid, 'OperationSucceeded');
  // #endregion
  await expect
    .poll(() => seen, { timeout: 20_000 })
    .toEqual(['1: null → Allocated', '2: Allocated → Deploying', '3: Deploying → Active.Healthy']);
  await subscription.unsubscribe({ removePool: true });
  await signalbox.close();
  await bus.close();
  await dataSource.destroy();
});
