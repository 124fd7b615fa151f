import type { DeadLetter } from '../bus/bus.js';
import { ownHeader, readMessage, text, type Received } from './wire.js';

/** The headers of a dead letter, and of one that was redriven. */
export const deadLetterHeader = {
  key: ownHeader('key'),
  exchange: ownHeader('exchange'),
  pool: ownHeader('pool'),
  reason: ownHeader('reason'),
  error: ownHeader('error'),
  errorMessage: ownHeader('error-message'),
  errorCode: ownHeader('error-code'),
  attempts: ownHeader('attempts'),
  member: ownHeader('member'),
  time: ownHeader('dead-at'),
  /** The message is within the body. */
  encapsulated: ownHeader('encapsulated'),
} as const;

const deadLetterHeaders: ReadonlySet<string> = new Set(Object.values(deadLetterHeader));

/** Pure. Whether only a dead letter, or one that was redriven, carries the header. */
export function isDeadLetterHeader(name: string): boolean {
  return deadLetterHeaders.has(name);
}

/** Pure. Where a message was published to, also when it comes from the dead letters. */
export function originOf(
  { fields, properties }: Received,
  deadLetterExchange: string,
): { readonly exchange: string; readonly routingKey: string } {
  const { exchange, routingKey } = fields;
  if (exchange !== deadLetterExchange) return { exchange, routingKey };
  return {
    exchange: text(properties.headers?.[deadLetterHeader.exchange]) ?? exchange,
    routingKey: text(properties.headers?.[deadLetterHeader.key]) ?? routingKey,
  };
}

/** Pure. A message as it lies among the dead letters, put there by us or by the broker. */
export function readDeadLetter(
  received: Received,
  pool: string,
  deadLetterExchange: string,
): DeadLetter {
  const headers = received.properties.headers ?? {};
  const message = readMessage(received, deadLetterExchange);
  const reason = text(headers[deadLetterHeader.reason]);
  if (reason !== undefined) {
    const exchange = text(headers[deadLetterHeader.exchange]);
    const member = text(headers[deadLetterHeader.member]);
    const code = text(headers[deadLetterHeader.errorCode]);
    return {
      message,
      pool,
      reason,
      attempts: Number(headers[deadLetterHeader.attempts]) || 0,
      time: text(headers[deadLetterHeader.time]) ?? '',
      error: {
        name: text(headers[deadLetterHeader.error]) ?? 'Error',
        message: text(headers[deadLetterHeader.errorMessage]) ?? reason,
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
  const key = text(headers[deadLetterHeader.key]) ?? death.key ?? message.key;
  const exchange = text(headers[deadLetterHeader.exchange]) ?? death.exchange;
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
