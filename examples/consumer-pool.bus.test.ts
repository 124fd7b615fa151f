import { afterEach, beforeEach, expect, it } from 'vitest';
import { openPlainPeer, osloProperties, type PlainPeer } from '../test/delivery/amqp/plain-peer.js';
import { eventually } from '../test/support/eventually.js';
import { serviceUrl } from '../test/support/service-url.js';
import { uniqueName } from '../test/support/unique-name.js';
// #region join
import { cloudstackExchange, osloExchange, rabbitmq } from 'signalbox/amqp';

// #endregion
const url = serviceUrl('rabbitmq');
let own: string;
let nova: string;
let cloudstack: string;
let peer: PlainPeer;

beforeEach(async () => {
  [own, nova, cloudstack] = [uniqueName('own'), uniqueName('nova'), uniqueName('cloudstack')];
  peer = await openPlainPeer(url);
});
afterEach(async () => {
  for (const name of [own, `${own}/dead-letters`, nova, cloudstack]) {
    await peer.channel.deleteExchange(name);
  }
  await peer[Symbol.asyncDispose]();
});

it('joins a pool over the messages of two other systems', async () => {
  const seen: string[] = [];
  // #region join
  const bus = rabbitmq({ url, exchange: own });

  const member = await bus.joinConsumerPool(
    {
      pool: 'inventory',
      topic: ['notifications.info', '*.ResourceStateEvent.#'],
      exchange: [osloExchange(nova), cloudstackExchange(cloudstack)], // as their owners declare them
      concurrency: 8,
      partitionKey: (_, { routingKey }) => routingKey, // in order for each of these
    },
    async (body, { exchange, routingKey }) => {
      // beside these: headers, messageId, contentType, timestamp, priority, redelivered, bytes, …
      // body: whatever JSON it is. Returning acknowledges, throwing tries again, then dead-letters.
      seen.push(`${exchange} ${routingKey} ${JSON.stringify(body)}`);
    },
  );
  // #endregion
  await peer.publish(nova, 'notifications.info', '["a", 1]', osloProperties);
  await eventually(() => expect(seen).toHaveLength(1));
  await peer.publish(cloudstack, 'ms.ResourceStateEvent.x.y.z', '{}');
  await eventually(() =>
    expect(seen).toEqual([
      `${nova} notifications.info ["a",1]`,
      `${cloudstack} ms.ResourceStateEvent.x.y.z {}`,
    ]),
  );
  expect(member.pool).toBe(`inventory@${[cloudstack, nova].toSorted().join('+')}`);
  // #region pause
  await member.pause(); // the database is away: no handler starts, those under way have returned
  member.resume();
  // #endregion
  await member.unsubscribe({ removePool: true });
  await bus.close();
});
