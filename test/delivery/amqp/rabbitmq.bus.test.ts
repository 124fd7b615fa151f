import { inspect } from 'node:util';
import { connect, type Channel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rabbitmq } from '../../../src/delivery/amqp/index.js';
import type { Delivery } from '../../../src/delivery/bus/bus.js';
import { DeadLetterError } from '../../../src/delivery/bus/dead-letter-error.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import {
  Gate,
  message,
  Recorder,
  sequence,
} from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { serviceUrl } from '../../support/service-url.js';
import { encodeEntry } from '../../../src/delivery/amqp/field-table.js';
import { joinProperties } from '../../../src/delivery/amqp/property-list.js';
import { openRawPeer } from './raw-peer.js';
import { openPlainPeer } from './plain-peer.js';
import { openRabbitmqPlace, type RabbitmqPlace } from './rabbitmq-place.js';

let place: RabbitmqPlace;
let notices: BusNotice[];
const on = (notice: BusNotice): void => void notices.push(notice);
const kinds = (): readonly string[] => notices.map(({ kind }) => kind);

beforeEach(async () => {
  notices = [];
  place = await openRabbitmqPlace(serviceUrl('rabbitmq'));
});
afterEach(() => place.dispose());

/** Does something to the broker behind the bus's back. */
async function meddle(work: (channel: Channel) => Promise<unknown>): Promise<void> {
  const connection = await connect(serviceUrl('rabbitmq'));
  const channel = await connection.createChannel();
  await work(channel);
  await connection.close();
}

describe('connecting', () => {
  it('with a wrong password is refused, and no message, field or cause holds it', async () => {
    const url = new URL(serviceUrl('rabbitmq'));
    url.password = 'S3CRET-%40-word';
    await using bus = rabbitmq({ url: url.href, on });
    const error: unknown = await bus.connect().catch((each: unknown) => each);
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'BUS_CREDENTIALS_REFUSED' });
    expect(inspect({ error, notices }, { depth: 10 })).not.toMatch(/S3CRET/);
    await expect(bus.publish(message('a'))).rejects.toMatchObject({
      code: 'BUS_CREDENTIALS_REFUSED',
    });
    await expect(bus.subscribe(['#'], () => {})).rejects.toMatchObject({
      code: 'BUS_CREDENTIALS_REFUSED',
    });
  });

  it('to a virtual host that does not exist is refused', async () => {
    const url = new URL(serviceUrl('rabbitmq'));
    url.pathname = '/no-such-host';
    await using bus = rabbitmq({ url: url.href });
    await expect(bus.connect()).rejects.toMatchObject({
      code: 'BUS_CREDENTIALS_REFUSED',
      message: expect.stringContaining('virtual host') as string,
    });
  });

  it('to nobody rejects at once, and again when tried again', async () => {
    place.proxy.refuse();
    await using bus = place.connect();
    await expect(bus.connect()).rejects.toMatchObject({
      name: 'UnavailableError',
      code: 'BUS_UNAVAILABLE',
    });
    await expect(bus.subscribe(['#'], () => {})).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    place.proxy.open();
    await bus.connect();
    await bus.connect();
  });

  it('tries the hosts in turn', async () => {
    const good = new URL(serviceUrl('rabbitmq'));
    await using bus = rabbitmq({
      url: ['amqp://guest:guest@127.0.0.1:1', good.href],
      exchange: place.exchange,
      on,
    });
    await bus.connect();
    expect(kinds()).toEqual(['connectFailed', 'connected']);
  });

  it('where the exchange exists with another type is a conflict', async () => {
    await meddle((channel) => channel.assertExchange(place.exchange, 'fanout'));
    await using bus = place.connect();
    const conflict = { name: 'ConfigurationError', code: 'TOPOLOGY_CONFLICT' };
    await expect(bus.connect()).rejects.toMatchObject(conflict);
    await expect(bus.publish(message('a'))).rejects.toMatchObject(conflict);
    await expect(bus.subscribe(['#'], () => {})).rejects.toMatchObject(conflict);
  });

  it('leaves neither sockets nor timers behind when it is closed', async () => {
    const before = process.getActiveResourcesInfo().length;
    const bus = place.connect();
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler, { pool: 'p' });
    await bus.publish(message('a'));
    await recorder.atLeast(1);
    const failing = await bus.subscribe(['x'], () => Promise.reject(new Error('no')), {
      retry: { delay: 60_000, maxDelay: 60_000 },
    });
    await bus.publish(message('x'));
    expect(failing.pool).toBeUndefined();
    expect(place.proxy.connections()).toBe(2);
    await bus.close();
    await eventually(() => expect(place.proxy.connections()).toBe(0));
    await eventually(() =>
      expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before),
    );
  });
});

describe('publishing', () => {
  it('waits while the broker is away, and goes on in order when it is back', async () => {
    const bus = place.connect();
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler, { pool: 'p' });
    await bus.publish(message('a', { id: 'first' }));
    place.proxy.refuse();
    place.proxy.cut();
    await eventually(() => expect(place.proxy.connections()).toBe(0));
    const waiting = sequence('a', 'k', 20).map((each) => bus.publish(each));
    place.proxy.open();
    await Promise.all(waiting);
    await recorder.atLeast(21);
    // The acknowledgement of the first may have been lost with the connection.
    const ids = recorder.ids.filter((id) => id !== 'first');
    expect(ids).toEqual(sequence('a', 'k', 20).map(({ id }) => id));
  });

  it('gives up after its time while the broker stays away', async () => {
    const bus = place.connect({ publishTimeout: 100 });
    await bus.connect();
    place.proxy.refuse();
    place.proxy.cut();
    const outcomes = await Promise.allSettled([
      bus.publish(message('a')),
      bus.publish(message('a')),
    ]);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'BUS_UNAVAILABLE' } });
    }
    place.proxy.open();
  });

  it('to an exchange that was deleted declares it again, and binds its own subscriptions', async () => {
    const bus = place.connect({ on });
    const recorder = new Recorder();
    await bus.subscribe(['a.#'], recorder.handler, { pool: 'p' });
    await bus.publish(message('a.1'));
    await meddle((channel) => channel.deleteExchange(place.exchange));
    const results = await Promise.all(sequence('a.2', 'k', 50).map((each) => bus.publish(each)));
    expect(results.every(({ routed }) => routed)).toBe(true);
    await recorder.atLeast(51);
    expect(kinds()).toContain('redeclared');
    expect([...new Set(recorder.ids.slice(1))]).toEqual(sequence('', 'k', 50).map(({ id }) => id));
  });

  it('of what amqplib cannot encode is refused for that message alone', async () => {
    const bus = place.connect({ on });
    await bus.subscribe(['a'], () => {});
    const bad = message('a', { headers: { big: 1n as unknown as number } });
    const [before, refused, after] = await Promise.allSettled([
      bus.publish(message('a')),
      bus.publish(bad),
      bus.publish(message('a')),
    ]);
    expect(before).toMatchObject({ value: { routed: true } });
    expect(refused).toMatchObject({
      reason: { name: 'RefusedError', code: 'PUBLISH_REFUSED' },
    });
    expect(after).toMatchObject({ value: { routed: true } });
  });

  it('that the broker does not take now may be retried', async () => {
    const bus = place.connect();
    await bus.connect();
    const queue = `${place.exchange}-full`;
    await meddle(async (channel) => {
      await channel.assertQueue(queue, { maxLength: 1, overflow: 'reject-publish' });
      await channel.bindQueue(queue, place.exchange, 'full');
    });
    await bus.publish(message('full'));
    await expect(bus.publish(message('full'))).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    await meddle((channel) => channel.deleteQueue(queue));
    expect(await bus.publish(message('full'))).toEqual({ routed: false });
  });

  it('of one id twice at once tells for each whether it was wanted', async () => {
    const bus = place.connect();
    await bus.subscribe(['wanted'], () => {});
    const results = await Promise.all(
      ['nobody', 'wanted', 'nobody', 'wanted'].map((key) =>
        bus.publish(message(key, { id: 'same' })),
      ),
    );
    expect(results.map(({ routed }) => routed)).toEqual([false, true, false, true]);
  });

  it('can keep what nobody wants', async () => {
    const bus = place.connect({ unroutable: 'keep' });
    expect(await bus.publish(message('nobody', { id: 'kept' }))).toEqual({ routed: true });
    await meddle(async (channel) => {
      const kept = await eventually(async () => {
        const got = await channel.get(`${place.exchange}/unroutable`, { noAck: true });
        expect(got).not.toBe(false);
        return got;
      });
      expect(kept && kept.properties.messageId).toBe('kept');
    });
  });

  it('can hand what nobody wants to an exchange of your own', async () => {
    const own = `${place.exchange}-own`;
    await meddle(async (channel) => {
      await channel.assertExchange(own, 'fanout');
      await channel.assertQueue(own);
      await channel.bindQueue(own, own, '');
    });
    const bus = place.connect({ unroutable: { alternateExchange: own } });
    expect(await bus.publish(message('nobody'))).toEqual({ routed: true });
    await meddle(async (channel) => {
      await channel.deleteQueue(own);
      await channel.deleteExchange(own);
    });
  });
});

describe('a subscription', () => {
  it('whose queue is deleted makes it again', async () => {
    const bus = place.connect({ on });
    const recorder = new Recorder();
    await bus.subscribe(['a'], recorder.handler, { pool: 'p' });
    for (const round of [1, 2]) {
      await meddle((channel) => channel.deleteQueue(`${place.exchange}/pool/p`));
      await eventually(async () =>
        expect(await bus.publish(message('a'))).toEqual({ routed: true }),
      );
      await recorder.atLeast(round);
      expect(kinds().filter((kind) => kind === 'resubscribed').length).toBe(round);
    }
  });

  it('whose dead-letter queue is deleted makes it again, and loses nothing', async () => {
    const bus = place.connect();
    let failing = true;
    const recorder = new Recorder();
    await bus.subscribe(
      ['a'],
      (each) => {
        if (failing) throw new Error('no');
        recorder.handler(each);
      },
      { pool: 'p', retry: { attempts: 1 } },
    );
    await meddle((channel) => channel.deleteQueue(`${place.exchange}/dead/p`));
    await bus.publish(message('a', { id: 'poison' }));
    await eventually(async () => {
      const letters = await bus.deadLetters?.read('p');
      // At least once: a broker that makes the queue anew may refuse a message and yet keep it.
      expect(new Set(letters?.map(({ message: { id } }) => id))).toEqual(new Set(['poison']));
    });
    failing = false;
    await bus.deadLetters?.redrive('p');
    await recorder.atLeast(1);
  });

  it('whose channel is lost again and again charges nothing to what it held, nor to what it handles', async () => {
    const bus = place.connect({ deliveryLimit: 1 });
    const gate = new Gate();
    const recorder = new Recorder();
    const handler = async (delivery: Delivery): Promise<void> => {
      recorder.handler(delivery);
      await gate.pass();
    };
    await bus.subscribe(['#'], handler, { pool: 'p' });
    const messages = sequence('a', 'k', 5);
    for (const each of messages) await bus.publish(each);
    await recorder.atLeast(1);
    for (let losses = 1; losses <= 3; losses += 1) {
      place.proxy.cut();
      await eventually(async () => {
        await using peer = await openPlainPeer(serviceUrl('rabbitmq'));
        const queue = await peer.channel.checkQueue(`${place.exchange}/pool/p`);
        expect(queue).toMatchObject({ consumerCount: 1, messageCount: 0 });
      });
    }
    gate.open();
    await recorder.atLeast(5);
    expect(recorder.ids).toEqual(messages.map(({ id }) => id));
    expect(await bus.deadLetters?.read('p')).toEqual([]);
  });

  it('joins a pool of an earlier release, whose queue has a delivery limit within reach', async () => {
    const bus = place.connect();
    await (await bus.subscribe(['#'], () => {}, { pool: 'p' })).unsubscribe();
    const queue = `${place.exchange}/pool/p`;
    await meddle(async (channel) => {
      await channel.deleteQueue(queue);
      await channel.assertQueue(queue, {
        durable: true,
        arguments: {
          'x-queue-type': 'quorum',
          'x-delivery-limit': 20,
          'x-dead-letter-exchange': `${place.exchange}/dead-letters`,
          'x-dead-letter-routing-key': 'dead.p',
          'x-dead-letter-strategy': 'at-least-once',
          'x-overflow': 'reject-publish',
          'x-single-active-consumer': true,
        },
      });
    });
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler, { pool: 'p' });
    await bus.publish(message('a', { id: 'old' }));
    await recorder.atLeast(1);
    const conflict = bus.subscribe(['#'], () => {}, { pool: 'p', order: 'member' });
    await expect(conflict).rejects.toMatchObject({ code: 'TOPOLOGY_CONFLICT' });
  });

  it('whose dead letter has longer headers than a frame takes says less in it, and its key goes on', async () => {
    const bus = place.connect();
    const recorder = new Recorder();
    const handler = (delivery: Delivery): void => {
      if (delivery.id === 'large') throw new DeadLetterError('x'.repeat(2_000));
      recorder.handler(delivery);
    };
    await bus.subscribe(['#'], handler, { pool: 'p' });
    // All headers of a message are one frame of 128 KiB.
    const headers = { large: 'y'.repeat(128 * 1024 - 2_500) };
    await using peer = await openRawPeer(serviceUrl('rabbitmq'));
    await peer.publish({
      exchange: place.exchange,
      routingKey: Buffer.from('a'),
      properties: joinProperties(
        new Map([
          ['messageId', Buffer.from('large')],
          ['headers', encodeEntry('large', headers.large)],
        ]),
      ),
      body: Buffer.from('body'),
    });
    await bus.publish(message('a', { id: 'next', partitionKey: 'k' }));
    await recorder.atLeast(1);
    const [letter] = (await bus.deadLetters?.read('p')) ?? [];
    expect(letter?.message.headers).toEqual(headers);
    expect(letter?.reason).toMatch(/^x{20,80}…$/);
  });

  it('with another pool of the same name on another exchange shares nothing', async () => {
    const other = await openRabbitmqPlace(serviceUrl('rabbitmq'));
    try {
      const [here, there] = [new Recorder(), new Recorder()];
      await place.connect().subscribe(['#'], here.handler, { pool: 'same' });
      const bus = other.connect();
      await bus.subscribe(['#'], there.handler, { pool: 'same' });
      await bus.publish(message('a'));
      await there.atLeast(1);
      expect(here.ids).toEqual([]);
    } finally {
      await other.dispose();
    }
  });
});
