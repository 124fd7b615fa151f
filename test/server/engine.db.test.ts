import { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Channel, Outcome } from '../../src/server/engine/channel.js';
import { Engine, type EngineOptions } from '../../src/server/engine/engine.js';
import { EndpointIndex, endpointWants } from '../../src/server/filter/endpoint-index.js';
import { everybody, type EndpointSettings, type Owner } from '../../src/server/model.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { eachDatabase, type FreshDatabase, freshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { newEvent, newEndpoint, openStores } from './support/stores.js';

eachDatabase((kind) => {
  let database: FreshDatabase;
  let dataSource: DataSource;
  const engines: Engine[] = [];

  beforeEach(async () => {
    database = await freshDatabase(kind);
    dataSource = await new DataSource({
      ...database.options,
      migrations: [...migrations],
    }).initialize();
    await dataSource.runMigrations({ transaction: 'each' });
  });

  afterEach(async () => {
    await Promise.all(engines.splice(0).map((engine) => engine.stop(0)));
    await dataSource.destroy();
    await database.dispose();
  });

  /** A channel whose answers the test decides, with the books of what reached it. */
  function scripted(answer: (id: string, tries: number) => Partial<Outcome> | Promise<Outcome>) {
    const received: { endpoint: string; event: string; gap: unknown; replay: string }[] = [];
    const channel: Channel = {
      name: 'webhook',
      check: () => undefined,
      host: ({ address }) => address,
      async deliver({ endpoint, event, gap, replay }) {
        received.push({ endpoint: endpoint.id, event: event.id, gap, replay });
        const tries = received.filter((each) => each.event === event.id).length;
        return { result: 'delivered', outcome: '2xx', ...(await answer(event.id, tries)) };
      },
    };
    return { channel, received };
  }

  function run(channel: Channel, options: EngineOptions = {}) {
    const stores = openStores(dataSource);
    const stopped: string[] = [];
    const engine = new Engine(
      stores,
      new Map([[channel.name, channel]]),
      { poll: 20, lease: 1000, ...options },
      {
        onStopped: (_endpoint, status) => void stopped.push(status),
        onOutcome: () => undefined,
        onFailure: () => undefined,
      },
    );
    engines.push(engine);
    engine.start();
    return { engine, stores, stopped };
  }

  const create = (
    stores: ReturnType<typeof openStores>,
    settings: EndpointSettings = {},
    more: { readonly owner?: Owner; readonly ordered?: boolean; readonly address?: string } = {},
  ) => stores.endpoints.create(newEndpoint({ settings, owner: everybody, ...more }));

  it('delivers each event to each endpoint that wants it, once', async () => {
    const { channel, received } = scripted(() => ({}));
    const { engine, stores } = run(channel);
    const all = await create(stores);
    const alerts = await create(stores, { topics: ['*.AlertEvent.*.*.*'] });
    const events = [newEvent(), newEvent({ category: 'AlertEvent' })];
    await Promise.all(events.map((event) => engine.take(event)));
    // A redelivery of the bus makes nothing again.
    await engine.take(events[0]!);
    await eventually(() => expect(received).toHaveLength(3));
    await eventually(async () =>
      expect(await stores.deliveries.counts()).toEqual({ delivered: 3 }),
    );
    expect(
      received.filter(({ endpoint }) => endpoint === alerts.id).map((each) => each.event),
    ).toEqual([events[1]!.id]);
    expect(received.filter(({ endpoint }) => endpoint === all.id)).toHaveLength(2);
  });

  it('numbers events without gaps in the order of commit, from several processes at once', async () => {
    const { channel } = scripted(() => ({}));
    const [one, two] = [run(channel), run(channel)];
    await Promise.all(
      Array.from({ length: 40 }, (_, index) => (index % 2 ? one : two).engine.take(newEvent())),
    );
    const events = await one.stores.events.read({ owner: everybody, order: 'oldest', limit: 100 });
    expect(events.map(({ seq }) => seq)).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });

  it('tries again by the policy of the endpoint, then keeps a dead letter that can be retried', async () => {
    let isUp = false;
    const { channel, received } = scripted(() =>
      isUp ? {} : { result: 'retry', outcome: '5xx', endpointFails: false },
    );
    const { engine, stores } = run(channel);
    const endpoint = await create(stores, { retry: { delays: [0, 0] } });
    await engine.take(newEvent());
    await eventually(async () => expect(await stores.deliveries.counts()).toEqual({ dead: 1 }));
    expect(received).toHaveLength(3);
    const [letter] = await stores.deliveries.list(endpoint.id, { status: 'dead' });
    expect(letter).toMatchObject({ attempts: 3, outcome: '5xx' });
    expect(await stores.deliveries.attempts(letter!.id)).toHaveLength(3);
    isUp = true;
    expect(await stores.deliveries.retry(endpoint.id, { status: 'dead', outcome: '4xx' })).toBe(0);
    expect(await stores.deliveries.retry(endpoint.id, { status: 'dead', outcome: '5xx' })).toBe(1);
    await eventually(async () =>
      expect(await stores.deliveries.counts()).toEqual({ delivered: 1 }),
    );
  });

  it('gives up at once what can never succeed, and ends an endpoint that is gone', async () => {
    const { channel, received } = scripted((id) =>
      id === gone.id ? { result: 'gone', outcome: '410' } : { result: 'dead', outcome: '4xx' },
    );
    const gone = newEvent();
    const { engine, stores, stopped } = run(channel);
    const endpoint = await create(stores);
    await engine.take(newEvent());
    await eventually(async () => expect(await stores.deliveries.counts()).toEqual({ dead: 1 }));
    expect(received).toHaveLength(1);
    await engine.take(gone);
    await eventually(() => expect(stopped).toEqual(['ended']));
    expect(await stores.endpoints.find(endpoint.id, everybody)).toMatchObject({ status: 'ended' });
    await engine.take(newEvent());
    expect(await stores.deliveries.counts()).toEqual({ dead: 2 });
  });

  it('honours Retry-After to its bound, and does not charge it as a try', async () => {
    const { channel } = scripted((_, tries) =>
      tries < 4
        ? { result: 'retry', outcome: '429', retryAfter: 3_600_000, endpointFails: false }
        : {},
    );
    const { engine, stores } = run(channel, { maxRetryAfter: 10 });
    const endpoint = await create(stores, { retry: { delays: [] } });
    await engine.take(newEvent());
    await eventually(async () =>
      expect(await stores.deliveries.counts()).toEqual({ delivered: 1 }),
    );
    const [delivery] = await stores.deliveries.list(endpoint.id, {});
    expect(delivery).toMatchObject({ attempts: 1 });
  });

  it('keeps the order of each resource where asked for, and reports revisions that were given up', async () => {
    const uuid = '018f3f5e-0000-7000-8000-000000000001';
    const events = [1, 2, 3, 4].map((revision) => newEvent({ resource: 'Volume', uuid, revision }));
    const other = newEvent({ resource: 'Volume', uuid: '018f3f5e-0000-7000-8000-000000000002' });
    const { channel, received } = scripted((id) =>
      id === events[1]!.id || id === events[2]!.id
        ? { result: 'retry', outcome: '5xx', endpointFails: false }
        : {},
    );
    const { engine, stores } = run(channel);
    await create(stores, { retry: { delays: [0.05] } }, { ordered: true });
    for (const event of [...events, other]) await engine.take(event);
    await eventually(async () =>
      expect(await stores.deliveries.counts()).toEqual({ delivered: 3, dead: 2 }),
    );
    const order = received.map(({ event }) => events.findIndex(({ id }) => id === event) + 1);
    expect(order.filter((each) => each > 0)).toEqual([1, 2, 2, 3, 3, 4]);
    expect(received.find(({ event }) => event === events[3]!.id)?.gap).toEqual({ from: 2, to: 3 });
    expect(received.find(({ event }) => event === events[0]!.id)?.gap).toBeNull();
  });

  it('is delayed by no endpoint that does not answer', async () => {
    const hanging = new Promise<Outcome>(() => undefined);
    const { channel } = scripted(() => ({}));
    const deliver = channel.deliver.bind(channel);
    const slowFirst: Channel = {
      ...channel,
      deliver: (delivery, signal) =>
        delivery.endpoint.address === 'slow' ? hanging : deliver(delivery, signal),
    };
    // One place for those that answer, which the hanging one must leave.
    const { engine, stores } = run(slowFirst, { maxDrains: 2, slowAfter: 5 });
    const slow = await create(stores, {}, { address: 'slow' });
    await engine.take(newEvent());
    const quick = await create(stores, {}, { address: 'quick' });
    await engine.take(newEvent());
    await eventually(async () =>
      expect(await stores.deliveries.list(quick.id, { status: 'delivered' })).toHaveLength(1),
    );
    expect(await stores.deliveries.list(slow.id, { status: 'due' })).toHaveLength(2);
    engines.splice(0);
  });

  it('takes the lease of a process that died, after it has run out', async () => {
    const { channel, received } = scripted(() => ({}));
    const stores = openStores(dataSource);
    await create(stores);
    const index = run(channel, { poll: 1e9 });
    await index.engine.stop();
    // A process that dies with the lease in its hand.
    await stores.events.append([newEvent()], new EndpointIndex());
    const claimed = await stores.deliveries.claim({ owner: 'dead', lane: 0, limit: 9, lease: 500 });
    expect(claimed).toHaveLength(1);
    expect(await stores.deliveries.claim({ owner: 'b', lane: 0, limit: 9, lease: 500 })).toEqual(
      [],
    );
    run(channel);
    await eventually(() => expect(received).toHaveLength(1));
  });

  it('catches up with all that an endpoint missed while it was disabled', async () => {
    const { channel, received } = scripted(() => ({}));
    const { engine, stores } = run(channel);
    const endpoint = await create(stores);
    await engine.take(newEvent());
    await eventually(() => expect(received).toHaveLength(1));
    await stores.endpoints.stop(endpoint.id, 'disabled', 'by hand');
    const missed = Array.from({ length: 20 }, () => newEvent());
    await Promise.all(missed.map((event) => engine.take(event)));
    expect(await stores.deliveries.counts()).toEqual({ delivered: 1 });
    await stores.endpoints.enable(endpoint.id, endpointWants(endpoint));
    await engine.take(newEvent());
    await eventually(() => expect(new Set(received.map(({ event }) => event)).size).toBe(22));
    await eventually(async () =>
      expect(await stores.deliveries.counts()).toEqual({ delivered: 22 }),
    );
  });

  it('disables what has failed for too long, and enables it by a probe with one event', async () => {
    let isUp = false;
    const { channel, received } = scripted(() => (isUp ? {} : { result: 'retry', outcome: '5xx' }));
    const { engine, stores, stopped } = run(channel, { probeAfter: 50 });
    const endpoint = await create(stores, { disableAfter: 1, retry: { delays: [0, 0, 0, 0, 0] } });
    await engine.take(newEvent());
    await eventually(() => expect(stopped).toEqual(['disabled']));
    const missed = newEvent();
    await engine.take(missed);
    expect(received.some(({ event }) => event === missed.id)).toBe(false);
    isUp = true;
    await eventually(async () =>
      expect(await stores.endpoints.find(endpoint.id, everybody)).toMatchObject({
        status: 'active',
      }),
    );
    await eventually(() => expect(received.some(({ event }) => event === missed.id)).toBe(true));
  });

  it('replays from a number on, marked with the id of the replay, and once for each id', async () => {
    const { channel, received } = scripted(() => ({}));
    const { engine, stores } = run(channel);
    const endpoint = await create(stores);
    for (let index = 0; index < 3; index += 1) await engine.take(newEvent());
    await eventually(() => expect(received).toHaveLength(3));
    const replay = { id: 'r1', from: 2, upTo: 3, wants: endpointWants(endpoint) };
    await stores.endpoints.replay(endpoint, replay);
    await stores.endpoints.replay(endpoint, replay);
    engine.wake();
    await eventually(async () =>
      expect(await stores.deliveries.counts()).toEqual({ delivered: 5 }),
    );
    expect(received.slice(3).map(({ replay: id }) => id)).toEqual(['r1', 'r1']);
  });

  describe('shares turns', () => {
    it('between accounts, however many endpoints one of them has', async () => {
      const stores = openStores(dataSource);
      const local = (account: string): Owner => ({ account, domain: '', reach: 'local' });
      for (let index = 0; index < 5; index += 1) await create(stores, {}, { owner: local('many') });
      const few = await create(stores, {}, { owner: local('few') });
      const index = new EndpointIndex();
      await stores.events.append([newEvent({ account: 'many' })], index);
      await stores.events.append([newEvent({ account: 'few' })], index);
      const claimed = await stores.deliveries.claim({ owner: 'a', lane: 0, limit: 2, lease: 500 });
      expect(claimed.map(({ id }) => id)).toContain(few.id);
    });
  });
});
