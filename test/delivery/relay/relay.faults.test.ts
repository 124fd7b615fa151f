import { resolve } from 'node:path';
import type { DataSource } from 'typeorm';
import { v4 } from 'uuid';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { rabbitmq } from '../../../src/delivery/amqp/rabbitmq.js';
import type { Bus, BusSubscription, Delivery } from '../../../src/delivery/bus/bus.js';
import { cloudEvents } from '../../../src/delivery/formats/cloudevents.js';
import { createOutboxRelay, type Relay } from '../../../src/delivery/relay/relay.js';
import { wakeListener } from '../../../src/delivery/relay/wake.js';
import { openStore, type OpenStore } from '../../../src/persistence/open-store.js';
import { openDataSource, stateEvent } from '../../persistence/relay-tables.js';
import { eachDatabase, freshDatabase, type FreshDatabase } from '../../support/databases.js';
import { eventually } from '../../support/eventually.js';
import { startNode, type ChildProcess } from '../../support/run-node.js';
import { serviceUrl } from '../../support/service-url.js';
import { openRabbitmqPlace, type RabbitmqPlace } from '../amqp/rabbitmq-place.js';
import { revisionOf } from './scripted-bus.js';

const leaseDuration = 1000;

eachDatabase((kind) => {
  let database: FreshDatabase;
  let dataSource: DataSource;
  let store: OpenStore;
  let place: RabbitmqPlace;
  let bus: Bus;
  let subscription: BusSubscription;
  let received: Delivery[];
  let relay: Relay | undefined;
  let child: ChildProcess | undefined;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    dataSource = await openDataSource(database.options);
    store = openStore(dataSource);
  });

  afterAll(async () => {
    await dataSource?.destroy();
    await database?.dispose();
  });

  beforeEach(async () => {
    received = [];
    place = await openRabbitmqPlace(serviceUrl('rabbitmq'));
    bus = rabbitmq({ url: serviceUrl('rabbitmq'), exchange: place.exchange });
    subscription = await bus.subscribe(['#'], (delivery) => void received.push(delivery), {
      prefetch: 1000,
    });
  });

  afterEach(async () => {
    await child?.[Symbol.asyncDispose]();
    await relay?.stop();
    child = relay = undefined;
    await subscription.unsubscribe();
    await bus.close();
    await place.dispose();
    // The next test publishes elsewhere under the same name.
    await dataSource.query('DELETE FROM signalbox_bus');
  });

  const startChild = (): ChildProcess => {
    child = startNode(resolve(import.meta.dirname, 'fixtures/relay-process.ts'), [
      JSON.stringify(database.options),
      serviceUrl('rabbitmq'),
      place.exchange,
      String(leaseDuration),
    ]);
    return child;
  };

  const startRelay = (): void => {
    relay = createOutboxRelay({
      store,
      buses: [bus],
      format: cloudEvents,
      origin: () => ({ source: 'management-server', time: new Date().toISOString() }),
      wake: wakeListener(dataSource),
      options: { leaseDuration, pollInterval: 50 },
    });
    relay.start();
  };

  /** Revisions of each resource as they first arrived: what is delivered again has the same id. */
  const arrivals = (): ReadonlyMap<string, readonly number[]> => {
    const seen = new Set<string>();
    const byUuid = new Map<string, number[]>();
    for (const delivery of received) {
      if (seen.has(delivery.id)) continue;
      seen.add(delivery.id);
      const uuid = String(delivery.partitionKey);
      byUuid.set(uuid, [...(byUuid.get(uuid) ?? []), revisionOf(delivery)]);
    }
    return byUuid;
  };

  const uuids = Array.from({ length: 25 }, () => v4());
  let revision = 0;

  const append = async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      revision += 1;
      await store.append(uuids.map((uuid) => stateEvent(uuid, revision)));
      relay?.wake();
    }
  };

  const allInOrder = async (from: number): Promise<void> => {
    const expected = Array.from({ length: revision - from }, (_, index) => from + index + 1);
    await eventually(
      () => {
        const arrived = arrivals();
        for (const uuid of uuids) expect(arrived.get(uuid)).toEqual(expected);
      },
      { deadline: 60_000, every: 100 },
    );
    await eventually(async () => expect((await store.outbox.depth()).pending).toBe(0));
  };

  test('a relay killed in the midst loses nothing: another takes over, in order', async () => {
    const from = revision;
    const victim = startChild();
    await victim.line('partitionsChanged');
    startRelay();
    // It gives half of its shares to the newcomer, so both are at work.
    const appending = append(40);
    await victim.line('published 1');
    victim.kill('SIGKILL');
    expect(await victim.exited).toMatchObject({ signal: 'SIGKILL' });
    await appending;
    await append(5);
    await allInOrder(from);
    // Only what was under way, or published and not yet removed, comes twice.
    expect(received.length - uuids.length * (revision - from)).toBeLessThan(200);
  });

  // A frozen process may hold SQLite's one lock, and then nobody can do anything.
  test.skipIf(kind === 'sqlite')(
    'a relay that wakes up late puts nothing in disorder',
    async () => {
      const from = revision;
      const sleeper = startChild();
      await sleeper.line('partitionsChanged');
      await append(20);
      await sleeper.line('published 1');
      sleeper.kill('SIGSTOP');
      startRelay();
      await append(5);
      await allInOrder(from);
      const before = received.length;
      sleeper.kill('SIGCONT');
      await sleeper.line('leaseLost');
      await append(5);
      await allInOrder(from);
      const again = received
        .slice(before)
        .filter((delivery) => revisionOf(delivery) <= revision - 5);
      // Its window was 20: no more than that can have been on its way to the broker.
      expect(again.length).toBeLessThanOrEqual(20);
    },
  );
});
