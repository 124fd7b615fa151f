import type { SpanPlan } from '../../context/span.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import type { OutboxRecord } from '../../core/stores/outbox-store.js';
import type { EncodedEvent } from '../formats/format.js';
import type { Bus, Delivery } from './bus.js';
import { destinationOf } from './bus-target.js';

/** Pure. The span of a message that the relay gives to a bus, in the trace of its event. */
export function publishSpan(bus: Bus, row: OutboxRecord, message: EncodedEvent): SpanPlan {
  const { attributes, destination } = messaging(bus, message.key);
  return {
    name: `publish ${destination}`,
    kind: 'PRODUCER',
    continues: traceparentOf(row.payload),
    attributes: {
      ...attributes,
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
      'messaging.message.id': message.id,
      'messaging.message.body.size': message.body.byteLength,
      'signalbox.category': row.category,
      'signalbox.type': row.type,
    },
  };
}

/** Pure. The span of a handler that is given an event. */
export function handleSpan(
  bus: Bus,
  { id, category, type }: SignalboxEvent,
  { key, pool, attempt, body }: Delivery,
): SpanPlan {
  const { attributes, destination } = messaging(bus, key);
  return {
    name: `handle ${destination}`,
    kind: 'CONSUMER',
    attributes: {
      ...attributes,
      'messaging.operation.name': 'handle',
      'messaging.operation.type': 'process',
      'messaging.message.id': id,
      'messaging.message.body.size': body.byteLength,
      ...(pool === undefined ? {} : { 'messaging.consumer.group.name': pool }),
      'signalbox.category': category,
      'signalbox.type': type,
      'signalbox.attempt': attempt,
    },
  };
}

/** Pure. The span of a handler that is given a message of anybody. */
export function messageSpan(
  bus: Bus,
  message: {
    readonly id: string | undefined;
    readonly key: string;
    /** The exchange that it came by. */
    readonly destination: string;
    readonly size: number;
    readonly pool: string | undefined;
    readonly attempt: number;
  },
): SpanPlan {
  const { id, key, destination, size, pool, attempt } = message;
  return {
    name: `handle ${destination}`,
    kind: 'CONSUMER',
    attributes: {
      ...messaging(bus, key).attributes,
      'messaging.destination.name': destination,
      'messaging.operation.name': 'handle',
      'messaging.operation.type': 'process',
      ...(id === undefined ? {} : { 'messaging.message.id': id }),
      'messaging.message.body.size': size,
      ...(pool === undefined ? {} : { 'messaging.consumer.group.name': pool }),
      'signalbox.attempt': attempt,
    },
  };
}

/** The names that the conventions know; of another bus, or one within the process, its own name. */
const systems: Readonly<Record<string, string>> = {
  amqp: 'rabbitmq',
  kafka: 'kafka',
  nats: 'nats',
};

function messaging(
  { name, target }: Bus,
  key: string,
): { readonly destination: string; readonly attributes: SpanPlan['attributes'] } {
  const known = target === undefined ? undefined : destinationOf(target);
  const destination = known?.destination ?? name;
  const system = known === undefined ? name : (systems[known.scheme] ?? known.scheme);
  return {
    destination,
    attributes: {
      'messaging.system': system,
      'messaging.destination.name': destination,
      'signalbox.bus': name,
      [system === 'rabbitmq'
        ? 'messaging.rabbitmq.destination.routing_key'
        : 'signalbox.routing_key']: key,
    },
  };
}

/** Of the event as it was committed: a format may write it otherwise, or encrypt it. */
function traceparentOf(payload: string): string | undefined {
  // Most events of a process without tracing have none, and cost no parsing.
  if (!payload.includes('"traceparent"')) return undefined;
  const event = JSON.parse(payload) as { readonly traceparent?: unknown };
  return typeof event.traceparent === 'string' ? event.traceparent : undefined;
}
