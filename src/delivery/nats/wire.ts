import { headers, type MsgHdrs } from '@nats-io/transport-node';
import type { BusMessage } from '../bus/bus.js';
import type { HeaderBlock } from './header-block.js';
import { percentDecode, percentEncode } from './percent.js';

const idHeader = 'Signalbox-Id';
const partitionKeyHeader = 'Signalbox-Partition-Key';
const contentTypeHeader = 'Content-Type';
/** Header that lists which headers are numbers or booleans: NATS headers are texts only. */
const typesHeader = 'Signalbox-Types';

/** Names that NATS or this adapter give a meaning of their own. */
const reserved = /^(nats-|signalbox-|content-type$)/i;

/** Pure. A message as NATS headers; the body goes beside them. */
export function natsHeaders(message: BusMessage): MsgHdrs {
  const all = headers();
  // Without a prototype, so that a header may be called __proto__.
  const types = Object.create(null) as Record<string, string>;
  // What is empty is left out: a message that came without headers goes back without any.
  if (message.id !== '') all.set(idHeader, encodeValue(message.id));
  if (message.contentType !== '') all.set(contentTypeHeader, encodeValue(message.contentType));
  if (message.partitionKey !== undefined) {
    all.set(partitionKeyHeader, encodeValue(message.partitionKey));
  }
  for (const [name, value] of Object.entries(message.headers)) {
    const encoded = encodeName(name);
    all.set(encoded, encodeValue(String(value)));
    if (typeof value !== 'string') types[encoded] = typeof value;
  }
  if (Object.keys(types).length > 0) all.set(typesHeader, encodeValue(JSON.stringify(types)));
  return all;
}

/** A message as it came, and why it is none that a handler could be given. */
export interface ReceivedMessage {
  readonly message: BusMessage;
  readonly unreadable?: Error;
}

/** A message as it came. Where its headers cannot be read, it is one without any. Never throws. */
export function receiveNatsMessage(
  key: string,
  body: Uint8Array,
  headersOf: () => HeaderBlock | undefined,
): ReceivedMessage {
  try {
    return { message: readNatsMessage(key, headersOf(), body) };
  } catch (error) {
    return { message: readNatsMessage(key, undefined, body), unreadable: error as Error };
  }
}

/** Pure. A message as it came. One that another program published has what NATS itself knows of it. */
export function readNatsMessage(
  key: string,
  received: HeaderBlock | undefined,
  body: Uint8Array,
): BusMessage {
  const value = (name: string): string | undefined => {
    const text = received?.get(name);
    return text === undefined ? undefined : percentDecode(text);
  };
  const partitionKey = value(partitionKeyHeader);
  return {
    key,
    id: value(idHeader) ?? value('Nats-Msg-Id') ?? '',
    contentType: value(contentTypeHeader) ?? '',
    headers: ownHeaders(received, readTypes(value(typesHeader))),
    body,
    ...(partitionKey === undefined ? {} : { partitionKey }),
  };
}

function ownHeaders(
  received: HeaderBlock | undefined,
  types: Readonly<Record<string, unknown>>,
): BusMessage['headers'] {
  const own: Record<string, string | number | boolean> = {};
  for (const [name, encoded] of received ?? []) {
    if (reserved.test(name)) continue;
    const text = percentDecode(encoded);
    const type = Object.hasOwn(types, name) ? types[name] : 'string';
    const value = type === 'number' ? Number(text) : type === 'boolean' ? text === 'true' : text;
    Object.defineProperty(own, percentDecode(name), { value, enumerable: true, writable: true });
  }
  return own;
}

function readTypes(text: string | undefined): Readonly<Record<string, unknown>> {
  if (text === undefined) return {};
  try {
    const types: unknown = JSON.parse(text);
    return typeof types === 'object' && types !== null ? (types as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Percent-encoded as the CloudEvents bindings say: spaces, quotes, percent and all that is not ASCII. */
export function encodeValue(text: string): string {
  return text.replaceAll(/[^!#$&-~]+/gu, percentEncode);
}

function encodeName(name: string): string {
  const encoded = percentEncode(name);
  if (!reserved.test(encoded)) return encoded;
  return `%${encoded.charCodeAt(0).toString(16).toUpperCase()}${encoded.slice(1)}`;
}
