import type { ConsumeMessage } from 'amqplib';
import { isDeadLetterHeader, originOf } from './dead-letter-wire.js';

/** A message as it came from the broker, with the properties that AMQP knows, raw. */
export interface PoolMessage {
  /** The body as it came; the callback gets it decoded. */
  readonly bytes: Uint8Array;
  /** The exchange it was published to; empty for one sent to the queue by its name. */
  readonly exchange: string;
  readonly routingKey: string;
  /** Every header, also those that brokers add: nested tables and arrays as objects and arrays. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly messageId?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  /** As the publisher wrote it: AMQP means seconds since 1970, some write milliseconds. */
  readonly timestamp?: number;
  readonly priority?: number;
  /** 2 for a message that was published as persistent. */
  readonly deliveryMode?: number;
  readonly type?: string;
  readonly appId?: string;
  readonly userId?: string;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly expiration?: string;
}

/** A message at its callback: which try this is, and whether the broker delivered it before. */
export interface PoolDelivery extends PoolMessage {
  /** 1 for the first try of this subscription, +1 for each retry. */
  readonly attempt: number;
  /** True when it was delivered before, to this or another member of the pool. */
  readonly redelivered: boolean;
  /** The pool it was delivered to. */
  readonly pool?: string;
}

const properties = [
  'messageId',
  'contentType',
  'contentEncoding',
  'timestamp',
  'priority',
  'deliveryMode',
  'type',
  'appId',
  'userId',
  'correlationId',
  'replyTo',
  'expiration',
] as const;

/** Pure. A message as its pool sees it; one that was redriven looks as it did the first time. */
export function readPoolMessage(received: ConsumeMessage, deadLetterExchange: string): PoolMessage {
  const { exchange, routingKey } = originOf(received, deadLetterExchange);
  const own: Record<string, unknown> = {};
  for (const name of properties) {
    const value: unknown = received.properties[name];
    if (value !== undefined && value !== null) own[name] = value;
  }
  const headers = Object.entries(received.properties.headers ?? {});
  return {
    ...own,
    bytes: received.content,
    exchange,
    routingKey,
    headers: Object.fromEntries(headers.filter(([name]) => !isDeadLetterHeader(name))),
  };
}
