import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import { message, sequence } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { startPrivateRabbitmq, type PrivateRabbitmq } from '../../support/private-rabbitmq.js';
import { openRabbitmqPlace, type RabbitmqPlace } from './rabbitmq-place.js';

const timeout = 1_200;
let broker: PrivateRabbitmq;
const places: RabbitmqPlace[] = [];

beforeAll(async () => {
  broker = await startPrivateRabbitmq({ config: [`consumer_timeout = ${timeout}`] });
  // It looks once a minute, else.
  await broker.ctl('eval', 'application:set_env(rabbit, channel_tick_interval, 100).');
}, 120_000);
afterAll(async () => {
  await Promise.all(places.map((place) => place.dispose()));
  await broker.dispose();
});

/** A bus at a place of its own: the tests wait at the same time. */
async function connect(consumerTimeout?: number) {
  const place = await openRabbitmqPlace(broker.url);
  places.push(place);
  const notices: BusNotice[] = [];
  const bus = place.connect({
    ...(consumerTimeout === undefined ? {} : { consumerTimeout }),
    deliveryLimit: 1,
    on: (notice) => notices.push(notice),
  });
  return {
    bus,
    notices,
    queue: `${place.exchange}/pool/p`,
    /** How often the broker has closed a channel over its timeout. */
    timeouts: () =>
      notices.filter((each) => each.kind === 'resubscribing' && /timed out/.test(each.reason))
        .length,
  };
}

/** Subscribes with a handler that takes so long, and returns what it handled; it notes two at once of one id. */
async function slowly(bus: Bus, duration: number, concurrency = 1) {
  const handled: string[] = [];
  const running: string[] = [];
  const twice: string[] = [];
  const subscription = await bus.subscribe(
    ['#'],
    async ({ id }) => {
      if (running.includes(id)) twice.push(id);
      running.push(id);
      await delay(duration);
      running.splice(running.indexOf(id), 1);
      handled.push(id);
    },
    { pool: 'p', concurrency },
  );
  return { handled, twice, subscription };
}

describe.concurrent('a pool whose handlers are slow beside the timeout of its consumer', () => {
  it.each([
    ['one resource', 'k'],
    ['no resource', undefined],
  ])(
    'handles each message of %s once and in order, and learns the timeout from the first channel that it loses',
    async (_, partitionKey) => {
      const { bus, timeouts } = await connect();
      const { handled, twice } = await slowly(bus, timeout * 0.6);
      const messages = sequence('a', 'k', 7).map(({ partitionKey: key, ...each }) =>
        partitionKey === undefined
          ? each
          : { ...each, ...(key === undefined ? {} : { partitionKey: key }) },
      );
      for (const each of messages) await bus.publish(each);
      await eventually(() => expect(handled).toHaveLength(7));
      expect(handled).toEqual(messages.map(({ id }) => id));
      expect(twice).toEqual([]);
      expect(timeouts()).toBe(1);
      expect(await bus.deadLetters?.read('p')).toEqual([]);
    },
  );

  it('that is configured never lets the broker act: it gives back what would wait too long, in order', async () => {
    const { bus, timeouts } = await connect(timeout / 2);
    const { handled, twice } = await slowly(bus, timeout * 0.2, 2);
    const messages = ['x', 'y', 'z'].flatMap((key) => sequence('a', key, 4));
    for (const each of messages) await bus.publish(each);
    await eventually(() => expect(handled).toHaveLength(12));
    for (const key of ['x', 'y', 'z']) {
      expect(handled.filter((id) => id.startsWith(key))).toEqual(
        sequence('a', key, 4).map(({ id }) => id),
      );
    }
    expect(twice).toEqual([]);
    expect(timeouts()).toBe(0);
  });

  it('holds fewer while handlers are slow, and as many as before when they are fast again', async () => {
    const { bus, timeouts, queue } = await connect(timeout / 2);
    const prefetch = async (): Promise<string | undefined> => {
      const list = await broker.ctl('list_consumers', 'queue_name', 'prefetch_count', '--no-table-headers'); // prettier-ignore
      return list
        .split('\n')
        .find((line) => line.startsWith(`${queue}\t`))
        ?.split('\t')[1];
    };
    let duration = timeout * 0.2;
    const handled: string[] = [];
    await bus.subscribe(
      ['#'],
      async ({ id }) => {
        await delay(duration);
        handled.push(id);
      },
      { pool: 'p' },
    );
    expect(await prefetch()).toBe('100');
    const messages = sequence('a', 'k', 12);
    for (const each of messages) await bus.publish(each);
    await eventually(async () => expect(await prefetch()).toBe('1'));
    duration = 0;
    await eventually(async () => {
      const more = sequence('a', 'k', messages.length + 30).slice(messages.length);
      for (const each of more) await bus.publish(each);
      messages.push(...more);
      expect(await prefetch()).toBe('100');
    });
    await eventually(() => expect(handled).toHaveLength(messages.length));
    expect(handled).toEqual(messages.map(({ id }) => id));
    expect(timeouts()).toBe(0);
  });

  it('each of which outlives the timeout runs each once, acknowledges in the end, and is told of', async () => {
    const { bus, timeouts, notices, queue } = await connect();
    const { handled, twice } = await slowly(bus, timeout * 1.75, 3);
    const ids = ['one', 'two', 'three', 'four'];
    for (const id of ids) await bus.publish(message('a', { id }));
    await eventually(() => expect(handled).toHaveLength(4));
    await eventually(async () => {
      const list = await broker.ctl('list_queues', 'name', 'messages', '--no-table-headers');
      expect(list).toContain(`${queue}\t0`);
    });
    expect(handled.toSorted()).toEqual(ids.toSorted());
    expect(twice).toEqual([]);
    expect(await bus.deadLetters?.read('p')).toEqual([]);
    expect(timeouts()).toBeGreaterThan(0);
    const near = notices.filter((each) => each.kind === 'handlerNearTimeout');
    expect(near.map(({ id, timeout: told }) => [ids.includes(id), told])).toContainEqual([
      true,
      timeout,
    ]);
  });

  it('counts the tries of a message over lost channels, and tells them when it is dead', async () => {
    const { bus } = await connect();
    let runs = 0;
    await bus.subscribe(
      ['#'],
      async () => {
        runs += 1;
        await delay(timeout * 1.3);
        throw new Error('no');
      },
      { pool: 'p', retry: { attempts: 3, delay: 1 } },
    );
    await bus.publish(message('a'));
    const letter = await eventually(async () => {
      const [first] = (await bus.deadLetters?.read('p')) ?? [];
      expect(first).toBeDefined();
      return first;
    });
    expect(letter).toMatchObject({ attempts: 3, reason: 'failed after 3 tries: no' });
    expect(runs).toBe(3);
  });
});
