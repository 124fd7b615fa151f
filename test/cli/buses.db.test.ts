import type { DataSource } from 'typeorm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ApplicationRelays } from '../../src/cli/relay-applications.js';
import { connectDatabase } from '../../src/config/connect-database.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { registerApplication } from '../../src/persistence/application.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { type OpenStore, openStore } from '../../src/persistence/open-store.js';
import { commandLine } from '../support/command-line-source.js';
import { eachDatabase, freshDatabase, type FreshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { stateEvent } from '../persistence/relay-tables.js';

eachDatabase((kind) => {
  let database: FreshDatabase;
  let dataSource: DataSource;
  let store: OpenStore;
  beforeEach(async () => {
    database = await freshDatabase(kind);
    dataSource = await connectDatabase(database.url, { migrations: [...migrations] });
    await migrate(dataSource);
    store = openStore(dataSource, await registerApplication(dataSource, 'storage'));
  });
  afterEach(async () => {
    await dataSource.destroy();
    await database.dispose();
  });

  const signalbox = (...args: string[]): Promise<string> =>
    commandLine(...args, '--database', database.url);

  const purge = (): Promise<number> =>
    store.journal.purge({ before: new Date(Date.now() + 1000).toISOString(), limit: 100 });

  test('what waits for a retired bus is named, and dropped with it, so that the journal can be purged', async () => {
    const target = 'amqp://old:5672/%2F/signalbox';
    await store.outbox.registerBuses([
      { name: 'retired', target },
      { name: 'kept', target: null },
    ]);
    await store.append([stateEvent(), stateEvent()]);
    await store.outbox.fanOut({ partitions: 'all', buses: ['retired', 'kept'], limit: 10 });
    const rows = await store.outbox.listPending({ limit: 10 });
    await store.outbox.remove(rows.filter(({ bus }) => bus === 'kept'));
    await store.outbox.park(rows.find(({ bus }) => bus === 'retired') as never, 'gone', null);
    expect(await purge()).toBe(0);
    const listed = await signalbox('outbox', 'list');
    expect(listed).toMatch(/for retired: 1 pending .*1 parked/u);
    expect(listed).toMatch(
      /pending {2}partition \d+ .*VirtualMachine\/[0-9a-f-]{36} for retired\n/u,
    );
    const buses = await signalbox('buses', 'list');
    expect(buses).toContain(`retired  ${target}  1 pending`);
    expect(buses).toContain('kept  somewhere that is not known  0 pending');
    expect(await signalbox('buses', 'forget', 'nobody')).toMatch(/^2 .*No bus 'nobody'/su);
    expect(await signalbox('buses', 'forget', 'retired')).toMatch(/0 rows dropped, 2 still wait/u);
    expect(await signalbox('buses', 'list', '--json')).toContain('"registered":false');
    expect(await signalbox('outbox', 'drop')).toMatch(/^2 .*Give a position, or --bus/su);
    expect(await signalbox('outbox', 'drop', '--bus', 'retired')).toMatch(/^0 2 rows/u);
    expect(await store.outbox.depth()).toMatchObject({ pending: 0, parked: 0 });
    expect(await purge()).toBe(2);
    expect(await signalbox('buses', 'forget', 'kept', '--drop')).toMatch(/^0 kept is forgotten/u);
    expect(await signalbox('buses', 'list')).toBe('0 none is registered\n');
  });

  test('of several applications one must be named, and each sees its own', async () => {
    const compute = openStore(dataSource, await registerApplication(dataSource, 'compute'));
    await store.outbox.registerBuses([{ name: 'bus', target: 'amqp://a:1/x/y' }]);
    await compute.outbox.registerBuses([{ name: 'bus', target: 'amqp://b:1/x/z' }]);
    await compute.append([stateEvent()]);
    expect(await signalbox('buses', 'list')).toMatch(/^2 .*storage, compute/su);
    expect(await signalbox('buses', 'list', '--application', 'nobody')).toMatch(
      /^2 .*No application/su,
    );
    expect(await signalbox('buses', 'list', '--application', 'storage')).toMatch(
      /^0 bus {2}amqp:\/\/a/u,
    );
    expect(await signalbox('buses', 'list', '--application', 'compute')).toMatch(
      /^0 bus {2}amqp:\/\/b/u,
    );
    expect(await signalbox('outbox', 'list', '--application', 'storage')).toMatch(/^0 0 pending/u);
    expect(await signalbox('outbox', 'list', '--application', 'compute')).toMatch(/^0 1 pending/u);
  });

  test('a relay of the command line serves every application whose bus it has, and leaves out the others', async () => {
    const bus = Object.assign(memoryBus(), { target: 'amqp://a:1/x/y' });
    const taken: string[] = [];
    await bus.subscribe(['#'], ({ id }) => {
      taken.push(id);
    });
    const compute = openStore(dataSource, await registerApplication(dataSource, 'compute'));
    const other = openStore(dataSource, await registerApplication(dataSource, 'other'));
    await other.outbox.registerBuses([{ name: bus.name, target: 'amqp://b:1/x/z' }]);
    const [first, second, third] = [stateEvent(), stateEvent(), stateEvent()];
    await store.append([first]);
    await compute.append([second]);
    await other.append([third]);
    const leftOut: string[] = [];
    const relays = new ApplicationRelays({
      dataSource,
      buses: [bus],
      application: undefined,
      source: 'relay',
      options: { pollInterval: 10 },
      listener: () => undefined,
      onLeftOut: ({ name }) => leftOut.push(name),
    });
    await relays.start();
    try {
      await eventually(async () => expect(new Set(taken)).toEqual(new Set([first.id, second.id])));
    } finally {
      await relays.stop();
      await bus.close();
    }
    expect(leftOut).toEqual(['other']);
    expect(taken).toHaveLength(2);
    expect((await other.outbox.depth()).pending).toBe(1);
  });
});
