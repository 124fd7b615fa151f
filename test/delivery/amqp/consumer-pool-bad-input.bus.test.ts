import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  osloExchange,
  osloQueue,
  type ConsumerPoolOptions,
  type RabbitmqBus,
} from '../../../src/delivery/amqp/index.js';
import type { DeadLetter, DeadLetters } from '../../../src/delivery/bus/bus.js';
import { memberName } from '../../../src/delivery/bus/member-name.js';
import { eventually } from '../../support/eventually.js';
import { serviceUrl } from '../../support/service-url.js';
import { declareAsCloudstack, declareAsOslo, openPlainPeer } from './plain-peer.js';
import { openPoolPlace, type PoolPlace } from './pool-place.js';

const url = serviceUrl('rabbitmq');
let place: PoolPlace;
let bus: RabbitmqBus;

beforeEach(async () => {
  place = await openPoolPlace(url);
  bus = place.connect();
});
afterEach(() => place[Symbol.asyncDispose]());

/** The dead letters of a pool, as soon as there are so many. */
function letters(pool: string, count: number): Promise<readonly DeadLetter[]> {
  return eventually(async () => {
    const found = await (bus.deadLetters as DeadLetters).read(pool);
    expect(found).toHaveLength(count);
    return found;
  });
}

describe('a body that cannot be decoded', () => {
  const bodies: readonly [string, string | Buffer, string][] = [
    ['no JSON', 'hello, secret', 'it is not JSON'],
    ['nothing at all', '', 'it is not JSON'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'it is not UTF-8'],
    ['half a document', '{"a": [1, 2', 'it is not JSON'],
    ['NaN', '{"a": NaN}', 'it holds NaN'],
    ['an integer beyond 2^53', '{"a": [9007199254740993]}', '9007199254740993'],
    ['a number beyond all', '1e400', 'the body'],
  ];

  it('is kept with its reason, never acknowledged and dropped, and the others go on', async () => {
    const { peer, nova } = place;
    await declareAsCloudstack(peer, nova);
    const { handled } = await place.join(bus, { pool: 'picky', topic: '#', exchange: nova });
    for (const [name, body] of bodies) await peer.publish(nova, 'a.b', body, { messageId: name });
    await peer.publish(nova, 'a.b', '{"fine": 9007199254740992.5}');
    await eventually(() => expect(handled).toHaveLength(1));
    const found = await letters(`picky@${nova}`, bodies.length);
    for (const [name, body, reason] of bodies) {
      const letter = found.find(({ message }) => message.id === name);
      expect(letter, name).toMatchObject({
        attempts: 1,
        reason: expect.stringContaining(reason) as string,
        error: { name: 'RefusedError', code: 'PAYLOAD_NOT_JSON' },
        origin: { exchange: nova, member: memberName },
        message: { key: 'a.b' },
      });
      expect(Buffer.from(letter?.message.body ?? []).equals(Buffer.from(body))).toBe(true);
      expect(letter?.reason).not.toMatch(/secret/);
    }
    expect((await peer.channel.checkQueue(`${place.own}/pool/picky@${nova}`)).messageCount).toBe(0);
  });

  it('comes back from the dead letters as it was published, to its pool alone', async () => {
    const { peer, nova } = place;
    await declareAsCloudstack(peer, nova);
    let broken = true;
    const options: ConsumerPoolOptions = {
      pool: 'mended',
      topic: '#',
      exchange: nova,
      decode: ({ bytes }) => {
        if (broken) throw new Error('no decoder');
        return Buffer.from(bytes).toString('hex');
      },
    };
    const mended = await place.join(bus, options);
    const other = await place.join(place.connect(), { ...options, pool: 'other', decode: () => 0 });
    const headers = { deep: { list: [1, 'two', { three: 3 }] }, 'x-own': true };
    await peer.publish(nova, 'a.b', Buffer.from([0, 255]), {
      contentType: 'application/x-thing',
      contentEncoding: 'gzip',
      correlationId: 'c',
      replyTo: 'r',
      type: 't',
      appId: 'app',
      priority: 2,
      timestamp: 1_790_000_000,
      // Would take it away from among the dead letters.
      expiration: '50000',
      // Would give the dead letter to another pool.
      CC: ['dead.other', `redrive.other@${nova}`],
      headers,
    });
    const [letter] = await letters(`mended@${nova}`, 1);
    expect(letter?.reason).toBe('the message cannot be decoded: no decoder');
    broken = false;
    expect(await bus.deadLetters?.redrive(`mended@${nova}`)).toBe(1);
    await eventually(() => expect(mended.bodies()).toEqual(['00ff']));
    const { bytes, headers: found, messageId, ...properties } = mended.handled[0]?.message ?? {};
    expect(Buffer.from(bytes ?? []).toString('hex')).toBe('00ff');
    expect(found).toEqual(headers);
    expect(messageId).toMatch(/^[\da-f-]{36}$/);
    expect(properties).toEqual({
      pool: `mended@${nova}`,
      exchange: nova,
      routingKey: 'a.b',
      contentType: 'application/x-thing',
      contentEncoding: 'gzip',
      correlationId: 'c',
      replyTo: 'r',
      type: 't',
      appId: 'app',
      priority: 2,
      timestamp: 1_790_000_000,
      deliveryMode: 2,
      attempt: 1,
      redelivered: false,
    });
    expect(other.handled).toHaveLength(1);
  });

  it('is kept from a queue of others too, and redriven to it', async () => {
    const { peer, nova } = place;
    const queue = `${nova}-shared`;
    await declareAsOslo(peer, nova, queue, 'notifications.info');
    let broken = true;
    const options = { pool: 'p', topic: 'notifications.info', exchange: nova, queue };
    const { member, bodies } = await place.join(bus, { ...options, retry: { attempts: 1 } }, () => {
      if (broken) throw Object.assign(new TypeError('no such host'), { code: 'ENOTFOUND' });
    });
    expect(member.pool).toBe(`@${queue}`);
    await peer.publish(nova, 'notifications.info', '"kept"');
    const [letter] = await letters(`@${queue}`, 1);
    expect(letter).toMatchObject({
      pool: `@${queue}`,
      reason: 'failed after 1 try: no such host',
      error: { name: 'TypeError', message: 'no such host', code: 'ENOTFOUND' },
      origin: { exchange: nova, member: memberName },
    });
    broken = false;
    expect(await bus.deadLetters?.redrive(`@${queue}`)).toBe(1);
    await eventually(() => expect(bodies()).toEqual(['kept']));
  });
});

describe('what no broker takes', () => {
  const half = '\ud800';
  const good = { pool: 'p', topic: 't', exchange: 'e' };
  it.each<[string, ConsumerPoolOptions, string]>([
    ['an empty pool', { ...good, pool: '' }, 'CONFIG_VALUE_INVALID'],
    ['a pool over 100 bytes', { ...good, pool: 'é'.repeat(51) }, 'CONFIG_VALUE_INVALID'],
    ['a pool with half a character', { ...good, pool: half }, 'CONFIG_VALUE_INVALID'],
    ['a topic over 255 bytes', { ...good, topic: 'x'.repeat(256) }, 'CONFIG_VALUE_INVALID'],
    ['a topic with half a character', { ...good, topic: half }, 'CONFIG_VALUE_INVALID'],
    ['no topic', { ...good, topic: [] }, 'CONFIG_VALUE_INVALID'],
    ['no exchange', { ...good, exchange: [] }, 'CONFIG_VALUE_INVALID'],
    ['an empty exchange', { ...good, exchange: '' }, 'CONFIG_VALUE_INVALID'],
    ['an exchange over 255 bytes', { ...good, exchange: 'x'.repeat(256) }, 'CONFIG_VALUE_INVALID'],
    ['an exchange with half a character', { ...good, exchange: half }, 'CONFIG_VALUE_INVALID'],
    [
      'exchanges whose names make the name of the queue too long',
      { ...good, exchange: ['x'.repeat(120), 'y'.repeat(120)] },
      'CONFIG_VALUE_INVALID',
    ],
    [
      'a reserved exchange to declare',
      { ...good, exchange: { name: 'amq.mine' } },
      'CONFIG_VALUE_INVALID',
    ],
    [
      'an exchange of a type that ends connections',
      { ...good, exchange: { name: 'e', type: 'x-none' as 'topic' } },
      'CONFIG_VALUE_INVALID',
    ],
    ['a reserved queue', { ...good, queue: 'amq.gen-1' }, 'CONFIG_VALUE_INVALID'],
    ['a prefetch of none', { ...good, prefetch: 0 }, 'CONFIG_VALUE_INVALID'],
  ])('such as %s is refused before the broker is asked', async (_, options, code) => {
    await expect(bus.joinConsumerPool(options, () => {})).rejects.toMatchObject({ code });
  });

  it('such as a plain pool called like a joined one is refused', async () => {
    await expect(bus.subscribe(['#'], () => {}, { pool: 'p@nova' })).rejects.toMatchObject({
      code: 'CONFIG_VALUE_INVALID',
    });
  });
});

describe('what others own', () => {
  it('and is not there is not declared, but missed', async () => {
    const { nova, own } = place;
    const missing = { name: 'UnavailableError', code: 'TOPOLOGY_MISSING' };
    const options = { pool: 'p', topic: 't', exchange: nova };
    place.queues.add(`${own}/pool/p@${nova}`).add(`${own}/dead/p@${nova}`);
    place.queues.add(`${own}/dead/@${nova}-queue`);
    await expect(bus.joinConsumerPool(options, () => {})).rejects.toMatchObject(missing);
    const given = { ...options, exchange: osloExchange(nova), queue: `${nova}-queue` };
    await expect(bus.joinConsumerPool(given, () => {})).rejects.toMatchObject(missing);
    await using other = await openPlainPeer(url);
    await expect(other.channel.checkQueue(`${nova}-queue`)).rejects.toMatchObject({ code: 404 });
    // The bus goes on.
    await place.join(bus, { ...options, exchange: osloExchange(nova) });
  });

  it('and has other settings than given is a conflict, and stays as it is', async () => {
    const { nova, peer } = place;
    await declareAsOslo(peer, nova, `${nova}-queue`, 't');
    place.queues.add(`${nova}-queue`).add(`${place.own}/dead/@${nova}-queue`);
    const conflict = { name: 'ConfigurationError', code: 'TOPOLOGY_CONFLICT' };
    for (const wrong of [
      { pool: 'p', topic: 't', exchange: osloExchange(nova, { durable: true }) },
      {
        pool: 'p',
        topic: 't',
        exchange: nova,
        queue: osloQueue(`${nova}-queue`, { quorum: true }),
      },
    ]) {
      await expect(bus.joinConsumerPool(wrong, () => {})).rejects.toMatchObject(conflict);
    }
    await using other = await openPlainPeer(url);
    await declareAsOslo(other, nova, `${nova}-queue`, 't');
  });

  it('and is deleted and made again is used again', async () => {
    const { nova, peer } = place;
    const queue = `${nova}-queue`;
    await declareAsOslo(peer, nova, queue, 't');
    const options = { pool: 'p', topic: 't', exchange: nova, queue };
    const { bodies } = await place.join(bus, options);
    await peer.publish(nova, 't', '1');
    await eventually(() => expect(bodies()).toEqual([1]));
    await peer.channel.deleteQueue(queue);
    await declareAsOslo(peer, nova, queue, 't');
    await peer.publish(nova, 't', '2');
    await eventually(() => expect(bodies()).toEqual([1, 2]));
  });
});
