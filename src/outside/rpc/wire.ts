import { v7 as uuidv7 } from 'uuid';
import type { BusMessage, Delivery } from '../../delivery/bus/bus.js';
import { decodePlainJson } from '../../core/json/decode-json.js';
import type { JsonObject, JsonValue } from '../../core/json/json.js';
import { assertPayloadSize, assertPlainJson } from '../../core/json/plain-json.js';

/** The media type of every message between caller and server; the version is part of it. */
const contentType = 'application/vnd.signalbox.rpc.v1+json';

/** Asks a service to execute a method. Goes to the pool of the service; its id is the message's. */
export interface RequestMessage {
  readonly kind: 'request';
  readonly method: string;
  /** Absent when the method takes none. */
  readonly args?: JsonValue;
  /** The address of the caller. */
  readonly replyTo: string;
  /** Milliseconds since 1970: from then on it is not executed. */
  readonly deadline: number;
  /** Milliseconds that the caller waits: bounds the execution whatever the clocks say. */
  readonly timeout: number;
}

/** A server asks the caller whether it may execute a request. */
export interface ClaimMessage {
  readonly kind: 'claim';
  readonly request: string;
  /** Differs for each time that a server takes the request up; the same when it asks again. */
  readonly claim: string;
  /** The address of the server. */
  readonly replyTo: string;
  /** The broker has delivered the request before. */
  readonly redelivered: boolean;
}

/** The caller's answer to a claim. */
export interface GrantMessage {
  readonly kind: 'grant';
  readonly claim: string;
  readonly granted: boolean;
}

/** Outcome of a request. Neither result nor error: the method returned nothing. */
export interface ReplyMessage {
  readonly kind: 'reply';
  readonly request: string;
  readonly result?: JsonValue;
  readonly error?: JsonValue;
}

/** The caller no longer waits. Goes to every server of the service. */
export interface CancelMessage {
  readonly kind: 'cancel';
  readonly request: string;
}

/** Does nothing: whether it was routed tells whether a server is there. */
export interface ProbeMessage {
  readonly kind: 'probe';
}

/** A message between caller and server. */
export type RpcMessage =
  RequestMessage | ClaimMessage | GrantMessage | ReplyMessage | CancelMessage | ProbeMessage;

/** How a message is sent. */
export interface Envelope {
  /** The routing key. */
  readonly key: string;
  /** Default: a new one. */
  readonly id?: string;
  readonly headers?: BusMessage['headers'];
  /** Bytes that the body may take. */
  readonly limit: number;
}

/** The message for the bus. Throws RefusedError PAYLOAD_NOT_JSON or PAYLOAD_TOO_LARGE. */
export function encodeMessage(message: RpcMessage, envelope: Envelope): BusMessage {
  const path = message.kind === 'reply' ? 'result' : 'args';
  if (path in message) assertPlainJson(message[path as keyof RpcMessage], path);
  const text = JSON.stringify(message);
  assertPayloadSize(text, path, envelope.limit);
  return {
    key: envelope.key,
    id: envelope.id ?? uuidv7(),
    contentType,
    headers: envelope.headers ?? {},
    body: Buffer.from(text),
  };
}

const fields = {
  request: { method: 'string', replyTo: 'string', deadline: 'number', timeout: 'number' },
  claim: { request: 'string', claim: 'string', replyTo: 'string', redelivered: 'boolean' },
  grant: { claim: 'string', granted: 'boolean' },
  reply: { request: 'string' },
  cancel: { request: 'string' },
  probe: {},
} as const satisfies Record<RpcMessage['kind'], Readonly<Record<string, string>>>;

/** Characters of an id or an address: what a peer can make us keep is bounded by this. */
export const longestId = 255;

/**
 * Pure. The message that a delivery holds. Throws Error, saying what is wrong with it, for anything
 * else; unknown properties are allowed, so that a newer peer is understood.
 *
 * @param kinds what may arrive here
 */
export function decodeMessage<const Kind extends RpcMessage['kind']>(
  delivery: Pick<Delivery, 'contentType' | 'body'>,
  kinds: readonly Kind[],
): Extract<RpcMessage, { kind: Kind }> {
  if (delivery.contentType !== contentType) {
    throw new Error(`the content type is ${delivery.contentType || 'absent'}, not ${contentType}`);
  }
  const value = decodePlainJson(delivery.body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('the body is no object');
  }
  const message = value as JsonObject;
  const kind = kinds.find((each) => each === message['kind']);
  if (kind === undefined) throw new Error(`the message is none of ${kinds.join(', ')}`);
  for (const [field, type] of Object.entries(fields[kind])) {
    const given = message[field];
    if (typeof given !== type) throw new Error(`${field} is no ${type}`);
    if (field !== 'method' && typeof given === 'string' && given.length > longestId) {
      throw new Error(`${field} has more than ${longestId} characters`);
    }
  }
  return value as unknown as Extract<RpcMessage, { kind: Kind }>;
}
