import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { v4 } from 'uuid';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Delivery } from '../../../src/delivery/bus/bus.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { cloudEvents } from '../../../src/delivery/formats/cloudevents.js';
import type { Format } from '../../../src/delivery/formats/format.js';
import type { LeaseClock } from '../../../src/delivery/relay/lease-clock.js';
import {
  createOutboxRelay,
  type Relay,
  type OutboxRelaySetup,
} from '../../../src/delivery/relay/relay.js';
import type { RelayNotice } from '../../../src/delivery/relay/relay-notice.js';
import type { OutboxRecord } from '../../../src/core/stores/outbox-store.js';
import {
  openDataSource,
  type RelayTables,
  relayTables,
  stateEvent,
} from '../../persistence/relay-tables.js';
import { eachDatabase, freshDatabase, type FreshDatabase } from '../../support/databases.js';
import { eventually } from '../../support/eventually.js';
import { refused, revisionOf, ScriptedBus, unavailable } from './scripted-bus.js';

eachDatabase((kind) => {
  let database: FreshDatabase;
  let dataSource: DataSource;
  let store: RelayTables;
  const relays: Relay[] = [];
  let notices: RelayNotice[] = [];

  beforeAll(async () => {
    database = await freshDatabase(kind);
    dataSource = await openDataSource(database.options);
    store = relayTables(dataSource);
  });

  afterAll(async () => {
    await dataSource?.destroy();
    await database?.dispose();
  });

  beforeEach(async () => {
    notices = [];
    for (const table of ['journal', 'outbox', 'parked', 'relay']) {
      await dataSource.query(`DELETE FROM signalbox_${table}`);
    }
    await dataSource.query('UPDATE signalbox_lease SET relay = NULL, expires_at = NULL');
  });

  afterEach(async () => {
    await Promise.all(relays.splice(0).map((relay) => relay.stop()));
  });

  const startRelay = (
    setup: Partial<OutboxRelaySetup> & Pick<OutboxRelaySetup, 'buses'>,
  ): Relay => {
    const relay = createOutboxRelay({
      store,
      format: cloudEvents,
      origin: () => ({ source: 'management-server', time: new Date().toISOString() }),
      listener: (notice) => notices.push(notice),
      ...setup,
      options: { pollInterval: 20, retryDelay: 5, maxRetryDelay: 50, ...setup.options },
    });
    relays.push(relay);
    relay.start();
    return relay;
  };

  const pending = async () => (await store.outbox.depth()).pending;
  const emptied = () => eventually(async () => expect(await pending()).toBe(0));
  const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
  const noticed = (type: RelayNotice['kind']) => notices.filter((notice) => notice.kind === type);

  test('subscribers get every event in the order of its resource, byte for byte', async () => {
    await using bus = memoryBus();
    const received: Delivery[] = [];
    await bus.subscribe(['#'], (delivery) => void received.push(delivery), { concurrency: 10 });
    const relay = startRelay({ buses: [bus], options: { batch: 50, window: 20 } });
    const uuids = Array.from({ length: 20 }, () => v4());
    for (const revision of upTo(10)) {
      await store.append(uuids.map((uuid) => stateEvent(uuid, revision)));
      relay.wake();
    }
    await emptied();
    await eventually(() => expect(received).toHaveLength(200));
    for (const uuid of uuids) {
      const mine = received.filter((delivery) => delivery.partitionKey === uuid);
      expect(mine.map(revisionOf)).toEqual(upTo(10));
      const journal = await store.journal.read({ uuid, limit: 100 });
      expect(mine.map((delivery) => Buffer.from(delivery.body).toString())).toEqual(
        journal.map((record) => record.payload),
      );
    }
    expect(received[0]?.key).toMatch(
      /^management-server\.ResourceStateEvent\.StartRequested\.VirtualMachine\.[-0-9a-f]{36}$/,
    );
    expect(relay.counts).toEqual({ published: 200, unroutable: 0, parked: 0, retried: 0 });
  });

  test('one event of a resource is under way at a time, resources go in parallel', async () => {
    const bus = new ScriptedBus();
    bus.script = async () => {
      await delay(1);
      return { routed: true };
    };
    const uuids = Array.from({ length: 30 }, () => v4());
    for (const revision of upTo(4)) {
      await store.append(uuids.map((uuid) => stateEvent(uuid, revision)));
    }
    startRelay({ buses: [bus], options: { window: 10 } });
    await emptied();
    expect(bus.mostPerResource).toBe(1);
    expect(bus.mostAtOnce).toBe(10);
    for (const uuid of uuids) expect(bus.revisions(uuid)).toEqual(upTo(4));
  });

  test('an event that the broker did not confirm is not overtaken by its successor', async () => {
    const bus = new ScriptedBus();
    let publishes = 0;
    bus.script = () => {
      publishes += 1;
      if (publishes % 7 === 3) throw unavailable();
      return { routed: true };
    };
    const uuids = Array.from({ length: 10 }, () => v4());
    for (const revision of upTo(10)) {
      await store.append(uuids.map((uuid) => stateEvent(uuid, revision)));
    }
    const relay = startRelay({ buses: [bus], options: { batch: 30 } });
    await emptied();
    for (const uuid of uuids) expect(bus.revisions(uuid)).toEqual(upTo(10));
    expect(relay.counts.retried).toBeGreaterThan(0);
    expect(noticed('busRecovered').length).toBe(noticed('busUnavailable').length);
  });

  test('a refused event is parked with an alert and holds back its own resource only', async () => {
    const bus = new ScriptedBus();
    const [bad, good] = [v4(), v4()];
    let mended = false;
    bus.script = (message) => {
      if (!mended && message.partitionKey === bad && revisionOf(message) === 2) throw refused();
      return { routed: true };
    };
    for (const revision of upTo(3)) {
      await store.append([stateEvent(bad, revision), stateEvent(good, revision)]);
    }
    const relay = startRelay({ buses: [bus] });
    await emptied();
    // What comes later is held back too, also by a relay that was not there when it was refused.
    await store.append([stateEvent(bad, 4), stateEvent(good, 4)]);
    await emptied();
    await relay.stop();
    startRelay({ buses: [bus] });
    await store.append([stateEvent(bad, 5), stateEvent(good, 5)]);
    await emptied();
    expect(bus.revisions(bad)).toEqual([1]);
    expect(bus.revisions(good)).toEqual(upTo(5));
    const parked = await store.outbox.listParked({ limit: 10 });
    expect(parked.map(({ status, revision }) => `${status} ${revision}`)).toEqual([
      'parked 2',
      'held 3',
      'held 4',
      'held 5',
    ]);
    expect(parked[0]?.reason).toBe('the message is too large');
    const alert = bus.taken.find((message) => message.key.includes('AlertEvent'));
    expect(await cloudEvents.decode(alert as NonNullable<typeof alert>)).toMatchObject({
      type: 'ALERT.EVENT.PARKED',
      data: { body: 'the message is too large', details: { uuid: bad, bus: 'scripted' } },
    });
    mended = true;
    await store.outbox.retry(parked[0] as OutboxRecord);
    await eventually(() => expect(bus.revisions(bad)).toEqual(upTo(5)));
  });

  test('a dropped event lets the others of its resource go on', async () => {
    const bus = new ScriptedBus();
    const uuid = v4();
    bus.script = (message) => {
      if (revisionOf(message) === 1) throw refused();
      return { routed: true };
    };
    await store.append(upTo(3).map((revision) => stateEvent(uuid, revision)));
    startRelay({ buses: [bus] });
    await emptied();
    const [parked] = await store.outbox.listParked({ limit: 1 });
    expect(await store.outbox.drop(parked as OutboxRecord)).toBe(true);
    await eventually(() => expect(bus.revisions(uuid)).toEqual([2, 3]));
  });

  test('a broker that refuses everything gets no alert about an alert', async () => {
    const bus = new ScriptedBus();
    bus.script = () => {
      throw refused();
    };
    await store.append([stateEvent()]);
    startRelay({ buses: [bus] });
    await eventually(async () => {
      expect(await store.outbox.depth()).toMatchObject({ pending: 0, parked: 2 });
    });
    expect(await store.journal.read({ limit: 10 })).toHaveLength(2);
  });

  test('an event whose routing key is too long is parked', async () => {
    const bus = new ScriptedBus();
    await store.append([{ ...stateEvent(), type: 'T'.repeat(240) }, stateEvent()]);
    startRelay({ buses: [bus] });
    await emptied();
    expect(await store.outbox.depth()).toMatchObject({ parked: 1 });
    expect((await store.outbox.listParked({ limit: 1 }))[0]?.reason).toContain('255');
  });

  test('an event that a format of yours cannot write is parked, and the others go on', async () => {
    const bus = new ScriptedBus();
    const [bad, good] = [v4(), v4()];
    const format: Format = {
      ...cloudEvents,
      name: 'acme',
      encodeText(head, text) {
        if (head.uuid === bad)
          throw new TypeError('no field of postgres://me:secret@db/ is wide enough');
        return cloudEvents.encodeText(head, text);
      },
    };
    for (const revision of upTo(3)) {
      await store.append([stateEvent(bad, revision), stateEvent(good, revision)]);
    }
    startRelay({ buses: [bus], format });
    await emptied();
    expect(bus.revisions(good)).toEqual(upTo(3));
    expect(noticed('busUnavailable')).toEqual([]);
    const parked = await store.outbox.listParked({ limit: 10 });
    expect(parked.map(({ uuid, status }) => [uuid, status])).toEqual([
      [bad, 'parked'],
      [bad, 'held'],
      [bad, 'held'],
    ]);
    expect(parked[0]?.reason).toMatch(/^the format acme cannot write it: no field of postgres:/);
    expect(parked[0]?.reason).not.toContain('secret');
  });

  test('a broken bus does not hold up the others, and gets everything in order later', async () => {
    const [broken, sound] = [new ScriptedBus('broken'), new ScriptedBus('sound')];
    let away = true;
    broken.script = () => {
      if (away) throw unavailable();
      return { routed: true };
    };
    const uuids = Array.from({ length: 5 }, () => v4());
    startRelay({ buses: [broken, sound], options: { batch: 10 } });
    for (const revision of upTo(8)) {
      await store.append(uuids.map((uuid) => stateEvent(uuid, revision)));
    }
    await eventually(() => expect(sound.taken).toHaveLength(40));
    expect(broken.taken).toHaveLength(0);
    await eventually(async () => expect(await pending()).toBe(40));
    away = false;
    await emptied();
    for (const uuid of uuids) {
      expect(broken.revisions(uuid)).toEqual(upTo(8));
      expect(sound.revisions(uuid)).toEqual(upTo(8));
    }
  });

  test('rows left over from several buses reach the one that stays', async () => {
    const uuid = v4();
    await store.append([stateEvent(uuid, 1)]);
    await store.outbox.fanOut({ partitions: 'all', buses: ['scripted', 'gone'], limit: 10 });
    await store.append([stateEvent(uuid, 2)]);
    const bus = new ScriptedBus();
    startRelay({ buses: [bus] });
    await eventually(() => expect(bus.revisions(uuid)).toEqual([1, 2]));
    await eventually(async () => expect(await pending()).toBe(1));
  });

  test('with no bus, and none registered, the outbox is drained to the journal', async () => {
    await dataSource.query('DELETE FROM signalbox_bus');
    await store.append([stateEvent(), stateEvent()]);
    startRelay({ buses: [] });
    await emptied();
    expect(await store.journal.read({ limit: 10 })).toHaveLength(2);
  });

  test('an event that nobody wants is counted, and held only by choice', async () => {
    await using bus = memoryBus();
    await store.append([stateEvent()]);
    const relay = startRelay({ buses: [bus] });
    await emptied();
    expect(relay.counts).toMatchObject({ published: 1, unroutable: 1, parked: 0 });
    expect(noticed('unroutable')).toHaveLength(1);
    await relay.stop();
    const uuid = v4();
    await store.append([stateEvent(uuid, 1), stateEvent(uuid, 2)]);
    startRelay({ buses: [bus], options: { unroutable: 'hold' } });
    await eventually(async () => {
      // Nobody wants the alert either.
      expect(await store.outbox.depth()).toMatchObject({ pending: 0, parked: 2, held: 1 });
    });
    expect((await store.outbox.listParked({ limit: 1 }))[0]?.reason).toMatch(/^unroutable/);
  });

  // SQLite has one writer: no row can become visible behind a later one.
  test.skipIf(kind === 'sqlite')(
    'a row that becomes visible late is published before its successors, whatever came between',
    async () => {
      const bus = new ScriptedBus();
      const late = v4();
      const slow = deferred();
      bus.script = async (message) => {
        // The first batch is under way while the long transaction commits.
        if (message.partitionKey !== late) await slow.promise;
        return { routed: true };
      };
      const long = dataSource.createQueryRunner();
      await long.startTransaction();
      await store.appendWithin(long.manager, [stateEvent(late, 1)]);
      await store.append(Array.from({ length: 6 }, () => stateEvent()));
      startRelay({ buses: [bus], options: { batch: 4, window: 100 } });
      await eventually(() => expect(bus.mostAtOnce).toBe(6));
      await long.commitTransaction();
      await long.release();
      await store.append(upTo(5).map((index) => stateEvent(late, index + 1)));
      await eventually(() => expect(bus.revisions(late)).toEqual(upTo(6)));
      slow.resolve();
      await emptied();
    },
  );

  test('a resource with a long queue does not keep the others waiting', async () => {
    const bus = new ScriptedBus();
    const [hot, other] = [v4(), v4()];
    const gate = deferred();
    bus.script = async (message) => {
      if (message.partitionKey === hot) await gate.promise;
      return { routed: true };
    };
    await store.append(upTo(200).map((revision) => stateEvent(hot, revision)));
    await store.append([stateEvent(other, 1)]);
    startRelay({ buses: [bus], options: { batch: 20 } });
    // One chance in 64 that both fall into one share, and then it waits its turn.
    const sameShare = (
      await store.outbox.read({ partitions: 'all', bus: null, except: [], limit: 999 })
    )
      .map((row) => row.partition)
      .every((share, _, all) => share === all[0]);
    if (!sameShare) await eventually(() => expect(bus.revisions(other)).toEqual([1]));
    gate.resolve();
    await emptied();
    expect(bus.revisions(hot)).toEqual(upTo(200));
  });

  test('relays share the work, and a newcomer gets its part without disorder', async () => {
    const buses = [new ScriptedBus('scripted'), new ScriptedBus('scripted')] as const;
    const uuids = Array.from({ length: 40 }, () => v4());
    const taken: { uuid: string; revision: number }[] = [];
    for (const bus of buses) {
      bus.script = async (message) => {
        await delay(1);
        taken.push({ uuid: String(message.partitionKey), revision: revisionOf(message) });
        return { routed: true };
      };
    }
    // Neither may lose its lease for want of a processor; a third of it passes until one gives shares away.
    const options = { leaseDuration: 5000, batch: 50 };
    startRelay({ buses: [buses[0]], options });
    let revision = 0;
    const next = async () => {
      revision += 1;
      await store.append(uuids.map((uuid) => stateEvent(uuid, revision)));
    };
    await next();
    await eventually(() => expect(buses[0].taken.length).toBeGreaterThan(0));
    startRelay({ buses: [buses[1]], options });
    await eventually(
      async () => {
        await next();
        expect(buses[1].taken.length).toBeGreaterThan(60);
      },
      { every: 100 },
    );
    await emptied();
    expect(buses[0].taken.length).toBeGreaterThan(60);
    for (const uuid of uuids) {
      const mine = taken.filter((event) => event.uuid === uuid).map((event) => event.revision);
      expect(mine).toEqual(upTo(revision));
    }
    expect(noticed('leaseLost')).toEqual([]);
  });

  test('an event whose publish fails after the lease was lost is not overtaken by what was read meanwhile', async () => {
    let slept = 0;
    const clock: LeaseClock = {
      monotonic: () => performance.now(),
      wall: () => Date.now() + slept,
    };
    const readAgain: number[] = [];
    const watched = {
      ...store,
      outbox: {
        ...store.outbox,
        read: async (options: Parameters<typeof store.outbox.read>[0]) => {
          const rows = await store.outbox.read(options);
          if (noticed('leaseLost').length > 0) readAgain.push(...rows.map((row) => row.position));
          return rows;
        },
      },
    };
    const bus = new ScriptedBus();
    const gate = deferred();
    let failed = false;
    bus.script = async () => {
      if (failed) return { routed: true };
      await gate.promise;
      failed = true;
      throw unavailable();
    };
    const uuid = v4();
    await store.append([stateEvent(uuid, 1)]);
    startRelay({ store: watched, buses: [bus], clock, options: { leaseDuration: 2000 } });
    await eventually(() => expect(bus.mostAtOnce).toBe(1));
    await store.append([stateEvent(uuid, 2), stateEvent(uuid, 3)]);
    slept = 60_000;
    // It holds its shares anew, the first event is still under way, and the others have been read again.
    await eventually(() => expect(readAgain.length).toBeGreaterThan(0));
    gate.resolve();
    await emptied();
    expect(bus.revisions(uuid)).toEqual([1, 2, 3]);
  });

  test('a relay that slept past its lease publishes nothing that it held', async () => {
    let slept = 0;
    const clock: LeaseClock = {
      monotonic: () => performance.now(),
      wall: () => Date.now() + slept,
    };
    let hanging = false;
    const sleepy = {
      ...store,
      leases: {
        ...store.leases,
        // It sleeps: the renewal is not sent.
        acquire: async (relay: string, ttl: number) => {
          if (hanging) throw new Error('asleep');
          return store.leases.acquire(relay, ttl);
        },
      },
    };
    const [zombie, heir] = [new ScriptedBus(), new ScriptedBus()];
    const gate = deferred();
    zombie.script = async () => {
      await gate.promise;
      return { routed: true };
    };
    const uuids = Array.from({ length: 5 }, () => v4());
    for (const revision of upTo(3)) {
      await store.append(uuids.map((uuid) => stateEvent(uuid, revision)));
    }
    let lost = 0;
    startRelay({
      store: sleepy,
      buses: [zombie],
      clock,
      listener: ({ kind }) => void (lost += kind === 'leaseLost' ? 1 : 0),
      options: { leaseDuration: 1500 },
    });
    await eventually(() => expect(zombie.mostAtOnce).toBe(5));
    hanging = true;
    slept = 60_000;
    gate.resolve();
    await eventually(() => expect(zombie.taken).toHaveLength(5));
    startRelay({ buses: [heir], options: { leaseDuration: 3000 } });
    await eventually(() => {
      for (const uuid of uuids) expect(heir.revisions(uuid).at(-1)).toBe(3);
    });
    await emptied();
    // Its second and third events were in its memory, ready to go.
    expect(zombie.taken).toHaveLength(5);
    hanging = false;
    await eventually(() => expect(lost).toBe(1));
    await store.append(uuids.map((uuid) => stateEvent(uuid, 4)));
    await eventually(() => {
      for (const uuid of uuids) {
        expect([...heir.revisions(uuid), ...zombie.revisions(uuid).slice(1)]).toContain(4);
      }
    });
  });

  test('stop publishes what was committed before it', async () => {
    const bus = new ScriptedBus();
    const relay = startRelay({ buses: [bus], options: { pollInterval: 60_000, batch: 10 } });
    await store.append(Array.from({ length: 95 }, () => stateEvent()));
    await relay.stop();
    expect(bus.taken).toHaveLength(95);
    expect(await pending()).toBe(0);
    await relay.stop();
    // Its leases are free at once.
    expect((await store.leases.acquire('next', 60_000)).partitions).toHaveLength(64);
  });

  test('stop ends in bounded time while the bus neither takes nor refuses', async () => {
    const bus = new ScriptedBus();
    const gate = deferred();
    bus.script = async () => {
      await gate.promise;
      return { routed: true };
    };
    const uuid = v4();
    await store.append([stateEvent(uuid, 1)]);
    const relay = startRelay({ buses: [bus], options: { stopTimeout: 50 } });
    await eventually(() => expect(bus.mostAtOnce).toBe(1));
    await relay.stop();
    expect(await pending()).toBe(1);
    // What may still reach the bus keeps its share until the lease runs out.
    expect((await store.leases.acquire('next', 60_000)).partitions).toHaveLength(63);
    gate.resolve();
  });

  test('stop ends while the bus is away, and the rest stays in the outbox', async () => {
    const bus = new ScriptedBus();
    bus.script = () => {
      throw unavailable();
    };
    await store.append([stateEvent()]);
    const relay = startRelay({
      buses: [bus],
      options: { retryDelay: 60_000, maxRetryDelay: 60_000 },
    });
    await eventually(() => expect(noticed('busUnavailable')).toHaveLength(1));
    await relay.stop();
    expect(await pending()).toBe(1);
  });

  test('stop ends in bounded time while the database does not answer', async () => {
    const never = new Promise<never>(() => undefined);
    const hanging = {
      ...store,
      outbox: { ...store.outbox, read: () => never, depth: () => never },
    };
    const relay = startRelay({
      store: hanging,
      buses: [new ScriptedBus()],
      options: { stopTimeout: 50 },
    });
    await eventually(() => expect(noticed('partitionsChanged')).toHaveLength(1));
    await relay.stop();
  });

  test('faults of the database are waited out', async () => {
    let failures = 0;
    const faulty = <T extends object>(part: T): T =>
      new Proxy(part, {
        get: (target, name) => {
          const method = Reflect.get(target, name) as (...given: unknown[]) => Promise<unknown>;
          return async (...given: unknown[]) => {
            if (Math.random() < 0.4) {
              failures += 1;
              throw new Error('the connection was lost');
            }
            return method(...given);
          };
        },
      });
    const bus = new ScriptedBus();
    const [bad, ...uuids] = Array.from({ length: 10 }, () => v4());
    bus.script = (message) => {
      if (message.partitionKey === bad) throw refused();
      return { routed: true };
    };
    for (const revision of upTo(10)) {
      await store.append([...uuids, String(bad)].map((uuid) => stateEvent(uuid, revision)));
    }
    startRelay({
      store: { ...store, outbox: faulty(store.outbox), leases: faulty(store.leases) },
      buses: [bus],
      options: { batch: 20, leaseDuration: 1000 },
    });
    await emptied();
    expect(failures).toBeGreaterThan(0);
    for (const uuid of uuids) expect(bus.revisions(uuid)).toEqual(upTo(10));
    expect(await store.outbox.depth()).toMatchObject({ parked: 1, held: 9 });
    expect(noticed('databaseUnavailable').length).toBeGreaterThan(0);
  });

  test('a refused event that cannot be parked yet is not overtaken by what is read meanwhile', async () => {
    let tries = 0;
    const reads: (readonly number[])[] = [];
    const watched = {
      ...store,
      outbox: {
        ...store.outbox,
        park: async (...given: Parameters<typeof store.outbox.park>) => {
          tries += 1;
          if (tries === 1) throw new Error('the connection was lost');
          return store.outbox.park(...given);
        },
        read: async (options: Parameters<typeof store.outbox.read>[0]) => {
          const rows = await store.outbox.read(options);
          if (tries === 1) reads.push(rows.map((row) => row.position));
          return rows;
        },
      },
    };
    const bus = new ScriptedBus();
    bus.script = (message) => {
      if (revisionOf(message) === 1) throw refused();
      return { routed: true };
    };
    const uuid = v4();
    await store.append(upTo(3).map((revision) => stateEvent(uuid, revision)));
    // Long enough for several reads before parking is tried again.
    startRelay({ store: watched, buses: [bus], options: { retryDelay: 300, maxRetryDelay: 300 } });
    await eventually(async () => {
      expect(await store.outbox.depth()).toMatchObject({ parked: 1, held: 2 });
    });
    expect(reads.length).toBeGreaterThan(0);
    expect(bus.revisions(uuid)).toEqual([]);
  });

  test('an outbox that grows too old raises the alarm once until it has caught up', async () => {
    const bus = new ScriptedBus();
    let away = true;
    bus.script = () => {
      if (away) throw unavailable();
      return { routed: true };
    };
    await store.append([stateEvent(v4(), 1, new Date(Date.now() - 120_000))]);
    startRelay({ buses: [bus], options: { sampleInterval: 5 } });
    await eventually(() => expect(noticed('lagging')).toHaveLength(1));
    await store.append([stateEvent(v4(), 1, new Date(Date.now() - 240_000))]);
    away = false;
    await eventually(() => expect(noticed('caughtUp')).toHaveLength(1));
    expect(noticed('lagging')).toHaveLength(1);
    const alerts = await store.journal.read({ category: 'AlertEvent', limit: 10 });
    expect(alerts.map((alert) => alert.type)).toEqual(['ALERT.OUTBOX.LAGGING']);
    await eventually(() => {
      expect(bus.taken.some((message) => message.key.includes('ALERT-OUTBOX-LAGGING'))).toBe(true);
    });
  });

  test('an idle relay asks the database no more often than it polls', async () => {
    let reads = 0;
    const counted = {
      ...store,
      outbox: {
        ...store.outbox,
        read: (options: Parameters<typeof store.outbox.read>[0]) => {
          reads += 1;
          return store.outbox.read(options);
        },
      },
    };
    const bus = new ScriptedBus();
    const relay = startRelay({ store: counted, buses: [bus], options: { pollInterval: 60_000 } });
    await store.append([stateEvent()]);
    relay.wake();
    await emptied();
    await eventually(() => expect(noticed('partitionsChanged')).toHaveLength(1));
    // A few turns for whatever would spin.
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(reads).toBeLessThan(8);
  });
});

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
