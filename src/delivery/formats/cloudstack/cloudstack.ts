import type { SignalboxEvent } from '../../../core/events/event.js';
import { checkEvent } from '../check-event.js';
import type { EncodedEvent, EnvelopeHead, Format, ReceivedEvent } from '../format.js';
import { cloudStackBindings, cloudStackKafkaBindings, cloudStackKey } from './key.js';
import { readCloudStack } from './read-body.js';
import { cloudStackBody } from './write-body.js';

const noHeaders: EncodedEvent['headers'] = Object.freeze({});

/**
 * The routing keys and bodies of Apache CloudStack 4.22, for consumers that were written for its event
 * bus, over RabbitMQ or Kafka; reads what CloudStack itself publishes.
 *
 * It carries less than CloudEvents: no revision, domain, correlation, causation, trace, reason or
 * lifecycle version; seconds and not milliseconds; of usage and alerts no details but the zone and the
 * pod; of a failed action no error. `docs/formats.md` lists all of it.
 *
 * @example
 * const bus = rabbitmq({ url, exchange: 'cloudstack-events', format: cloudStack });
 */
export const cloudStack: Format = Object.freeze({
  name: 'cloudstack',

  encode,

  encodeText(_: EnvelopeHead, text: string): EncodedEvent {
    // Ours, and checked before it was committed.
    return encode(JSON.parse(text) as SignalboxEvent);
  },

  async decode(message: ReceivedEvent): Promise<SignalboxEvent> {
    return checkEvent(readCloudStack(message));
  },

  bindings: cloudStackBindings,
});

/** The same, to subscribe on Kafka to what CloudStack itself writes there, without a routing key. */
export const cloudStackOnKafka: Format = Object.freeze({
  ...cloudStack,
  bindings: cloudStackKafkaBindings,
});

function encode(event: SignalboxEvent): EncodedEvent {
  const { id, partitionkey } = event;
  const message = {
    key: cloudStackKey(event),
    id,
    // What CloudStack says of its JSON; libraries that parse by content type hand over the text.
    contentType: 'text/plain',
    headers: noHeaders,
    body: Buffer.from(cloudStackBody(event)),
  };
  return partitionkey === undefined ? message : { ...message, partitionKey: partitionkey };
}
