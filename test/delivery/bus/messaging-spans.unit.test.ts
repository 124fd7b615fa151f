import { expect, test } from 'vitest';
import { rabbitmq } from '../../../src/delivery/amqp/rabbitmq.js';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import { publishSpan } from '../../../src/delivery/bus/messaging-spans.js';
import { kafka } from '../../../src/delivery/kafka/kafka.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { nats } from '../../../src/delivery/nats/nats.js';

const key = 'cloud.AlertEvent.ALERT.none.none';
const message = { key, id: 'e1', contentType: 'text/plain', headers: {}, body: new Uint8Array(7) };
const row = (payload: object): Parameters<typeof publishSpan>[1] => ({
  position: 1,
  id: 'e1',
  source: 'cloud',
  category: 'AlertEvent',
  type: 'ALERT',
  resource: null,
  uuid: null,
  partition: 0,
  bus: '',
  payload: JSON.stringify(payload),
});

const buses: readonly (readonly [Bus, string, string])[] = [
  [
    rabbitmq({ url: 'amqp://guest:secret@127.0.0.1/cloud', exchange: 'cloud:events' }),
    'rabbitmq',
    'cloud:events',
  ],
  [kafka({ brokers: ['127.0.0.1:9092'], topic: 'events' }), 'kafka', 'events'],
  [nats({ url: 'nats://127.0.0.1', stream: 'EVENTS' }), 'nats', 'EVENTS'],
  [memoryBus({ name: 'local' }), 'local', 'local'],
];

test.each(buses)('a span names the system and the destination of $target', (bus, system, place) => {
  const { name, attributes } = publishSpan(bus, row({}), message);
  expect(name).toBe(`publish ${place}`);
  const routed =
    system === 'rabbitmq' ? 'messaging.rabbitmq.destination.routing_key' : 'signalbox.routing_key';
  expect(attributes).toEqual({
    'messaging.system': system,
    'messaging.destination.name': place,
    'messaging.operation.name': 'publish',
    'messaging.operation.type': 'send',
    'messaging.message.id': 'e1',
    'messaging.message.body.size': 7,
    'signalbox.bus': bus.name,
    'signalbox.category': 'AlertEvent',
    'signalbox.type': 'ALERT',
    [routed]: key,
  });
});

test("the trace is the event's own, and not one that its data tells", () => {
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const continues = (payload: object): unknown =>
    publishSpan(memoryBus(), row(payload), message).continues;
  expect(continues({ traceparent, data: { traceparent: 'other' } })).toBe(traceparent);
  expect(continues({ data: { traceparent } })).toBeUndefined();
  expect(continues({ traceparent: 1 })).toBeUndefined();
  expect(continues({})).toBeUndefined();
});
