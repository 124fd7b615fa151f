import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  cloudstackExchange,
  rabbitmq,
  type RabbitmqBus,
} from '../../../src/delivery/amqp/index.js';
import { subscribeEvents } from '../../../src/delivery/bus/event-subscription.js';
import { VirtualMachine } from '../../../src/cli/demo/entities.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import { cloudStack } from '../../../src/delivery/formats/cloudstack/cloudstack.js';
import { openCloud } from '../../e2e/support/cloud.js';
import fixtures from '../../fixtures/cloudstack-messages.json' with { type: 'json' };
import { eventually } from '../../support/eventually.js';
import { serviceUrl } from '../../support/service-url.js';
import { uniqueName } from '../../support/unique-name.js';
import { declareAsCloudstack, openPlainPeer, type PlainPeer } from './plain-peer.js';

const url = serviceUrl('rabbitmq');
let exchange: string;
let bus: RabbitmqBus;
let peer: PlainPeer;

beforeEach(async () => {
  exchange = uniqueName('cloudstack-events');
  bus = rabbitmq({ url, exchange: cloudstackExchange(exchange), format: cloudStack });
  peer = await openPlainPeer(url);
});
afterEach(async () => {
  await bus.close();
  for (const queue of [`${exchange}/pool/audit`, `${exchange}/dead/audit`])
    await peer.channel.deleteQueue(queue);
  for (const name of [exchange, `${exchange}/dead-letters`])
    await peer.channel.deleteExchange(name);
  await peer[Symbol.asyncDispose]();
});

/** A queue as CloudStack's bus makes it, bound as `EventTopic` binds: null is `*`, dots are dashes. */
async function bound(...pattern: readonly (string | null)[]): Promise<string> {
  const { queue } = await peer.channel.assertQueue('', { durable: false, autoDelete: true });
  const key = pattern.map((word) => word?.replaceAll('.', '-') ?? '*').join('.');
  await peer.channel.bindQueue(queue, exchange, key);
  return queue;
}

interface Read {
  readonly key: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly contentType: unknown;
}

async function read(queue: string): Promise<() => readonly Read[]> {
  const received = await peer.consume(queue);
  return () =>
    received.map(({ fields, properties, content }) => ({
      key: fields.routingKey,
      body: JSON.parse(content.toString()) as Record<string, unknown>,
      contentType: properties.contentType as unknown,
    }));
}

describe('a consumer of CloudStack’s', () => {
  it('finds our events by its bindings, and reads in them what CloudStack writes', async () => {
    await declareAsCloudstack(peer, exchange);
    await using cloud = await openCloud('sqlite');
    const signalbox = await cloud.open({ bus });
    const { uuid } = await signalbox.create(VirtualMachine, { name: 'web' });
    const server = 'management-server';
    const [states, actions, usage, alerts] = await Promise.all(
      [
        await bound(server, 'ResourceStateEvent', 'StartRequested', 'VirtualMachine', uuid),
        await bound(server, 'ActionEvent', 'VM.START', null, null),
        await bound(server, 'UsageEvent', null, 'com.cloud.vm.VirtualMachine', null),
        await bound(null, 'AlertEvent', null, null, null),
      ].map(read),
    );
    await signalbox.action(
      'VM.START',
      { subject: { resource: 'VirtualMachine', uuid } },
      async () => {
        await signalbox.transition(VirtualMachine, uuid, 'StartRequested');
        await signalbox.transition(VirtualMachine, uuid, 'OperationSucceeded');
      },
    );
    await signalbox.raiseAlert('ALERT.USERVM', 'VM web started', { body: 'at last' });
    await eventually(() => {
      expect([states, actions, usage, alerts].map((each) => each?.().length)).toEqual([1, 2, 1, 1]);
    });
    const eventDateTime = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000$/);
    expect(states?.()[0]).toEqual({
      key: `${server}.ResourceStateEvent.StartRequested.VirtualMachine.${uuid}`,
      contentType: 'text/plain',
      body: {
        eventDateTime,
        'old-state': 'Stopped',
        resource: 'VirtualMachine',
        id: uuid,
        'new-state': 'Starting',
        status: 'postStateTransitionEvent',
      },
    });
    expect(actions?.().map(({ body }) => [body['status'], body['description']])).toEqual([
      ['Started', 'VM.START'],
      ['Completed', 'Successfully completed VM.START'],
    ]);
    expect(actions?.()[1]?.body).toMatchObject({
      eventDateTime,
      entityuuid: uuid,
      event: 'VM.START',
      entity: 'VirtualMachine',
      VirtualMachine: uuid,
    });
    expect(usage?.()[0]?.body).toMatchObject({
      resource: 'com.cloud.vm.VirtualMachine',
      id: uuid,
      event: 'VM.START',
    });
    expect(alerts?.()[0]).toMatchObject({
      key: `${server}.AlertEvent.ALERT-USERVM.*.*`,
      body: { subject: 'VM web started', body: 'at last', event: 'ALERT.USERVM' },
    });
    await signalbox.close();
  });
});

describe('what CloudStack publishes', () => {
  it('reaches our subscribers as events, by typed filters, and none is lost', async () => {
    await declareAsCloudstack(peer, exchange);
    const all: SignalboxEvent[] = [];
    const machines: SignalboxEvent[] = [];
    await subscribeEvents(bus, cloudStack, '#', (event) => void all.push(event), { pool: 'audit' });
    await subscribeEvents(
      bus,
      cloudStack,
      { category: ['UsageEvent', 'ActionEvent'], resource: 'VirtualMachine' },
      (event) => void machines.push(event),
    );
    const properties = { contentType: 'text/plain', deliveryMode: 2, priority: 0 };
    for (const { key, body } of fixtures.messages)
      await peer.publish(exchange, key, body, properties);
    const key = fixtures.messages[0]?.key ?? '';
    const broken = ['{', '{"eventDateTime":"soon"}', '{"a":9007199254740993}'];
    for (const body of broken) await peer.publish(exchange, key, body, properties);
    await eventually(async () => {
      expect(all).toHaveLength(fixtures.messages.length);
      expect(await bus.deadLetters?.read('audit')).toHaveLength(broken.length);
    });
    expect(all.map(({ category, type }) => [category, type])).toEqual(
      fixtures.messages.map(({ event }) => [event.category, event.type]),
    );
    await eventually(() => expect(machines).toHaveLength(3));
    // Deduplication sees each once more when it comes again, and no two of them as one.
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });
});
