import { connect } from 'amqplib';
import { expect, it } from 'vitest';
import { migrate, migrations, type SignalboxEvent } from 'signalbox';
import { DataSource } from 'typeorm';
import { serviceUrl } from '../test/support/service-url.js';
import { uniqueName } from '../test/support/unique-name.js';
import { eventTypes, LoadBalancer } from './load-balancer.js';
// #region choose
import { cloudEventsBinary, cloudStack, oslo } from 'signalbox/formats';
import { createSignalbox } from 'signalbox';
import { cloudstackExchange, osloExchange, rabbitmq } from 'signalbox/amqp';

// #endregion
// #region own
import { cloudEvents, defineFormats, type Format } from 'signalbox/formats';

/** CloudEvents under a content type that an old gateway insists on. */
export const acme: Format = {
  ...cloudEvents,
  name: 'acme',
  encode: (event) => ({ ...cloudEvents.encode(event), contentType: 'application/vnd.acme+json' }),
  encodeText: (head, text) => ({
    ...cloudEvents.encodeText(head, text),
    contentType: 'application/vnd.acme+json',
  }),
  decode: (message) =>
    cloudEvents.decode({ ...message, contentType: 'application/cloudevents+json' }),
};
// #endregion

it('writes the same event in the format of each bus', async () => {
  const url = serviceUrl('rabbitmq');
  const [own, legacy, control] = ['events', 'cloudstack', 'nova'].map(uniqueName) as [
    string,
    string,
    string,
  ];
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [LoadBalancer],
    migrations: [...migrations],
    synchronize: true,
  }).initialize();
  await migrate(dataSource);
  // #region choose
  const buses = [
    rabbitmq({ name: 'own', url, exchange: own, format: cloudEventsBinary('amqp') }),
    rabbitmq({ name: 'billing', url, exchange: cloudstackExchange(legacy), format: cloudStack }),
    rabbitmq({ name: 'telemetry', url, exchange: osloExchange(control), format: oslo() }),
  ];
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes,
    resources: [LoadBalancer],
    bus: buses,
  });

  // Selections, handlers and pools are the same on each.
  const handler = (event: SignalboxEvent): void => void seen.push(event.type);
  await signalbox.subscribe({ resource: LoadBalancer }, handler, { bus: 'billing' });
  // #endregion
  const seen: string[] = [];
  await signalbox.subscribe('#', handler, { bus: 'own' });
  await signalbox.subscribe('#', handler, { bus: 'telemetry' });
  await signalbox.create(LoadBalancer, { members: 2 });
  await expect.poll(() => seen, { timeout: 20_000 }).toEqual(['Created', 'Created', 'Created']);
  await signalbox.close();
  await Promise.all(buses.map((bus) => bus.close()));
  await dataSource.destroy();
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (const exchange of [own, legacy, control]) await channel.deleteExchange(exchange);
  await connection.close();
});

it('takes a format of your own', async () => {
  expect(defineFormats([acme]).get('acme', 'amqp')).toBe(acme);
});
