import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import type { ConnectionListener } from '../../../src/delivery/amqp/connection.js';
import { PoolRemovals } from '../../../src/delivery/amqp/pool-removals.js';
import { AmqpSubscription } from '../../../src/delivery/amqp/subscription.js';
import { Unsettled } from '../../../src/delivery/bus/unsettled.js';
import { eventually } from '../../support/eventually.js';

/** A channel that takes everything. */
class FakeChannel extends EventEmitter {
  prefetch = async (): Promise<void> => {};
  consume = async (): Promise<void> => {};
  close = async (): Promise<void> => {};
}

/** A connection, and the channels that were opened over it. */
class FakeModel extends EventEmitter {
  readonly channels: FakeChannel[] = [];

  async createChannel(): Promise<FakeChannel> {
    const channel = new FakeChannel();
    this.channels.push(channel);
    return channel;
  }
}

it('a subscription that was set up over a new connection does not lose it to an answer of the old', async () => {
  let listener: ConnectionListener | undefined;
  const connection = {
    model: undefined as FakeModel | undefined,
    ready: async () => connection.model,
    listen: (given: ConnectionListener) => {
      listener = given;
      return () => {};
    },
  };
  const [first, second, third] = [new FakeModel(), new FakeModel(), new FakeModel()];
  let answer: (error: Error) => void = () => {};
  second.createChannel = () => new Promise((_, reject) => (answer = reject));
  const subscription = new AmqpSubscription({
    connection,
    source: {
      label: 'p',
      pool: 'p',
      patterns: ['#'],
      prepare: async () => 'queue',
      leave: async () => {},
    },
    settings: { prefetch: 1, concurrency: 1, retry: {}, onMissed: () => {} },
    bus: { name: 'bus', connectTimeout: 1_000 },
    handler: () => {},
    notify: () => {},
    removals: new PoolRemovals(),
    timeout: { current: Infinity },
    unsettled: new Unsettled(),
    onEnd: () => {},
  } as never);

  connection.model = first;
  await subscription.start();
  connection.model = second;
  first.channels[0]?.emit('close');
  await eventually(() => expect(second.listenerCount('close')).toBe(1));
  connection.model = third;
  second.emit('close');
  listener?.up(third as never);
  await eventually(() => expect(third.channels).toHaveLength(1));

  answer(new Error('the connection of old closed'));
  await new Promise((resolve) => setImmediate(resolve));

  // It still knows its channel: it notices when that is lost.
  third.channels[0]?.emit('close');
  await eventually(() => expect(third.channels).toHaveLength(2));
  await subscription.unsubscribe();
});
