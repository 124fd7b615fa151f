import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Bus, BusMessage, Delivery } from '../../../src/delivery/bus/bus.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { RefusedError, UnavailableError } from '../../../src/core/errors/errors.js';
import type { EventSelection } from '../../../src/core/events/event-filter.js';
import { bindingPatterns } from '../../../src/core/events/filter.js';
import { cloudEvents } from '../../../src/delivery/formats/cloudevents.js';
import { idempotent } from '../../../src/consuming/inbox/idempotent.js';
import { replay, type ReplayOptions } from '../../../src/consuming/replay/replay.js';
import { replayedAt } from '../../../src/consuming/replay/replayed.js';
import { openStore } from '../../../src/persistence/open-store.js';
import { Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { type Cloud, openCloud, outboxEmpty } from '../../e2e/support/cloud.js';
import { Probe } from '../../e2e/support/probe.js';
import { eachDatabase } from '../../support/databases.js';
import { eventually } from '../../support/eventually.js';

eachDatabase((kind) => {
  let cloud: Cloud;
  /** Everything that was published live, in order. */
  const live = new Recorder();
  const uuids: string[] = [];
  let middle = '';

  beforeAll(async () => {
    cloud = await openCloud(kind);
    const bus = memoryBus();
    await bus.subscribe(['#'], live.handler);
    const signalbox = await cloud.open({ bus, deadlines: false });
    const live1 = async () => {
      const { uuid } = await signalbox.create(Probe);
      uuids.push(uuid);
      for (const event of ['Rest', 'Woke', 'Rest', 'Woke'] as const)
        await signalbox.transition(Probe, uuid, event);
      await signalbox.recordUsage('VM.START', { subject: { resource: 'VirtualMachine', uuid } });
      await signalbox.raiseAlert('ALERT.USERVM', 'look');
    };
    await live1();
    await new Promise((resolve) => setTimeout(resolve, 5));
    middle = new Date().toISOString();
    await Promise.all([live1(), live1()]);
    await outboxEmpty(signalbox);
    await live.atLeast(21);
    await signalbox.close();
    await bus.close();
  });
  afterAll(() => cloud[Symbol.asyncDispose]());

  /** Replays into a pool of a fresh bus, and returns what the pool got. */
  async function replayed(
    selection: EventSelection,
    options: Partial<ReplayOptions> = {},
    { change = (bus: Bus) => bus, expected = 0 } = {},
  ) {
    const bus = memoryBus();
    const chosen = new Recorder();
    const other = new Recorder();
    // Its patterns do not matter: what is replayed is for this pool whatever it binds.
    await bus.subscribe(['nothing'], chosen.handler, { pool: 'chosen', concurrency: 8 });
    await bus.subscribe(['#'], other.handler, { pool: 'other' });
    await bus.subscribe(['#'], other.handler);
    const { journal } = openStore(cloud.dataSource);
    const result = await replay({ journal, bus: change(bus), format: cloudEvents }, selection, {
      pool: 'chosen',
      ...options,
    });
    await chosen.atLeast(options.dryRun === true ? expected : result.replayed);
    expect(other.deliveries).toEqual([]);
    await bus.close();
    return { ...result, chosen };
  }

  const bytes = ({ key, id, body, partitionKey }: BusMessage) => ({
    key,
    id,
    body: Buffer.from(body).toString(),
    partitionKey,
  });
  const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id);
  const ofResource = (deliveries: readonly Delivery[], uuid: string) =>
    deliveries.filter(({ partitionKey }) => partitionKey === uuid).map(({ id }) => id);

  test('a pool gets everything as it was published, in order for each resource, and marked', async () => {
    const { chosen, replayed: count, complete } = await replayed('#');
    expect([count, complete]).toEqual([21, true]);
    expect(chosen.deliveries.map(bytes).sort(byId)).toEqual(live.deliveries.map(bytes).sort(byId));
    for (const uuid of uuids) {
      expect(ofResource(chosen.deliveries, uuid)).toEqual(ofResource(live.deliveries, uuid));
    }
    for (const delivery of chosen.deliveries) {
      expect(Date.parse(replayedAt(delivery) ?? '')).toBeGreaterThan(Date.parse(middle));
    }
    expect(live.deliveries.map(replayedAt)).toEqual(live.deliveries.map(() => undefined));
  });

  test('a selection gets exactly what a subscription with it got', async () => {
    const selections: EventSelection[] = [
      { category: 'UsageEvent' },
      { category: ['AlertEvent', 'UsageEvent'] },
      { resource: 'Probe', type: ['Rest', 'Created'] },
      { uuid: uuids[1] ?? '' },
      { uuid: [uuids[0] ?? '', uuids[2] ?? ''], category: 'ResourceStateEvent' },
      { type: 'VM.START' },
      '*.*.ALERT-USERVM.#',
      '#.Probe.*',
      `#.${uuids[0]}`,
      ['*.UsageEvent.#', { resource: 'Probe', uuid: uuids[1] ?? '' }],
      '*.*.*.-.-',
      { source: 'somebody-else' },
    ];
    for (const selection of selections) {
      await using bus = memoryBus();
      const subscribed = new Recorder();
      await bus.subscribe(bindingPatterns(selection), subscribed.handler);
      for (const each of live.deliveries) await bus.publish(each);
      const { chosen } = await replayed(selection);
      await subscribed.atLeast(chosen.ids.length);
      expect([...chosen.ids].sort()).toEqual([...subscribed.ids].sort());
    }
  });

  test('a time picks events by their own, the first included and the last not', async () => {
    const after = live.deliveries.filter(({ body }) => timeOf(body) >= middle);
    const since = await replayed('#', { since: middle });
    expect([...since.chosen.ids].sort()).toEqual(after.map(({ id }) => id).sort());
    const until = await replayed('#', { until: new Date(middle) });
    expect(until.replayed + since.replayed).toBe(21);
    expect((await replayed('#', { since: '2999-01-01T00:00:00Z' })).replayed).toBe(0);
  });

  test('parts of any size that go on where the last ended are the whole, once', async () => {
    for (const limit of [1, 4, 20, 21, 100]) {
      const ids: string[] = [];
      let after = 0;
      for (let part = 0; part < 30; part += 1) {
        const { chosen, position, complete } = await replayed(
          { resource: 'Probe' },
          { after, limit },
        );
        ids.push(...chosen.ids);
        after = position;
        if (complete) break;
      }
      expect(ids.length).toBe(15);
      expect(new Set(ids).size).toBe(15);
    }
  });

  test('one event of a resource is under way at a time, and resources go side by side', async () => {
    const underWay = new Map<string, number>();
    let mostOfOne = 0;
    let mostAtOnce = 0;
    const slow = (bus: Bus): Bus => {
      const original = bus.publishToPool.bind(bus);
      bus.publishToPool = async (pool, message) => {
        const key = message.partitionKey ?? message.id;
        underWay.set(key, (underWay.get(key) ?? 0) + 1);
        mostOfOne = Math.max(mostOfOne, underWay.get(key) ?? 0);
        mostAtOnce = Math.max(
          mostAtOnce,
          [...underWay.values()].reduce((a, b) => a + b, 0),
        );
        await new Promise((resolve) => setTimeout(resolve, 2));
        await original(pool, message);
        underWay.set(key, (underWay.get(key) ?? 1) - 1);
      };
      return bus;
    };
    const { replayed: count } = await replayed('#', {}, { change: slow });
    expect([count, mostOfOne]).toEqual([21, 1]);
    expect(mostAtOnce).toBeGreaterThan(1);
  });

  test('a replay that is interrupted tells where to go on, and nothing is missing then', async () => {
    const got = new Set<string>();
    let left = 8;
    const failing = (bus: Bus): Bus => {
      const original = bus.publishToPool.bind(bus);
      bus.publishToPool = async (pool, message) => {
        left -= 1;
        if (left < 0) throw new UnavailableError('BUS_UNAVAILABLE', 'The broker is away.');
        got.add(message.id);
        await original(pool, message);
      };
      return bus;
    };
    const error: unknown = await replayed('#', {}, { change: failing }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'REPLAY_INTERRUPTED', parameters: { replayed: 8 } });
    const { position } = (error as UnavailableError).parameters;
    const { chosen } = await replayed('#', { after: Number(position) });
    for (const id of chosen.ids) got.add(id);
    expect([...got].sort()).toEqual([...live.ids].sort());
  });

  test('an idempotent handler skips what it has handled, and handles what it missed', async () => {
    await using bus = memoryBus();
    const handled: string[] = [];
    await bus.subscribe(
      ['#'],
      idempotent(cloud.dataSource, (_, { id }) => void handled.push(id)),
      { pool: 'late' },
    );
    const [missed, ...seen] = live.deliveries;
    for (const each of seen) await bus.publishToPool('late', each);
    await eventually(() => expect(handled.length).toBe(20));
    const { journal } = openStore(cloud.dataSource);
    await replay({ journal, bus, format: cloudEvents }, '#', { pool: 'late' });
    await eventually(() => expect(handled.length).toBe(21));
    expect(handled.at(-1)).toBe(missed?.id);
  });

  test('what the bus refuses for good is passed over and reported, and stays in the journal', async () => {
    const culprit = live.deliveries[3]?.id;
    const passedOver: string[] = [];
    const { chosen, refused, complete, position } = await replayed(
      {},
      {
        onRefused: ({ id, position: at }, error) => {
          expect(at).toBeGreaterThan(0);
          passedOver.push(id, error.message);
        },
      },
      {
        change: (bus) => ({
          ...bus,
          hasPool: (pool) => bus.hasPool(pool),
          publishToPool: async (pool, each) => {
            if (each.id === culprit)
              throw RefusedError.of('PUBLISH_REFUSED', 'too large', { id: each.id });
            await bus.publishToPool(pool, each);
          },
        }),
      },
    );
    expect({ refused, complete }).toEqual({ refused: 1, complete: true });
    expect(passedOver).toEqual([culprit, 'too large']);
    expect(chosen.ids).toHaveLength(20);
    expect(chosen.ids).not.toContain(culprit);
    const rest = await replayed({}, { after: position });
    expect(rest).toMatchObject({ replayed: 0, refused: 0 });
  });

  test('a dry run counts and sends nothing, and bad input is refused before anything is sent', async () => {
    const { replayed: count, chosen } = await replayed(
      { category: 'UsageEvent' },
      { dryRun: true },
    );
    expect([count, chosen.ids]).toEqual([3, []]);
    for (const how of [{}, { dryRun: true }, { limit: 0 }]) {
      await expect(replayed('#', { pool: 'nowhere', ...how })).rejects.toMatchObject({
        code: 'POOL_UNKNOWN',
      });
    }
    await expect(replayed('a.b')).rejects.toMatchObject({ code: 'FILTER_INVALID' });
    const ends = '2026-03-01T00:00:00Z';
    const backwards = { since: '2026-03-02T00:00:00Z', until: ends };
    for (const bad of [
      { after: -1 },
      { rate: 0 },
      { since: 'yesterday' },
      { limit: 0.5 },
      backwards,
      { since: ends, until: ends },
    ]) {
      await expect(replayed('#', bad)).rejects.toMatchObject({ code: 'CONFIG_VALUE_INVALID' });
    }
  });

  test('the rate bounds how many are under way, and a signal ends it between two events', async () => {
    const aborting = new AbortController();
    const { replayed: count, complete } = await replayed(
      '#',
      { rate: 200, signal: aborting.signal },
      {
        change: (bus) => {
          const original = bus.publishToPool.bind(bus);
          let calls = 0;
          bus.publishToPool = async (pool, message) => {
            calls += 1;
            if (calls === 5) aborting.abort();
            await original(pool, message);
          };
          return bus;
        },
      },
    );
    expect([count, complete]).toEqual([5, false]);
  });
});

function timeOf(body: Uint8Array): string {
  return (JSON.parse(Buffer.from(body).toString()) as { time: string }).time;
}
