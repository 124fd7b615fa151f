import type { GetMessage, MessageFields, MessageProperties, Options } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import type { DeadLetter } from '../bus/bus.js';
import { deadLetterCause } from '../bus/dead-letter-cause.js';
import type { HandlingFailure } from '../bus/handling-failure.js';
import { memberName } from '../bus/member-name.js';
import { isBrokerHeader, ownHeader, readMessage, text, type OutgoingMessage } from './wire.js';

const keyHeader = ownHeader('key');
const exchangeHeader = ownHeader('exchange');
const poolHeader = ownHeader('pool');
const reasonHeader = ownHeader('reason');
const errorHeader = ownHeader('error');
const errorMessageHeader = ownHeader('error-message');
const errorCodeHeader = ownHeader('error-code');
const attemptsHeader = ownHeader('attempts');
const memberHeader = ownHeader('member');
const timeHeader = ownHeader('dead-at');

const deadLetterHeaders: ReadonlySet<string> = new Set([
  keyHeader,
  exchangeHeader,
  poolHeader,
  reasonHeader,
  errorHeader,
  errorMessageHeader,
  errorCodeHeader,
  attemptsHeader,
  memberHeader,
  timeHeader,
]);

/** Pure. Whether only a dead letter, or one that was redriven, carries the header. */
export function isDeadLetterHeader(name: string): boolean {
  return deadLetterHeaders.has(name);
}

interface Received {
  readonly content: Buffer;
  readonly fields: MessageFields;
  readonly properties: MessageProperties;
}

/** Pure. Where a message was published to, also when it comes from the dead letters. */
export function originOf(
  { fields, properties }: Received,
  deadLetterExchange: string,
): { readonly exchange: string; readonly routingKey: string } {
  const { exchange, routingKey } = fields;
  if (exchange !== deadLetterExchange) return { exchange, routingKey };
  return {
    exchange: text(properties.headers?.[exchangeHeader]) ?? exchange,
    routingKey: text(properties.headers?.[keyHeader]) ?? routingKey,
  };
}

/** A message on its way to the dead letters of its pool, as it came but for what AMQP forbids. */
export function toDeadLetter(
  received: Received,
  failure: HandlingFailure,
  way: { readonly exchange: string; readonly routingKey: string; readonly pool: string },
): OutgoingMessage {
  const { reason, attempts, error } = failure;
  const cause = deadLetterCause(error);
  const { exchange, routingKey } = originOf(received, way.exchange);
  return {
    ...again(received, way),
    headers: {
      ...keptHeaders(received),
      [keyHeader]: routingKey,
      [exchangeHeader]: exchange,
      [poolHeader]: way.pool,
      [reasonHeader]: reason,
      [errorHeader]: cause.name,
      [errorMessageHeader]: cause.message,
      ...(cause.code === undefined ? {} : { [errorCodeHeader]: cause.code }),
      [attemptsHeader]: attempts,
      [memberHeader]: memberName,
      [timeHeader]: new Date().toISOString(),
    },
  };
}

/** Pure. A dead letter on its way back into its pool, as it came the first time. */
export function toRedrive(
  received: Received,
  { message, origin }: DeadLetter,
  way: { readonly exchange: string; readonly routingKey: string },
): OutgoingMessage {
  return {
    ...again(received, way),
    headers: {
      ...keptHeaders(received),
      [keyHeader]: message.key,
      ...(origin.exchange === undefined ? {} : { [exchangeHeader]: origin.exchange }),
    },
  };
}

/** Pure. A message as it lies among the dead letters, put there by us or by the broker. */
export function readDeadLetter(
  received: GetMessage,
  pool: string,
  deadLetterExchange: string,
): DeadLetter {
  const headers = received.properties.headers ?? {};
  const message = readMessage(received, deadLetterExchange);
  const reason = text(headers[reasonHeader]);
  if (reason !== undefined) {
    const exchange = text(headers[exchangeHeader]);
    const member = text(headers[memberHeader]);
    const code = text(headers[errorCodeHeader]);
    return {
      message,
      pool,
      reason,
      attempts: Number(headers[attemptsHeader]) || 0,
      time: text(headers[timeHeader]) ?? '',
      error: {
        name: text(headers[errorHeader]) ?? 'Error',
        message: text(headers[errorMessageHeader]) ?? reason,
        ...(code === undefined ? {} : { code }),
      },
      origin: {
        ...(exchange === undefined ? {} : { exchange }),
        ...(member === undefined ? {} : { member }),
      },
    };
  }
  const death = deathOf(headers['x-death']);
  const brokerReason = death.reason ?? text(headers['x-first-death-reason']) ?? 'unknown';
  // What the message had in its pool, unless it had been redriven and so tells its own.
  const key = text(headers[keyHeader]) ?? death.key ?? message.key;
  const exchange = text(headers[exchangeHeader]) ?? death.exchange;
  return {
    message: { ...message, key },
    pool,
    reason: `the broker gave it up: ${brokerReason}`,
    attempts: 0,
    time: death.time,
    origin: exchange === undefined ? {} : { exchange },
  };
}

/** Why, when and whence the broker gave a message up, as far as it tells: others may write the same header. */
function deathOf(header: unknown): {
  readonly reason?: string | undefined;
  readonly key?: string | undefined;
  readonly exchange?: string | undefined;
  readonly time: string;
} {
  const death: unknown = Array.isArray(header) ? header[0] : undefined;
  if (typeof death !== 'object' || death === null) return { time: '' };
  const { reason, exchange, time, 'routing-keys': keys } = death as Record<string, unknown>;
  const seconds: unknown = Reflect.get(Object(time) as object, 'value');
  const when = new Date(typeof seconds === 'number' ? seconds * 1000 : Number.NaN);
  return {
    reason: text(reason),
    key: Array.isArray(keys) ? text(keys[0]) : undefined,
    exchange: text(exchange),
    time: Number.isNaN(when.getTime()) ? '' : when.toISOString(),
  };
}

/**
 * The message once more. Not kept: an expiry, which would take it away from among the dead letters, and
 * the publisher's user, whom nobody else may claim to be. One without an id gets one, to be named by.
 */
function again(
  received: Received,
  { exchange, routingKey }: { readonly exchange: string; readonly routingKey: string },
): OutgoingMessage {
  const { properties } = received;
  const kept: Options.Publish = {};
  if (present(properties.contentEncoding))
    kept.contentEncoding = String(properties.contentEncoding);
  if (present(properties.correlationId)) kept.correlationId = String(properties.correlationId);
  if (present(properties.replyTo)) kept.replyTo = String(properties.replyTo);
  if (present(properties.type)) kept.type = String(properties.type);
  if (present(properties.appId)) kept.appId = String(properties.appId);
  if (present(properties.priority)) kept.priority = Number(properties.priority);
  if (present(properties.timestamp)) kept.timestamp = Number(properties.timestamp);
  const message = readMessage(received, exchange);
  return {
    exchange,
    routingKey,
    message: message.id === '' ? { ...message, id: uuidv7() } : message,
    properties: kept,
  };
}

function present(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/**
 * Pure. All headers but ours for dead letters, the broker's, and CC and BCC, by which a message would
 * be given to whomever they name once more.
 */
function keptHeaders({ properties }: Received): Record<string, unknown> {
  const headers = Object.entries(properties.headers ?? {});
  return Object.fromEntries(
    headers.filter(
      ([name]) =>
        !isDeadLetterHeader(name) && !isBrokerHeader(name) && name !== 'CC' && name !== 'BCC',
    ),
  );
}
