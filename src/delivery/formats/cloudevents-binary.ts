import { clipped, clippedValue } from '../../core/errors/clipped.js';
import { RefusedError } from '../../core/errors/errors.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import { routingKeyOf } from '../../core/events/routing-key.js';
import { checkEvent } from './check-event.js';
import { cloudEvents } from './cloudevents.js';
import { eventInvalid, parseBody } from './event-invalid.js';
import type { EncodedEvent, EnvelopeHead, Format, ReceivedEvent } from './format.js';
import { mediaTypeOf } from './media-type.js';

/** Transport of the messages: each protocol binding of CloudEvents names its headers in its own way. */
export type Transport = 'amqp' | 'kafka' | 'nats';

/** How a protocol binding writes attributes. */
interface Binding {
  /** Before the name of an attribute: the first when writing, any of them when reading. */
  readonly prefixes: readonly [string, ...string[]];
  readonly write: (value: string | number | boolean) => string | number | boolean;
  readonly read: (value: string) => string;
}

const asText = (value: string | number | boolean): string => String(value);
const unchanged = <T>(value: T): T => value;

const bindings: Readonly<Record<Transport, Binding>> = {
  // Readers take the underscore too, which clients write whose selectors know no colon.
  amqp: { prefixes: ['cloudEvents:', 'cloudEvents_'], write: unchanged, read: unchanged },
  kafka: { prefixes: ['ce_'], write: asText, read: unchanged },
  // Headers of NATS are those of HTTP: visible ASCII.
  nats: { prefixes: ['ce-'], write: percentEncode, read: percentDecode },
};

/**
 * CloudEvents 1.0 in binary mode: `data` is the body, and the attributes are headers, as the protocol
 * binding of the transport names them (`ce_id` on Kafka, `cloudEvents:id` on AMQP, `ce-id` on NATS).
 * Filters and tracers read them without parsing the body. A message in structured mode is read too.
 *
 * Carries every attribute. Extensions that Signalbox does not know come back as text on Kafka and NATS.
 *
 * Source: the protocol bindings at github.com/cloudevents/spec. Pure; the same value for each call.
 *
 * @example
 * const bus = rabbitmq({ url, format: cloudEventsBinary('amqp') });
 */
export function cloudEventsBinary(transport: Transport): Format {
  return binaryFormats[transport];
}

const binaryFormats: Readonly<Record<Transport, Format>> = {
  amqp: binaryFormat(bindings.amqp),
  kafka: binaryFormat(bindings.kafka),
  nats: binaryFormat(bindings.nats),
};

function binaryFormat(binding: Binding): Format {
  const encode = (event: SignalboxEvent): EncodedEvent => {
    const { data, datacontenttype, ...attributes } = event;
    const headers: Record<string, string | number | boolean> = {};
    for (const [name, value] of Object.entries(attributes)) {
      // Null is an attribute that is not there.
      if (value == null) continue;
      headers[`${binding.prefixes[0]}${name}`] = binding.write(scalar(name, value));
    }
    const message = {
      key: routingKeyOf(event),
      id: event.id,
      contentType: datacontenttype,
      headers,
      body: Buffer.from(JSON.stringify(data)),
    };
    const { partitionkey } = event;
    return partitionkey === undefined ? message : { ...message, partitionKey: partitionkey };
  };
  return Object.freeze({
    name: 'cloudevents-binary',
    encode,
    encodeText(_: EnvelopeHead, text: string): EncodedEvent {
      // Ours, and checked before it was committed.
      return encode(JSON.parse(text) as SignalboxEvent);
    },
    async decode(message: ReceivedEvent): Promise<SignalboxEvent> {
      const mediaType = mediaTypeOf(message.contentType);
      if (mediaType.startsWith('application/cloudevents')) return cloudEvents.decode(message);
      const attributes = readAttributes(binding, message.headers);
      if (Object.keys(attributes).length === 0) {
        const { prefixes } = binding;
        throw eventInvalid('CloudEvent', 'headers', `have no attribute such as ${prefixes[0]}id`);
      }
      if (mediaType !== 'application/json') {
        const found = message.contentType || 'absent';
        throw eventInvalid('CloudEvent', 'contentType', `is ${found}, not application/json`);
      }
      const data = parseBody(message.body, 'CloudEvent');
      return checkEvent({ ...attributes, datacontenttype: 'application/json', data });
    },
  });
}

/** CloudEvents has no attribute of parts, and no header of a transport holds one. */
function scalar(name: string, value: unknown): string | number | boolean {
  if (['string', 'number', 'boolean'].includes(typeof value)) return value as string;
  throw RefusedError.of(
    'EVENT_INVALID',
    `The event cannot be written as a CloudEvent in binary mode: attribute ${name} is ${clippedValue(value)}. Pass a text, a number, true or false, or put it into data.`,
    { property: name, problem: 'is no text, number or boolean' },
  );
}

/** An attribute's name is what the standard allows: so none is `__proto__`, and none is `data`. */
const attributeName = /^[a-z0-9]+$/;

function readAttributes(
  { prefixes, read }: Binding,
  headers: ReceivedEvent['headers'],
): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  for (const [header, value] of Object.entries(headers)) {
    const prefix = prefixes.find((each) => header.startsWith(each));
    if (prefix === undefined || value == null) continue;
    const name = header.slice(prefix.length);
    if (!attributeName.test(name) || name === 'data') {
      throw eventInvalid('CloudEvent', header, 'names no attribute');
    }
    attributes[name] = typeof value === 'string' ? typed(name, read(value)) : value;
  }
  return attributes;
}

/** A revision is the one attribute of ours that is no text. */
function typed(name: string, text: string): string | number {
  return name === 'revision' && /^\d{1,10}$/.test(text) ? Number(text) : text;
}

/** Source: section 3.1.3.2 of the HTTP binding, which that of NATS follows. */
function percentEncode(value: string | number | boolean): string {
  // Half a pair has no UTF-8, and becomes what it becomes in a body.
  const text = String(value).replaceAll(/\p{Cs}/gu, '\ufffd');
  return text.replaceAll(/[^\x21-\x7e]|["%]/gu, encodeURIComponent);
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw eventInvalid(
      'CloudEvent',
      'headers',
      `hold ${clipped(text)}, which is no percent-encoded text`,
    );
  }
}
