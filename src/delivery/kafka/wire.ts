import type { BusMessage, DeadLetter, DeadLetterCause } from '../bus/bus.js';
import { deadLetterCause } from '../bus/dead-letter-cause.js';
import type { HandlingFailure } from '../bus/handling-failure.js';
import type { BodyPlace } from '../bus/reduced-letter.js';
import type { KafkaRecord, ReceivedRecord } from './driver.js';

/** Our own headers: stripped from what handlers see. */
const prefix = 'x-signalbox-';
const keyHeader = `${prefix}key`;
const idHeader = `${prefix}id`;
const typesHeader = `${prefix}types`;
const partitionKeyHeader = `${prefix}partition-key`;
const reasonHeader = `${prefix}reason`;
const errorHeader = `${prefix}error`;
const attemptsHeader = `${prefix}attempts`;
const timeHeader = `${prefix}dead-at`;
const memberHeader = `${prefix}member`;
const bodyHeader = `${prefix}body`;
const exchangeHeader = `${prefix}topic`;

/** Of the Kafka binding of CloudEvents, which most producers of others follow. */
const contentTypeHeader = 'content-type';
const cloudEventIdHeader = 'ce_id';

type Headers = Record<string, string>;

/** Without a prototype, so that a header may be called __proto__. */
function noHeaders(): Headers {
  return Object.create(null) as Headers;
}

/** Pure. A message as a record: its key is what order is kept for. */
export function toRecord(message: BusMessage): KafkaRecord {
  return {
    key: message.partitionKey ?? null,
    value: toBuffer(message.body),
    headers: messageHeaders(message),
  };
}

/**
 * Pure. A record as a message. One that others wrote may lack our headers: its routing key is then empty,
 * which only `#` matches, and its id tells its place, which is stable over redeliveries.
 */
export function fromRecord(record: ReceivedRecord, topic: string, partition: number): BusMessage {
  const headers = readHeaders(record.headers);
  const partitionKey = record.key?.toString();
  return {
    key: headers[keyHeader] ?? '',
    id:
      headers[idHeader] ?? headers[cloudEventIdHeader] ?? `${topic}/${partition}/${record.offset}`,
    contentType: headers[contentTypeHeader] ?? '',
    headers: userHeaders(headers),
    body: record.value ?? new Uint8Array(0),
    ...(partitionKey === undefined ? {} : { partitionKey }),
  };
}

/** Pure. A dead letter as a record, under an id of its own: what settles it is a record without a value. */
export function toDeadLetterRecord(
  letterId: string,
  message: BusMessage,
  { reason, attempts, error }: HandlingFailure,
  from: {
    readonly time: string;
    readonly topic: string;
    readonly member: string;
    readonly body: BodyPlace;
  },
): KafkaRecord {
  const { partitionKey } = message;
  return {
    key: letterId,
    value: toBuffer(message.body),
    headers: Object.assign(messageHeaders(message), {
      ...(partitionKey === undefined ? {} : { [partitionKeyHeader]: partitionKey }),
      [reasonHeader]: reason,
      [errorHeader]: JSON.stringify(deadLetterCause(error)),
      [attemptsHeader]: String(attempts),
      [timeHeader]: from.time,
      [exchangeHeader]: from.topic,
      [memberHeader]: from.member,
      ...(from.body === 'within' ? {} : { [bodyHeader]: from.body }),
    }),
  };
}

/** Pure. The body of a letter that has no room for it, as a record that is settled together with it. */
export function toBodyRecord(letterId: string, body: Uint8Array): KafkaRecord {
  return { key: bodyKey(letterId), value: toBuffer(body), headers: { [bodyHeader]: 'here' } };
}

/** Pure. The key of the record that has the body of a letter. */
export function bodyKey(letterId: string): string {
  return `${letterId}/body`;
}

/** Pure. Where the body of a dead letter is; `here` for a record that is the body of another. */
export function bodyPlace(record: ReceivedRecord): BodyPlace | 'here' {
  const place = readHeaders(record.headers)[bodyHeader];
  return place === 'apart' || place === 'cut' || place === 'here' ? place : 'within';
}

/** Pure. The inverse of `toDeadLetterRecord`. */
export function fromDeadLetterRecord(
  record: ReceivedRecord,
  topic: string,
  partition: number,
  pool: string,
): DeadLetter {
  const headers = readHeaders(record.headers);
  const { partitionKey: _letterId, ...message } = fromRecord(record, topic, partition);
  const partitionKey = headers[partitionKeyHeader];
  const error = readCause(headers[errorHeader]);
  const { [exchangeHeader]: exchange, [memberHeader]: member } = headers;
  return {
    message: partitionKey === undefined ? message : { ...message, partitionKey },
    pool,
    reason: headers[reasonHeader] ?? 'unknown',
    attempts: Number(headers[attemptsHeader]) || 0,
    time: headers[timeHeader] ?? '',
    ...(error === undefined ? {} : { error }),
    origin: {
      ...(exchange === undefined ? {} : { exchange }),
      ...(member === undefined ? {} : { member }),
    },
  };
}

/** Pure. About how many bytes a record takes on the wire. */
export function recordSize({ key, value, headers }: KafkaRecord): number {
  let size = 64 + (key === null ? 0 : Buffer.byteLength(key)) + (value?.length ?? 0);
  for (const [name, text] of Object.entries(headers)) {
    size += 4 + Buffer.byteLength(name) + Buffer.byteLength(text);
  }
  return size;
}

function messageHeaders({ key, id, contentType, headers }: BusMessage): Headers {
  const types = noHeaders();
  const own = noHeaders();
  for (const [name, value] of Object.entries(headers)) {
    own[name] = String(value);
    if (typeof value !== 'string') types[name] = typeof value;
  }
  own[contentTypeHeader] = contentType;
  own[keyHeader] = key;
  own[idHeader] = id;
  // Kafka's headers are bytes: what was a number or a boolean says so.
  if (Object.keys(types).length > 0) own[typesHeader] = JSON.stringify(types);
  return own;
}

function userHeaders(headers: Headers): BusMessage['headers'] {
  const types = readObject(headers[typesHeader]);
  const own: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(prefix) || name === contentTypeHeader) continue;
    const type = Object.hasOwn(types, name) ? types[name] : 'string';
    const typed = type === 'number' ? Number(value) : type === 'boolean' ? value === 'true' : value;
    Object.defineProperty(own, name, { value: typed, enumerable: true, writable: true });
  }
  return own;
}

function readCause(text: string | undefined): DeadLetterCause | undefined {
  const { name, message, code } = readObject(text);
  if (typeof name !== 'string' || typeof message !== 'string') return undefined;
  return { name, message, ...(typeof code === 'string' ? { code } : {}) };
}

/** Others may write what they like under our names. */
function readObject(text: string | undefined): Readonly<Record<string, unknown>> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function readHeaders(headers: ReceivedRecord['headers'] = {}): Headers {
  const read = noHeaders();
  for (const [name, value] of Object.entries(headers)) {
    // Kafka lets a header come several times; the last one counts, as with CloudEvents.
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined && last !== null) read[name] = last.toString();
  }
  return read;
}

function toBuffer(body: Uint8Array): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
