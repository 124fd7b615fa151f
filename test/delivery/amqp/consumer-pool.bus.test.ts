import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  cloudstackExchange,
  osloExchange,
  osloQueue,
  type ConsumerPoolOptions,
  type RabbitmqBus,
} from '../../../src/delivery/amqp/index.js';
import { Gate, until } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { serviceUrl } from '../../support/service-url.js';
import { numbers, openPoolPlace, type Handled, type PoolPlace } from './pool-place.js';
import {
  declareAsCloudstack,
  declareAsOslo,
  openPlainPeer,
  osloProperties,
  type PlainPeer,
} from './plain-peer.js';

const url = serviceUrl('rabbitmq');
let place: PoolPlace;
let own: string;
let nova: string;
let cinder: string;
let peer: PlainPeer;

beforeEach(async () => {
  place = await openPoolPlace(url);
  ({ own, nova, cinder, peer } = place);
});
afterEach(() => place[Symbol.asyncDispose]());

const connectBus = (): RabbitmqBus => place.connect();
const join: PoolPlace['join'] = (...each) => place.join(...each);
const sorted = (bodies: readonly unknown[]): readonly unknown[] =>
  bodies.toSorted((a, b) => Number(a) - Number(b));

describe('a consumer pool', () => {
  it('has each message handled by exactly one member, every pool gets it, and no other reader loses it', async () => {
    place.queues.add(`${nova}.info`);
    await declareAsOslo(peer, nova, `${nova}.info`, 'notifications.info');
    const inventory = { pool: 'inventory', topic: 'notifications.info', exchange: nova };
    const [first, second] = [
      await join(connectBus(), inventory),
      await join(connectBus(), inventory),
    ];
    const billing = await join(connectBus(), { ...inventory, pool: 'billing' });
    for (const number of numbers(100)) {
      await peer.publish(nova, 'notifications.info', String(number), osloProperties);
    }
    await peer.publish(nova, 'notifications.error', '"not asked for"', osloProperties);
    await eventually(() => expect(billing.handled).toHaveLength(100));
    await eventually(() => expect(first.handled.length + second.handled.length).toBe(100));
    expect(sorted([...first.bodies(), ...second.bodies()])).toEqual(numbers(100));
    expect(first.handled.length).toBeGreaterThan(0);
    expect(second.handled.length).toBeGreaterThan(0);
    expect((await peer.channel.checkQueue(`${nova}.info`)).messageCount).toBe(100);
  });

  it('joins several exchanges, and shares nothing with a pool of the same name on another', async () => {
    await peer.channel.assertExchange(nova, 'topic', { durable: false });
    await peer.channel.assertExchange(cinder, 'topic', { durable: false });
    const options = { pool: 'usage', topic: ['notifications.info', 'audit.#'] };
    const both = await join(connectBus(), { ...options, exchange: [nova, cinder] });
    const same = await join(connectBus(), { ...options, exchange: [cinder, nova] });
    const alone = await join(connectBus(), { ...options, exchange: nova });
    expect(both.member.pool).toBe(`usage@${cinder}+${nova}`);
    expect(same.member.pool).toBe(both.member.pool);
    expect(alone.member.pool).toBe(`usage@${nova}`);
    await peer.publish(nova, 'notifications.info', '"nova"');
    await peer.publish(cinder, 'audit.a.b', '"cinder"');
    await eventually(() => expect(alone.bodies()).toEqual(['nova']));
    await eventually(() =>
      expect(new Set([...both.bodies(), ...same.bodies()])).toEqual(new Set(['nova', 'cinder'])),
    );
    expect(both.handled.length + same.handled.length).toBe(2);
    expect(alone.bodies()).toEqual(['nova']);
  });

  it('hands over any JSON whatever its content type, with the raw properties beside it', async () => {
    await declareAsCloudstack(peer, nova);
    const reader = await join(connectBus(), { pool: 'any', topic: '#', exchange: nova });
    const bodies = ['text', 7.5, null, true, [1, [2]], { a: { b: 'ü🚂' } }, {}, ''];
    for (const body of bodies) {
      await peer.publish(nova, 'a', JSON.stringify(body), { contentType: 'text/plain' });
    }
    await eventually(() => expect(reader.bodies()).toEqual(bodies));
    const headers = { deep: { list: [1, 'two', { three: 3 }] }, flag: true };
    await peer.publish(nova, 'a.b', '{"x": 1}', {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      messageId: 'm-1',
      correlationId: 'c-1',
      replyTo: 'r-1',
      type: 't-1',
      appId: 'app',
      userId: new URL(url).username || 'guest',
      priority: 3,
      timestamp: 1_790_000_000,
      expiration: '60000',
      persistent: true,
      headers,
    });
    await eventually(() => expect(reader.handled).toHaveLength(bodies.length + 1));
    const { message } = reader.handled.at(-1) as Handled;
    expect(message).toMatchObject({
      exchange: nova,
      routingKey: 'a.b',
      headers,
      messageId: 'm-1',
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      correlationId: 'c-1',
      replyTo: 'r-1',
      type: 't-1',
      appId: 'app',
      priority: 3,
      timestamp: 1_790_000_000,
      expiration: '60000',
      deliveryMode: 2,
      redelivered: false,
      attempt: 1,
    });
    expect(Buffer.from(message.bytes).toString()).toBe('{"x": 1}');
    expect(reader.handled[0]?.message).not.toHaveProperty('messageId');
  });

  it('keeps the order of what `partitionKey` names, and handles others at the same time', async () => {
    await declareAsCloudstack(peer, nova);
    const gate = new Gate();
    const running = new Set<string>();
    let together = 0;
    const order: string[] = [];
    const options: ConsumerPoolOptions = {
      pool: 'ordered',
      topic: '#',
      exchange: cloudstackExchange(nova),
      concurrency: 4,
      partitionKey: (_, { routingKey }) => routingKey.split('.').at(-1),
    };
    await join(connectBus(), options, async (body) => {
      const [uuid = ''] = String(body).split('/');
      expect(running.has(uuid)).toBe(false);
      running.add(uuid);
      together = Math.max(together, running.size);
      await gate.pass();
      order.push(String(body));
      running.delete(uuid);
    });
    for (const number of numbers(5)) {
      for (const uuid of ['u1', 'u2', 'u3']) {
        await peer.publish(nova, `a.b.c.d.${uuid}`, JSON.stringify(`${uuid}/${number}`));
      }
    }
    await until(() => running.size === 3, 'three resources are handled at once');
    gate.open();
    await eventually(() => expect(order).toHaveLength(15));
    expect(together).toBe(3);
    for (const uuid of ['u1', 'u2', 'u3']) {
      expect(order.filter((each) => each.startsWith(uuid))).toEqual(
        numbers(5).map((number) => `${uuid}/${number}`),
      );
    }
  });

  it('leaves what a leaving member had not handled to the others', async () => {
    await declareAsCloudstack(peer, nova);
    const options = { pool: 'left', topic: '#', exchange: nova };
    const gate = new Gate();
    const leaving = await join(connectBus(), options, () => gate.pass());
    for (const number of numbers(20)) await peer.publish(nova, 'a', String(number));
    await eventually(async () =>
      expect((await peer.channel.checkQueue(`${own}/pool/left@${nova}`)).messageCount).toBe(0),
    );
    const staying = await join(connectBus(), options);
    const left = leaving.member.unsubscribe();
    gate.open();
    await left;
    await eventually(() => expect(staying.handled).toHaveLength(19));
    expect(sorted([...leaving.bodies(), ...staying.bodies()])).toEqual(numbers(20));
    expect(staying.handled.every(({ message }) => message.redelivered)).toBe(true);
  });
});

describe('a bus on the exchange of others', () => {
  it.each([
    ['oslo.messaging', () => osloExchange(nova), { durable: false }],
    ['CloudStack', () => cloudstackExchange(nova), { durable: true }],
  ])('of %s publishes and consumes without breaking its owner', async (_, exchange, theirs) => {
    const bus = place.connect({ exchange: exchange() });
    const handled: string[] = [];
    const member = await bus.subscribe(['a.#'], ({ id }) => void handled.push(id), { pool: 'p' });
    await peer.channel.assertExchange(nova, 'topic', theirs);
    await peer.publish(nova, 'a.b', '{}', { messageId: 'theirs' });
    await bus.publish({
      key: 'a.c',
      id: 'ours',
      contentType: 'application/json',
      headers: {},
      body: Buffer.from('{}'),
    });
    await eventually(() => expect(handled).toEqual(['theirs', 'ours']));
    await member.unsubscribe({ removePool: true });
    await peer.channel.deleteExchange(`${nova}/dead-letters`);
    await peer.channel.assertExchange(nova, 'topic', theirs);
  });

  it('declared otherwise is a conflict that says so', async () => {
    await peer.channel.assertExchange(nova, 'topic', { durable: false });
    const bus = place.connect({ exchange: nova });
    await expect(bus.connect()).rejects.toMatchObject({
      name: 'ConfigurationError',
      code: 'TOPOLOGY_CONFLICT',
    });
  });
});

describe('a peer with default settings', () => {
  const publishAsOslo = async (): Promise<void> => {
    await using other = await openPlainPeer(url);
    await declareAsOslo(other, nova, `${nova}.info`, 'notifications.info');
    await other.publish(nova, 'notifications.info', '{}', osloProperties);
  };
  const publishAsCloudstack = async (): Promise<void> => {
    await using other = await openPlainPeer(url);
    await declareAsCloudstack(other, nova);
    await other.publish(nova, 'notifications.info', '{}');
  };

  it.each([
    ['oslo.messaging', publishAsOslo, () => osloExchange(nova)],
    ['CloudStack', publishAsCloudstack, () => cloudstackExchange(nova)],
  ])('of %s works before and after a pool, whoever comes first', async (_, publish, declared) => {
    place.queues.add(`${nova}.info`);
    for (const first of ['peer', 'pool']) {
      if (first === 'peer') await publish();
      const options = { pool: `p-${first}`, topic: 'notifications.info', exchange: declared() };
      const { member, handled } = await join(connectBus(), options);
      await publish();
      await eventually(() => expect(handled).toHaveLength(1));
      await member.unsubscribe({ removePool: true });
      await publish();
      await peer.channel.deleteExchange(nova);
    }
  });

  it('of oslo.messaging may be a member of the same pool, by its queue', async () => {
    const options = {
      pool: 'shared',
      topic: 'notifications.info',
      exchange: osloExchange(nova),
      queue: osloQueue(`${nova}-shared`),
    };
    const ours = await join(connectBus(), { ...options, prefetch: 1 });
    await declareAsOslo(peer, nova, `${nova}-shared`, 'notifications.info');
    const theirs = await peer.consume(`${nova}-shared`);
    await using publisher = await openPlainPeer(url);
    for (const number of numbers(60)) {
      await publisher.publish(nova, 'notifications.info', String(number), osloProperties);
    }
    await eventually(() => expect(ours.handled.length + theirs.length).toBe(60));
    const all = [...ours.bodies(), ...theirs.map(({ content }) => Number(content.toString()))];
    expect(sorted(all)).toEqual(numbers(60));
    expect(ours.handled.length).toBeGreaterThan(0);
    expect(theirs.length).toBeGreaterThan(0);
    await ours.member.unsubscribe({ removePool: true });
    await declareAsOslo(publisher, nova, `${nova}-shared`, 'notifications.info');
  });
});
