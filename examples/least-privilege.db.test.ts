import { cloudStackEventTypes } from 'signalbox/machines';
import { readFileSync } from 'node:fs';
import { createRelay } from 'signalbox/relay';
import { createSignalbox, memoryBus, migrate, migrations } from 'signalbox';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { freshDatabase } from '../test/support/databases.js';
import { eventually } from '../test/support/eventually.js';
import { uniqueName } from '../test/support/unique-name.js';
import { openStore } from '../src/persistence/open-store.js';
import { LoadBalancer } from './load-balancer.js';

const password = 'least-privilege';

const dialects = {
  postgres: {
    create: (role: string) => `CREATE ROLE ${role} LOGIN PASSWORD '${password}'`,
    drop: (role: string) => [`DROP OWNED BY ${role}`, `DROP ROLE ${role}`],
    denied: /permission denied/,
  },
  mariadb: {
    create: (role: string) => `CREATE USER ${role} IDENTIFIED BY '${password}'`,
    drop: (role: string) => [`DROP USER ${role}`],
    denied: /command denied/,
  },
};

describe.each(['postgres', 'mariadb'] as const)('on %s', (kind) => {
  it('the documented grants are enough, for the application and for a relay apart', async () => {
    const { create, drop, denied } = dialects[kind];
    const grants = readFileSync(new URL(`least-privilege/${kind}.sql`, import.meta.url), 'utf8');
    await using database = await freshDatabase(kind);
    const app = uniqueName('app');
    const apart = uniqueName('relay');
    const owner = await connect(database.options, [...migrations]);
    const as = (role: string) => {
      const url = new URL(database.url);
      url.username = role;
      url.password = password;
      return connect({ ...database.options, url: url.href } as DataSourceOptions);
    };
    await owner.synchronize();
    await migrate(owner);
    await owner.query(create(app));
    await owner.query(create(apart));
    for (const grant of grants.split(/;\n/).filter((text) => text.includes('GRANT'))) {
      await owner.query(grant.replaceAll('cloud_app', app).replaceAll('cloud_relay', apart));
    }
    try {
      await expectEverythingWorks(await as(app), await as(apart), denied);
    } finally {
      for (const role of [app, apart]) {
        for (const statement of drop(role)) await owner.query(statement);
      }
      await owner.destroy();
    }
  });
});

function connect(options: DataSourceOptions, own: DataSourceOptions['migrations'] = []) {
  return new DataSource({ ...options, entities: [LoadBalancer], migrations: own }).initialize();
}

async function expectEverythingWorks(
  dataSource: DataSource,
  relaySource: DataSource,
  denied: RegExp,
) {
  const resources = [LoadBalancer];
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes: cloudStackEventTypes,
    resources,
    relay: false,
  });
  const { uuid } = await signalbox.create(LoadBalancer, { members: 1 });
  await signalbox.transition(LoadBalancer, uuid, 'DeployRequested'); // guarded, arms a deadline
  await signalbox.transition(LoadBalancer, uuid, 'OperationSucceeded'); // cancels it
  const job = await signalbox.jobs.submit('LB.CREATE');
  await signalbox.jobs.update(job, 10);
  await signalbox.jobs.complete(job);
  await expect(dataSource.query('DELETE FROM signalbox_journal')).rejects.toThrow(denied);
  await signalbox.close();

  const store = openStore(relaySource);
  await store.verifyMigrated();
  const [first] = await store.outbox.read({ partitions: 'all', bus: null, except: [], limit: 1 });
  if (first === undefined) throw new Error('nothing is in the outbox');
  const others = await store.outbox.read({
    partitions: [first.partition],
    bus: null,
    except: [first.position],
    limit: 9,
  });
  expect(await store.outbox.park(first, 'too large', null)).toBe(true);
  expect((await store.outbox.hold(others)).length).toBeGreaterThan(0);
  expect(await store.outbox.retry(first)).toBe(true);

  const bus = memoryBus();
  const relay = createRelay({ dataSource: relaySource, bus, source: 'relay' });
  relay.start();
  await eventually(async () => expect((await store.outbox.depth()).pending).toBe(0));
  await relay.stop();
  await expect(relaySource.query('SELECT * FROM load_balancer')).rejects.toThrow(denied);
  await relaySource.destroy();

  const whole = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes: cloudStackEventTypes,
    resources,
    bus,
  });
  await whole.transition(LoadBalancer, uuid, 'MemberLost');
  await eventually(async () => expect((await whole.outboxDepth()).pending).toBe(0));
  await whole.close();
  await dataSource.destroy();
}
