import { createSignalbox, migrate, migrations } from 'signalbox';
import { DataSource } from 'typeorm';
import { expect, it } from 'vitest';
import { eventTypes, LoadBalancer } from './load-balancer.js';

it('moves a resource by a call, and by a save together with its own columns', async () => {
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [LoadBalancer],
    migrations: [...migrations],
    synchronize: true,
  }).initialize();
  await migrate(dataSource);
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes,
    resources: [LoadBalancer],
  });
  const { uuid } = await signalbox.create(LoadBalancer, { members: 1 });
  // #region transition
  const {
    old,
    new: state,
    revision,
  } = await signalbox.transition(LoadBalancer, uuid, 'DeployRequested', {
    actor: 'alice',
    reason: 'new shop',
    expectedRevision: 1,
  });
  // 'Allocated', 'Deploying', 2
  // #endregion
  expect([old, state, revision]).toEqual(['Allocated', 'Deploying', 2]);
  // #region send
  await dataSource.transaction(async (manager) => {
    const balancer = await manager.findOneByOrFail(LoadBalancer, { uuid });
    signalbox.send(balancer, 'OperationSucceeded'); // refuses at once what is not lawful
    balancer.members = 3; // your own columns, same commit
    await manager.save(balancer); // guards, writes, announces
  });
  // #endregion
  expect(await dataSource.manager.findOneByOrFail(LoadBalancer, { uuid })).toMatchObject({
    state: 'Active.Healthy',
    revision: 3,
    members: 3,
  });
  await signalbox.close();
  await dataSource.destroy();
});
