import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { osloExchange, type RabbitmqOptions } from '../../../src/delivery/amqp/index.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import { Gate, message, Recorder, until } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { startPrivateRabbitmq, type PrivateRabbitmq } from '../../support/private-rabbitmq.js';
import { declareAsOslo, openPlainPeer } from './plain-peer.js';
import { openPoolPlace, type PoolPlace } from './pool-place.js';

let broker: PrivateRabbitmq;
let place: PoolPlace;
let notices: BusNotice[];
const on = (notice: BusNotice): void => void notices.push(notice);

beforeAll(async () => {
  broker = await startPrivateRabbitmq();
}, 120_000);
afterAll(() => broker.dispose());
beforeEach(async () => {
  notices = [];
  place = await openPoolPlace(broker.url);
});
afterEach(() => place[Symbol.asyncDispose]());

/** A bus of a user who may do so much. */
async function asUser(
  user: string,
  permissions: readonly [configure: string, write: string, read: string],
): Promise<Partial<RabbitmqOptions>> {
  await broker.ctl('add_user', user, user);
  await broker.ctl('set_permissions', user, ...permissions);
  const url = new URL(broker.url);
  url.username = user;
  url.password = user;
  return { url: url.href, on };
}

describe('a user', () => {
  it('with the documented permissions reads the exchange of others, and can do no more there', async () => {
    const { own, nova, peer } = place;
    await declareAsOslo(peer, nova, `${nova}.info`, 'notifications.info');
    const ours = `^${own}(/.*)?$`;
    const bus = place.connect(await asUser('reader', [ours, ours, `^(${own}(/.*)?|${nova})$`]));
    let broken = true;
    const options = { pool: 'p', topic: 'notifications.info', exchange: nova };
    const once = { ...options, retry: { attempts: 1 } };
    const { bodies } = await place.join(bus, once, () => {
      if (broken) throw new Error('no');
    });
    await peer.publish(nova, 'notifications.info', '"kept"');
    await eventually(async () => expect(await bus.deadLetters?.read(`p@${nova}`)).toHaveLength(1));
    broken = false;
    await bus.deadLetters?.redrive(`p@${nova}`);
    await eventually(() => expect(bodies()).toEqual(['kept']));
    await expect(
      bus.joinConsumerPool({ ...options, exchange: osloExchange(`${nova}-mine`) }, () => {}),
    ).rejects.toMatchObject({ name: 'ConfigurationError', code: 'BUS_CREDENTIALS_REFUSED' });
  });

  it('who may not read an exchange is refused, and what the bus does else goes on', async () => {
    const { own, nova, peer } = place;
    await declareAsOslo(peer, nova, `${nova}.info`, 'notifications.info');
    const ours = `^${own}(/.*)?$`;
    const bus = place.connect(await asUser('stranger', [ours, ours, ours]));
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler);
    const refused = { name: 'ConfigurationError', code: 'BUS_CREDENTIALS_REFUSED' };
    const options = { pool: 'p', topic: '#', exchange: nova };
    place.queues.add(`${own}/pool/p@${nova}`).add(`${own}/dead/p@${nova}`);
    for (const wanted of [options, { ...options, queue: `${nova}.info` }]) {
      const error: unknown = await bus.joinConsumerPool(wanted, () => {}).catch((each) => each);
      expect(error).toMatchObject(refused);
    }
    await bus.publish(message('a'));
    await recorder.atLeast(1);
    expect(notices.filter(({ kind }) => kind === 'disconnected')).toEqual([]);
  });
});

describe('a broker', () => {
  it('that ends a consumer which holds a message too long has it handled once all the same', async () => {
    const { nova, peer } = place;
    await peer.channel.assertExchange(nova, 'topic', { durable: true });
    const set = (name: string, milliseconds: number) =>
      broker.ctl('eval', `application:set_env(rabbit, ${name}, ${milliseconds}).`);
    // It looks once a minute otherwise.
    await set('channel_tick_interval', 300);
    await set('consumer_timeout', 1_000);
    const gate = new Gate();
    let running = 0;
    let most = 0;
    const bus = place.connect({ on });
    const options = {
      pool: 'slow',
      topic: '#',
      exchange: nova,
      concurrency: 4,
      partitionKey: () => 'one',
    };
    const { handled } = await place.join(bus, options, async () => {
      running += 1;
      most = Math.max(most, running);
      await gate.pass();
      running -= 1;
    });
    // A channel reads it when it is opened, so the next one holds as long as it likes.
    await set('consumer_timeout', 1_800_000);
    await peer.publish(nova, 'a', '"held"');
    await until(() => running === 1, 'it is being handled');
    await until(() => notices.some(({ kind }) => kind === 'resubscribed'), 'the consumer is back');
    const lost = notices.find((each) => each.kind === 'resubscribing');
    expect(lost).toMatchObject({ reason: expect.stringMatching(/timed? ?out/i) as string });
    gate.open();
    await peer.publish(nova, 'a', '"next"');
    await eventually(() => expect(handled).toHaveLength(2));
    expect(most).toBe(1);
    expect(handled.map(({ body }) => body)).toEqual(['held', 'next']);
  }, 60_000);

  it('that restarts and forgets the exchange of others has the pool again, declared or as soon as its owner is back', async () => {
    const { nova, cinder, peer } = place;
    const bus = place.connect({ on });
    const topic = 'notifications.info';
    await declareAsOslo(peer, cinder, `${cinder}.info`, topic);
    const declared = await place.join(bus, { pool: 'p', topic, exchange: osloExchange(nova) });
    const named = await place.join(bus, { pool: 'p', topic, exchange: cinder });
    const kept = await place.join(bus, { pool: 'kept', topic, exchange: osloExchange(nova) });
    await kept.member.unsubscribe();
    await peer.publish(nova, topic, '"before"');
    await eventually(() => expect(declared.bodies()).toEqual(['before']));
    await broker.stop();
    await broker.start();
    const back = (): number => notices.filter(({ kind }) => kind === 'resubscribed').length;
    await eventually(() => expect(back()).toBe(1));
    await using other = await openPlainPeer(broker.url);
    await declareAsOslo(other, nova, `${nova}.info`, topic);
    await other.publish(nova, topic, '"after"');
    // The broker may have stopped before it had the acknowledgement of what was handled a moment ago.
    const first = (): readonly unknown[] =>
      declared.handled.filter(({ message }) => !message.redelivered).map(({ body }) => body);
    await eventually(() => expect(first()).toEqual(['before', 'after']));
    // What its name alone was given waits for its owner.
    const why = notices.filter((each) => each.kind === 'resubscribing').map(({ reason }) => reason);
    expect(why.join('\n')).toContain(`no exchange '${cinder}'`);
    await declareAsOslo(other, cinder, `${cinder}.info`, topic);
    await eventually(() => expect(back()).toBe(2));
    await other.publish(cinder, topic, '"cinder"');
    await eventually(() => expect(named.bodies()).toEqual(['cinder']));
    // A pool without a member has kept what it had.
    const returned = await place.join(bus, { pool: 'kept', topic, exchange: osloExchange(nova) });
    await eventually(() => expect(returned.bodies()).toEqual(['before']));
  }, 120_000);
});
