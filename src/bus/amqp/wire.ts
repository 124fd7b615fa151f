import type { ConsumeMessage, GetMessage, Options } from 'amqplib';
import type { BusMessage, DeadLetter } from '../bus.js';
import type { HandlingFailure } from '../delivery-dispatcher.js';

/** Our own headers: stripped from what handlers see. */
const prefix = 'x-signalbox-';
const partitionKeyHeader = `${prefix}partition-key`;
const keyHeader = `${prefix}key`;
const poolHeader = `${prefix}pool`;
const reasonHeader = `${prefix}reason`;
const errorHeader = `${prefix}error`;
const attemptsHeader = `${prefix}attempts`;
const timeHeader = `${prefix}dead-at`;

/** The headers that brokers add; with ours, the ones that are no user's. */
const brokerHeaders = new Set(['x-delivery-count', 'x-acquired-count', 'x-death', 'x-opt-deaths']);
const brokerPrefixes = ['x-first-death-', 'x-last-death-'];

type Headers = Readonly<Record<string, unknown>>;

/** A message ready to be published to an exchange. */
export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly message: BusMessage;
  /** Added to the message's own. */
  readonly headers?: Headers;
}

/** Pure. What amqplib needs to publish a message: persistent, and returned when nobody wants it. */
export function publishOptions({ message, headers }: OutgoingMessage): Options.Publish {
  const { partitionKey } = message;
  return {
    messageId: message.id,
    contentType: message.contentType,
    headers: {
      ...message.headers,
      ...(partitionKey === undefined ? {} : { [partitionKeyHeader]: partitionKey }),
      ...headers,
    },
    persistent: true,
    mandatory: true,
  };
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
export function readMessage(
  received: ConsumeMessage | GetMessage,
  deadLetterExchange: string,
): BusMessage {
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

/** Pure. The headers of a message that goes to the dead letters. */
export function deadLetterHeaders(
  key: string,
  pool: string,
  { reason, attempts, error }: HandlingFailure,
  time: string,
): Headers {
  return {
    [keyHeader]: key,
    [poolHeader]: pool,
    // The headers of a message share one frame, so a reason of any length could not be sent.
    [reasonHeader]: reason.slice(0, longestReason),
    [errorHeader]: error.name,
    [attemptsHeader]: attempts,
    [timeHeader]: time,
  };
}

const longestReason = 2_000;

/** Pure. The headers of a message that goes back into its pool. */
export function redriveHeaders(key: string): Headers {
  return { [keyHeader]: key };
}

/** Pure. A message as it lies among the dead letters, put there by us or by the broker. */
export function readDeadLetter(
  received: GetMessage,
  pool: string,
  deadLetterExchange: string,
): DeadLetter {
  const headers: Headers = received.properties.headers ?? {};
  const message = readMessage(received, deadLetterExchange);
  const reason = text(headers[reasonHeader]);
  if (reason !== undefined) {
    return {
      message,
      pool,
      reason,
      attempts: Number(headers[attemptsHeader]) || 0,
      time: text(headers[timeHeader]) ?? '',
    };
  }
  const death = received.properties.headers?.['x-death']?.[0];
  const brokerReason = death?.reason ?? text(headers['x-first-death-reason']) ?? 'unknown';
  return {
    message: {
      ...message,
      // The key that the message had in its pool, unless it had been redriven and so tells its own.
      key: text(headers[keyHeader]) ?? death?.['routing-keys'][0] ?? message.key,
    },
    pool,
    reason: `the broker gave it up: ${brokerReason}`,
    attempts: 0,
    time: death === undefined ? '' : new Date(death.time.value * 1000).toISOString(),
  };
}

function userHeaders(headers: Headers): BusMessage['headers'] {
  const own: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(prefix) || brokerHeaders.has(name)) continue;
    if (brokerPrefixes.some((each) => name.startsWith(each))) continue;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      own[name] = value;
    }
  }
  return own;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
