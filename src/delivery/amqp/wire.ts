import type { MessageFields, MessageProperties, Options } from 'amqplib';
import type { BusMessage } from '../bus/bus.js';
import { setOwn } from './field-table.js';

/** Our own headers: stripped from what handlers see. */
const prefix = 'x-signalbox-';

/** Pure. The name of a header that is ours. */
export function ownHeader(name: string): string {
  return prefix + name;
}

const partitionKeyHeader = ownHeader('partition-key');
const keyHeader = ownHeader('key');

/** The headers that brokers add; with ours, the ones that are no user's. */
const brokerHeaders = new Set(['x-delivery-count', 'x-acquired-count', 'x-death', 'x-opt-deaths']);
const brokerPrefixes = ['x-first-death-', 'x-last-death-'];

/** Headers by name, of any type that AMQP knows. */
export type Headers = Readonly<Record<string, unknown>>;

/** A message as a channel hands it over. */
export interface Received {
  readonly content: Buffer;
  readonly fields: MessageFields;
  readonly properties: MessageProperties;
}

/** A message ready to be published to an exchange. */
export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly message: BusMessage;
  /** Added to the message's own. */
  readonly headers?: Headers;
  /** The whole property list, as bytes, of a message that is sent on: instead of the message's own. */
  readonly properties?: Buffer;
}

/** Pure. What amqplib needs to publish a message: persistent, and returned when nobody wants it. */
export function publishOptions(outgoing: OutgoingMessage): Options.Publish {
  const { id, contentType } = outgoing.message;
  return {
    messageId: id,
    // Peers take an empty type for a wrong one.
    ...(contentType === '' ? {} : { contentType }),
    headers: messageHeaders(outgoing),
    persistent: true,
    mandatory: true,
  };
}

/** Pure. The headers that a message goes with: its own, and ours. */
export function messageHeaders({ message, headers }: OutgoingMessage): Headers {
  const all: Record<string, unknown> = { ...message.headers };
  if (message.partitionKey !== undefined) all[partitionKeyHeader] = message.partitionKey;
  return headers === undefined ? all : { ...all, ...headers };
}

/** Pure. The bytes as amqplib wants them, without a copy. */
export function toBuffer(body: Uint8Array): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

/**
 * Pure. A message as it came from a queue.
 *
 * @param deadLetterExchange what comes from there was redriven, and tells its own routing key
 */
export function readMessage(received: Received, deadLetterExchange: string): BusMessage {
  const { properties, fields, content } = received;
  const headers: Headers = properties.headers ?? {};
  const redriven = fields.exchange === deadLetterExchange;
  const partitionKey = text(headers[partitionKeyHeader]);
  return {
    key: (redriven ? text(headers[keyHeader]) : undefined) ?? fields.routingKey,
    id: text(properties.messageId) ?? '',
    contentType: text(properties.contentType) ?? '',
    headers: userHeaders(headers),
    body: content,
    ...(partitionKey === undefined ? {} : { partitionKey }),
  };
}

/** Pure. The headers of a message that is given to one pool alone. */
export function redriveHeaders(key: string): Headers {
  return { [keyHeader]: key };
}

/** Pure. Whether a header is one that brokers add. */
export function isBrokerHeader(name: string): boolean {
  return brokerHeaders.has(name) || brokerPrefixes.some((each) => name.startsWith(each));
}

function userHeaders(headers: Headers): BusMessage['headers'] {
  const own: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(prefix) || isBrokerHeader(name)) continue;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      setOwn(own, name, value);
    }
  }
  return own;
}

/** Pure. The value when it is a text. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
