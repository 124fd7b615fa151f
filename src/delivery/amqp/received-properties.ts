import type { MessageProperties } from 'amqplib';
import { decodeEntry, setOwn, tableEntries } from './field-table.js';
import { splitProperties, type PropertyName, type RawProperties } from './property-list.js';

const rawList = Symbol('the property list as it came');
const unreadable = Symbol('why some of the headers could not be decoded');

/** The properties of a message that was received, with what they were decoded from. */
export interface ReceivedProperties extends MessageProperties {
  readonly [rawList]?: Buffer;
  readonly [unreadable]?: string | undefined;
}

/**
 * Decodes a property list as amqplib does, and never throws: each header that cannot be decoded is left out,
 * with those behind it where nobody can tell where it ends. What was received stays with the result.
 */
export function decodeProperties(list: Buffer): ReceivedProperties {
  let raw: RawProperties;
  let fault: string | undefined;
  try {
    raw = splitProperties(list);
  } catch (error) {
    raw = new Map();
    fault = (error as Error).message;
  }
  const text = (name: PropertyName): string | undefined => raw.get(name)?.toString('utf8');
  const table = raw.get('headers');
  let headers: Record<string, unknown> | undefined;
  if (table !== undefined) {
    headers = {};
    fault = decodeHeaders(table, headers);
  }
  return {
    contentType: text('contentType'),
    contentEncoding: text('contentEncoding'),
    headers,
    deliveryMode: raw.get('deliveryMode')?.[0],
    priority: raw.get('priority')?.[0],
    correlationId: text('correlationId'),
    replyTo: text('replyTo'),
    expiration: text('expiration'),
    messageId: text('messageId'),
    timestamp: timeOf(raw.get('timestamp')),
    type: text('type'),
    userId: text('userId'),
    appId: text('appId'),
    clusterId: text('clusterId'),
    [rawList]: list,
    [unreadable]: fault,
  };
}

/** The property list that a message came with. Throws where amqplib decoded it, and kept nothing. */
export function receivedList(properties: MessageProperties): Buffer {
  const list = (properties as ReceivedProperties)[rawList];
  if (list === undefined) throw new Error('the bytes of its properties are not known');
  return list;
}

/** Why some of the headers of a message could not be decoded; completes "its headers …". */
export function unreadableHeaders(properties: MessageProperties): string | undefined {
  return (properties as ReceivedProperties)[unreadable];
}

/** Returns why decoding is incomplete. */
function decodeHeaders(table: Buffer, into: Record<string, unknown>): string | undefined {
  let fault: string | undefined;
  try {
    for (const entry of tableEntries(table)) {
      try {
        setOwn(into, entry.name, decodeEntry(entry));
      } catch (error) {
        fault ??= (error as Error).message;
      }
    }
  } catch (error) {
    fault ??= (error as Error).message;
  }
  return fault;
}

function timeOf(bytes: Buffer | undefined): number | undefined {
  return bytes === undefined ? undefined : Number(bytes.readBigUInt64BE());
}
