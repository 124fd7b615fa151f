import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bus, BusSubscription } from '../../../src/delivery/bus/bus.js';
import { message, Recorder, sequence } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { serviceUrl } from '../../support/service-url.js';
import { openPlainPeer } from './plain-peer.js';
import { openRabbitmqPlace, type RabbitmqPlace } from './rabbitmq-place.js';

const url = serviceUrl('rabbitmq');
let place: RabbitmqPlace;
let bus: Bus;

beforeEach(async () => {
  place = await openRabbitmqPlace(url);
  bus = place.connect();
});
afterEach(async () => {
  vi.useRealTimers();
  await place.dispose();
});

/** Pauses, and lets so many minutes pass at once. */
async function pauseFor(subscription: BusSubscription, minutes: number): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const paused = subscription.pause();
  vi.advanceTimersByTime(minutes * 60_000);
  vi.useRealTimers();
  await paused;
}

/** How many messages of the pool's queue wait for a consumer, and how many consumers it has. */
async function queue(pool: string): Promise<{ messageCount: number; consumerCount: number }> {
  await using peer = await openPlainPeer(url);
  return await peer.channel.checkQueue(`${place.exchange}/pool/${pool}`);
}

describe('a pause on RabbitMQ', () => {
  it('of 25 minutes gives back what it holds, before the broker ends its consumer, and goes on when resumed', async () => {
    const recorder = new Recorder();
    const standby = new Recorder();
    const member = await bus.subscribe(['#'], recorder.handler, { pool: 'p' });
    const messages = sequence('a', 'k', 5);
    await pauseFor(member, 24);
    for (const each of messages) await bus.publish(each);
    // Held by the member, so none waits.
    await eventually(async () => expect((await queue('p')).messageCount).toBe(0));
    expect((await queue('p')).consumerCount).toBe(1);
    member.resume();
    await recorder.atLeast(5);

    await pauseFor(member, 26);
    await eventually(async () => expect((await queue('p')).consumerCount).toBe(0));
    for (const each of messages) await bus.publish(each);
    await eventually(async () => expect((await queue('p')).messageCount).toBe(5));
    member.resume();
    await recorder.atLeast(10);
    const ids = messages.map(({ id }) => id);
    expect(recorder.ids).toEqual([...ids, ...ids]);

    // Once it has given back, another may go on.
    await pauseFor(member, 26);
    await place.connect().subscribe(['#'], standby.handler, { pool: 'p' });
    await bus.publish(message('a', { id: 'for the other' }));
    await standby.atLeast(1);
    expect(recorder.ids).toHaveLength(10);
  });

  it('of an ephemeral subscription goes on collecting, also without a consumer, and over a lost connection sets up again', async () => {
    const recorder = new Recorder();
    const listener = await bus.subscribe(['#'], recorder.handler);
    await bus.publish(message('a', { id: 'before' }));
    await recorder.atLeast(1);
    await pauseFor(listener, 26);
    expect(await bus.publish(message('a', { id: 'meanwhile' }))).toEqual({ routed: true });
    listener.resume();
    await recorder.atLeast(2);
    await listener.pause();
    place.proxy.cut();
    await eventually(async () =>
      expect(await bus.publish(message('a', { id: 'after' }))).toEqual({ routed: true }),
    );
    expect(recorder.ids).toEqual(['before', 'meanwhile']);
    listener.resume();
    await eventually(() => expect(recorder.ids).toContain('after'));
  });

  it('that is over before it has begun leaves nothing behind', async () => {
    const recorder = new Recorder();
    const member = await bus.subscribe(['#'], recorder.handler, { pool: 'p' });
    const paused = member.pause();
    member.resume();
    await paused;
    await bus.publish(message('a'));
    await recorder.atLeast(1);
    await member.pause();
    await member.unsubscribe();
    member.resume();
    expect((await queue('p')).consumerCount).toBe(0);
  });
});
