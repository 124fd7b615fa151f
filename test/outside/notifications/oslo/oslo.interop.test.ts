import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  osloExchange,
  osloQueue,
  rabbitmq,
  type RabbitmqBus,
} from '../../../../src/delivery/amqp/index.js';
import { subscribeEvents } from '../../../../src/delivery/bus/event-subscription.js';
import type { SignalboxEvent } from '../../../../src/core/events/event.js';
import { oslo } from '../../../../src/delivery/formats/oslo/oslo.js';
import {
  fromOslo,
  messagingDriver,
  notificationPriorities,
  notifier,
  readNotification,
  routingDriver,
  testDriver,
  type Notifier,
  type ReceivedNotification,
} from '../../../../src/outside/notifications/index.js';
import { openPlainPeer, type PlainPeer } from '../../../delivery/amqp/plain-peer.js';
import { sampleEvents } from '../../../core/events/sample-events.js';
import {
  delivered,
  inner,
  refused,
  takenByOslo,
  wrapped,
} from '../../../delivery/formats/oslo-forms.js';
import { eventually } from '../../../support/eventually.js';
import { serviceUrl } from '../../../support/service-url.js';
import { uniqueName } from '../../../support/unique-name.js';
import { askPeer, startPeer, type Peer } from './peer.js';

const url = serviceUrl('rabbitmq');
/** As oslo.messaging calls the same broker. */
const theirUrl = url.replace(/^amqp:/, 'rabbit:').replace(/\/?$/, '/');
const patience = { deadline: 60_000 };

let exchange: string;
let topic: string;
let pool: string;
let bus: RabbitmqBus;
let notify: Notifier;
let amqp: PlainPeer;

beforeEach(async () => {
  exchange = uniqueName('nova');
  topic = uniqueName('notifications');
  pool = uniqueName('pool');
  bus = rabbitmq({ url, exchange: osloExchange(exchange), format: oslo({ topic }) });
  notify = notifier({
    publisherId: 'signalbox.host9',
    drivers: [messagingDriver({ url, exchange, topics: [topic] })],
  });
  amqp = await openPlainPeer(url);
});

afterEach(async () => {
  await Promise.all([bus.close(), notify.close(), amqp[Symbol.asyncDispose]()]);
  await using cleaner = await openPlainPeer(url);
  const queues = [
    pool,
    ...notificationPriorities.map((priority) => `${topic}.${priority}`),
    ...[pool, `${pool}@${exchange}`].flatMap((each) => [
      `${exchange}/pool/${each}`,
      `${exchange}/dead/${each}`,
    ]),
    `${exchange}/dead/@${pool}`,
  ];
  for (const queue of queues) await cleaner.channel.deleteQueue(queue);
  for (const name of [exchange, `${exchange}/dead-letters`])
    await cleaner.channel.deleteExchange(name);
});

const listen = (more: object = {}): Promise<Peer> =>
  startPeer('listen.py', { url: theirUrl, exchange, topic, ...more });

const theirNotifier = (more: object = {}): Promise<Peer> =>
  startPeer('notify.py', {
    url: theirUrl,
    exchange,
    topic,
    publisher_id: 'compute.host1',
    ...more,
  });

describe('their notifier', () => {
  it('reaches a pool of ours, and becomes events', async () => {
    const received: ReceivedNotification[] = [];
    await bus.joinConsumerPool(
      { pool, topic: `${topic}.*`, exchange: osloExchange(exchange), decode: readNotification },
      (notification) => void received.push(notification as ReceivedNotification),
    );
    const events: SignalboxEvent[] = [];
    await subscribeEvents(bus, oslo({ topic }), { resource: 'VirtualMachine' }, (event) => {
      events.push(event);
    });
    await using peer = await theirNotifier();
    const uuid = '9d827485-0f46-4db8-bd39-fede97cbac0c';
    const context = { request_id: 'req-1', user_id: 'u-1', project_id: 'p-1' };
    const payload = { uuid, name: 'größe 日本 😀', old_state: 'building', state: 'active' };
    await peer.send({ priority: 'info', event_type: 'instance.update', payload, context });
    const volume = { volume_id: 'v' };
    await peer.send({ priority: 'error', event_type: 'volume.create.error', payload: volume });
    await eventually(() => expect(received).toHaveLength(2), patience);
    expect(received[0]).toMatchObject({
      publisher_id: 'compute.host1',
      event_type: 'instance.update',
      priority: 'INFO',
      payload,
      context: { request_id: 'req-1' },
    });
    expect(fromOslo(received[0] as ReceivedNotification)).toMatchObject({
      category: 'ResourceStateEvent',
      subject: `VirtualMachine/${uuid}`,
      correlationid: 'req-1',
      data: { old: 'building', new: 'active', changed: true },
    });
    // Only the machine's was asked for.
    await eventually(() => expect(events).toHaveLength(1), patience);
    expect(events[0]).toMatchObject({ type: 'instance.update' });
  });
});

describe('our notifier', () => {
  it('reaches their listener, with a pool and without, in every priority', async () => {
    await using alone = await listen();
    await using member = await listen({ pool });
    for (const priority of notificationPriorities) {
      await notify[priority](
        `test.${priority}`,
        { uuid: 'ü', n: 1 },
        { context: { request_id: 'r' } },
      );
    }
    for (const peer of [alone, member]) {
      await eventually(() => expect(peer.notifications).toHaveLength(7), patience);
      const told = peer.notifications.map((each) => `${each.priority} ${each.event_type}`);
      expect(told.toSorted()).toEqual(
        notificationPriorities.map((each) => `${each} test.${each}`).toSorted(),
      );
      expect(peer.notifications[0]).toMatchObject({
        publisher_id: 'signalbox.host9',
        payload: { uuid: 'ü', n: 1 },
        context: { request_id: 'r' },
      });
    }
  });

  it('keeps one queue for each priority, and finds out when somebody deletes it', async () => {
    const first = await notify.info('a.b', 1);
    await amqp.channel.deleteQueue(`${topic}.info`);
    await notify.info('a.b', 2);
    await notify.warn('a.b', 3);
    const left = await amqp.channel.get(`${topic}.info`, { noAck: true });
    expect(left === false ? '' : left.content.toString()).toContain(String.raw`\"payload\":2`);
    expect((await amqp.channel.checkQueue(`${topic}.warn`)).messageCount).toBe(1);
    expect(first.message_id).toMatch(/-7/);
  });
});

describe('our events in their format', () => {
  it('reach their listener, also when they are published again after a fault', async () => {
    await using peer = await listen();
    const format = oslo({ topic, stateChanges: 'update' });
    for (const event of sampleEvents) {
      await bus.publish(format.encode(event));
      // A relay that did not hear of the confirm sends the same bytes once more.
      await bus.publish(format.encode(event));
    }
    await eventually(() => expect(peer.notifications).toHaveLength(10), patience);
    const ids = peer.notifications.map(({ message_id }) => String(message_id));
    expect(ids.toSorted()).toEqual(sampleEvents.flatMap(({ id }) => [id, id]).toSorted());
    const update = peer.notifications.find(({ event_type }) => event_type === 'instance.update');
    expect(update?.payload).toMatchObject({ old_state: 'Stopped', state: 'Starting' });
    // Neither copy is stuck: each was acknowledged.
    await eventually(async () => {
      const { messageCount } = await amqp.channel.checkQueue(`${topic}.info`);
      expect(messageCount).toBe(0);
    }, patience);
  });
});

describe('a pool of both', () => {
  it('has each notification handled once, by their member or by ours', async () => {
    const ours: unknown[] = [];
    await using theirs = await listen({ pool });
    await bus.joinConsumerPool(
      {
        pool: 'mixed',
        topic: `${topic}.info`,
        exchange: osloExchange(exchange),
        queue: osloQueue(pool),
        decode: readNotification,
        prefetch: 1,
      },
      (notification) => void ours.push((notification as ReceivedNotification).payload),
    );
    const count = 100;
    for (let number = 0; number < count; number += 1) await notify.info('test.shared', number);
    const all = (): unknown[] => [...ours, ...theirs.notifications.map(({ payload }) => payload)];
    await eventually(() => expect(all()).toHaveLength(count), patience);
    expect(new Set(all()).size).toBe(count);
    expect(ours.length).toBeGreaterThan(0);
    expect(theirs.notifications.length).toBeGreaterThan(0);
  });
});

describe('after ours have run', () => {
  it('their defaults work: nothing of ours is declared otherwise than theirs', async () => {
    // Everything of ours comes first, and makes whatever it makes.
    await notify.info('test.first', 1);
    await bus.joinConsumerPool(
      { pool, topic: `${topic}.*`, exchange: osloExchange(exchange), decode: readNotification },
      () => undefined,
    );
    await subscribeEvents(bus, oslo({ topic }), '#', () => undefined, { pool: 'events' });
    await using listener = await listen();
    await using member = await listen({ pool });
    await using peer = await theirNotifier();
    await peer.send({ priority: 'info', event_type: 'test.theirs', payload: 2 });
    for (const each of [listener, member]) {
      await eventually(() => {
        expect(each.notifications.map(({ event_type }) => event_type)).toContain('test.theirs');
      }, patience);
      expect(each.log()).not.toMatch(/PRECONDITION|406/);
    }
    expect(peer.log()).not.toMatch(/Could not send|406/);
    await amqp.channel.deleteQueue(`${exchange}/pool/events`);
    await amqp.channel.deleteQueue(`${exchange}/dead/events`);
  });

  it('ours say so when theirs are configured otherwise, and change nothing', async () => {
    await using listener = await listen({ durable: true });
    await expect(notify.info('test.first', 1)).rejects.toMatchObject({
      code: 'NOTIFICATION_NOT_DELIVERED',
      message: expect.stringContaining(exchange),
    });
    await using durable = notifier({
      publisherId: 'p',
      drivers: [messagingDriver({ url, exchange, topics: [topic], durable: true })],
    });
    await durable.info('test.second', 2);
    await eventually(() => expect(listener.notifications).toHaveLength(1), patience);
    expect(listener.notifications[0]).toMatchObject({ event_type: 'test.second' });
  });
});

describe('every form of a message that is known', () => {
  it('is taken by theirs as the table says, and none of them is lost by ours', async () => {
    const events: SignalboxEvent[] = [];
    await subscribeEvents(bus, oslo({ topic }), '#', (event) => void events.push(event), {
      pool: 'forms',
      retry: { attempts: 1 },
    });
    await using peer = await listen();
    const publish = async (body: Uint8Array, contentType: string, headers = {}): Promise<void> =>
      amqp.publish(exchange, `${topic}.info`, Buffer.from(body), {
        ...(contentType === '' ? {} : { contentType }),
        headers,
      });
    for (const [, { body, contentType, headers }] of delivered)
      await publish(body, contentType, headers);
    await eventually(() => expect(peer.notifications).toHaveLength(delivered.length), patience);
    await eventually(() => expect(events).toHaveLength(delivered.length), patience);

    for (const [, { body, contentType, headers }] of refused)
      await publish(body, contentType, headers);
    await eventually(async () => {
      const letters = (await bus.deadLetters?.read('forms')) ?? [];
      expect(letters).toHaveLength(refused.length);
      for (const [index, [, , reason]] of refused.entries()) {
        expect(letters[index]?.reason).toMatch(reason);
        expect(letters[index]?.message.body).toEqual(Buffer.from(refused[index]?.[1].body ?? []));
      }
    }, patience);
    // What comes last shows that they are done with all before it.
    await publish(Buffer.from(wrapped({ ...inner, event_type: 'the.last' })), 'application/json');
    const taken = delivered.length + takenByOslo.size + 1;
    await eventually(() => expect(peer.notifications).toHaveLength(taken), patience);
    expect(peer.notifications.map(({ event_type }) => event_type)).toContain('the.last');
    await eventually(() => expect(events).toHaveLength(delivered.length + 1), patience);

    // A repeated _unique_id: they never acknowledge the second copy, and never hand it over.
    const twice = wrapped({ ...inner, _unique_id: '51494963855c49ffb6cb253a8a509112' });
    for (const copies of [1, 2]) {
      await publish(Buffer.from(twice), 'application/json');
      await eventually(() => expect(peer.notifications).toHaveLength(taken + 1), patience);
      const heard = delivered.length + 1 + copies;
      await eventually(() => expect(events).toHaveLength(heard), patience);
    }
    // What it logs comes another way than what it hands over.
    await eventually(() => expect(peer.log()).toMatch(/duplicate/i), patience);
    await amqp.channel.deleteQueue(`${exchange}/pool/forms`);
    await amqp.channel.deleteQueue(`${exchange}/dead/forms`);
  });
});

describe('routing', () => {
  it('chooses the drivers that their routing notifier chooses', async () => {
    const word = fc.stringMatching(/^[ab.!\]-]{1,4}$/);
    const glob = fc.stringMatching(/^[ab.*?[\]!-]{0,7}$/);
    const levels = fc.constantFrom('info', 'WARN', 'cr*', '[a-d]*', '?????');
    const rule = fc.record(
      {
        accepted_events: fc.array(glob, { maxLength: 3 }),
        accepted_priorities: fc.array(levels, { maxLength: 2 }),
      },
      { requiredKeys: [] },
    );
    const rules = fc.dictionary(fc.constantFrom('x', 'y'), rule);
    const messages = fc.array(fc.tuple(word, fc.constantFrom(...notificationPriorities)), {
      minLength: 10,
      maxLength: 10,
    });
    const groups = fc.dictionary(fc.constantFrom('g', 'h'), rules);
    const cases = fc.sample(fc.record({ groups, messages }), { numRuns: 300, seed: 7 });
    const theirs = (await askPeer('route.py', cases)) as readonly (readonly string[])[][];
    let chosenByAny = 0;
    for (const [index, each] of cases.entries()) {
      const drivers = { x: testDriver(), y: testDriver() };
      const routed = notifier({ publisherId: 'p', drivers: [routingDriver(each.groups, drivers)] });
      for (const [number, [eventType, priority]] of each.messages.entries()) {
        drivers.x.clear();
        drivers.y.clear();
        await routed.notify(priority, eventType, 1);
        const chosen = Object.entries(drivers).flatMap(([name, { notifications }]) =>
          notifications.length > 0 ? [name] : [],
        );
        expect([each.groups, eventType, chosen]).toEqual([
          each.groups,
          eventType,
          theirs[index]?.[number],
        ]);
        chosenByAny += chosen.length;
      }
    }
    expect(chosenByAny).toBeGreaterThan(300);
  });
});
