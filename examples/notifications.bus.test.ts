import { connect } from 'amqplib';
import { expect, it } from 'vitest';
import { memoryBus, type SignalboxEvent } from 'signalbox';
import { subscribeEvents } from 'signalbox/bus';
import { cloudEvents } from 'signalbox/formats';
import { serviceUrl } from '../test/support/service-url.js';
import { uniqueName } from '../test/support/unique-name.js';
// #region notify
import { messagingDriver, notifier } from 'signalbox/notifications';

// #endregion
// #region consume
import { osloExchange, rabbitmq } from 'signalbox/amqp';
import { fromOslo, readNotification, type ReceivedNotification } from 'signalbox/notifications';

// #endregion
// #region routing
import { busDriver, logDriver, routingDriverFromYaml } from 'signalbox/notifications';

const rules = `
everything:
  log: {}
alarms:
  bus:
    accepted_events: ['instance.*', 'volume.*']
    accepted_priorities: [error, critical]
`;
// #endregion

it('notifies, and reads notifications of anybody', async () => {
  const url = serviceUrl('rabbitmq');
  const exchange = uniqueName('nova');
  const topic = uniqueName('notifications');
  const uuid = '9d827485-0f46-4db8-bd39-fede97cbac0c';
  const events: SignalboxEvent[] = [];
  const handle = (event: SignalboxEvent): void => void events.push(event);
  // #region consume
  const bus = rabbitmq({ url });
  const member = await bus.joinConsumerPool(
    {
      pool: 'inventory',
      topic: `${topic}.*`,
      exchange: osloExchange(exchange),
      decode: readNotification, // what is no notification is dead-lettered with its reason
    },
    (notification) => handle(fromOslo(notification as ReceivedNotification)),
  );
  // #endregion
  // #region notify
  const notify = notifier({
    publisherId: 'compute.host1',
    drivers: [messagingDriver({ url, exchange, topics: [topic] }), 'noop'],
  });
  await notify.info('instance.create.start', { uuid });
  await notify.error('instance.create.error', { uuid, message: 'no host has room' });
  await notify.close();
  // #endregion
  await expect.poll(() => events, { timeout: 20_000 }).toHaveLength(2);
  expect(events[1]).toMatchObject({
    category: 'ActionEvent',
    type: 'instance.create',
    subject: `VirtualMachine/${uuid}`,
    data: { status: 'Failed', error: { message: 'no host has room' } },
  });
  await member.unsubscribe({ removePool: true });
  await bus.close();
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (const priority of ['info', 'error']) await channel.deleteQueue(`${topic}.${priority}`);
  await channel.deleteExchange(exchange);
  await connection.close();
});

it('routes by a file', async () => {
  const bus = memoryBus();
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const logger = { debug: write, info: write, warn: write, error: write };
  const events: string[] = [];
  await subscribeEvents(bus, cloudEvents, '#', ({ type }) => void events.push(type));
  // #region routing
  const routing = await routingDriverFromYaml(rules, {
    log: logDriver(logger),
    bus: busDriver(bus),
  });
  const notify = notifier({ publisherId: 'compute.host1', drivers: [routing] });
  // #endregion
  await notify.critical('instance.lost', {});
  await notify.info('instance.lock', {});
  await expect.poll(() => events).toEqual(['instance.lost']);
  expect(lines).toHaveLength(2);
  await bus.close();
});
