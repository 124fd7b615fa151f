import type { BusMessage } from '../bus/bus.js';
import { toBuffer, type Headers, type OutgoingMessage } from './wire.js';

/** Messages above this many bytes gain nothing from being written with others. */
export const mostFrameBytes = 16_384;

const frameMethod = 1;
const frameHeader = 2;
const frameBody = 3;
const frameEnd = 0xce;
const frameOverhead = 8;
/** Class 60, method 40. */
const basicPublish = 0x003c0028;
const basicClass = 60;
const mandatory = 1;
/** Property flags of a message header, one bit for each property. */
const flags = { contentType: 0x8000, headers: 0x2000, deliveryMode: 0x1000, messageId: 0x80 };
const persistent = 2;
const mostShortBytes = 255;
/** Every part of three frames that is no text and no body, and some to spare. */
const fixedBytes = 96;

/**
 * Pure. How many bytes the frames of a message take at most; undefined when it is one of those that are
 * left to amqplib: a large one, one with properties that messages of ours do not have, or with headers
 * whose encoding is a matter of more than their type.
 */
export function frameBytes(
  { exchange, routingKey, message, properties }: OutgoingMessage,
  headers: Headers,
  frameMax: number,
): number | undefined {
  if (properties !== undefined || message.body.length > frameMax - frameOverhead) return undefined;
  let texts = exchange.length + routingKey.length + message.id.length + message.contentType.length;
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === 'string') texts += value.length;
    else if (typeof value !== 'boolean' && !isSmallInteger(value)) return undefined;
    texts += name.length + 9;
  }
  const most = fixedBytes + texts * 3 + message.body.length;
  return most > mostFrameBytes ? undefined : most;
}

/**
 * Writes a message as `basic.publish`, its header and its body at `at`, as amqplib would: persistent, and
 * returned when nobody wants it. Returns where it ends, or undefined when a text that may have 255 bytes
 * at most has more: then nothing that counts was written. There must be room for `frameBytes`.
 */
export function writeFrames(
  into: Buffer,
  at: number,
  channel: number,
  { exchange, routingKey, message }: OutgoingMessage,
  headers: Headers,
): number | undefined {
  let end = into.writeUInt32BE(basicPublish, at + 7);
  end = into.writeUInt16BE(0, end);
  const afterExchange = writeShort(into, end, exchange);
  if (afterExchange === undefined) return undefined;
  const afterKey = writeShort(into, afterExchange, routingKey);
  if (afterKey === undefined) return undefined;
  end = closeFrame(into, at, into.writeUInt8(mandatory, afterKey), frameMethod, channel);
  const afterHeader = writeHeader(into, end, channel, message, headers);
  if (afterHeader === undefined || message.body.length === 0) return afterHeader;
  into.set(message.body, afterHeader + 7);
  const afterBody = afterHeader + 7 + message.body.length;
  return closeFrame(into, afterHeader, afterBody, frameBody, channel);
}

/**
 * The frames of a message with a property list that is given as bytes; its body in as many frames as it
 * takes. Throws RangeError when the list does not fit into one frame, which AMQP does not divide.
 */
export function rawFrames(
  { exchange, routingKey, message }: OutgoingMessage,
  properties: Buffer,
  channel: number,
  frameMax: number,
): Buffer {
  const most = frameMax - frameOverhead;
  const header = Buffer.alloc(12);
  header.writeUInt16BE(basicClass);
  header.writeBigUInt64BE(BigInt(message.body.length), 4);
  if (header.length + properties.length > most) {
    throw new RangeError(`its ${properties.length} bytes of properties exceed a frame of ${most}`);
  }
  const method = Buffer.alloc(6 + 2 * (1 + mostShortBytes) + 1);
  method.writeUInt32BE(basicPublish);
  const afterExchange = writeShort(method, 6, exchange);
  const end =
    afterExchange === undefined ? undefined : writeShort(method, afterExchange, routingKey);
  if (end === undefined) throw new RangeError('its exchange or routing key exceeds 255 bytes');
  method[end] = mandatory;
  const body = toBuffer(message.body);
  const frames = [
    ...frameOf(frameMethod, channel, method.subarray(0, end + 1)),
    ...frameOf(frameHeader, channel, header, properties),
  ];
  for (let at = 0; at < body.length; at += most) {
    frames.push(...frameOf(frameBody, channel, body.subarray(at, at + most)));
  }
  return Buffer.concat(frames);
}

function frameOf(type: number, channel: number, ...payload: readonly Buffer[]): readonly Buffer[] {
  const head = Buffer.alloc(7);
  head.writeUInt8(type);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(
    payload.reduce((sum, { length }) => sum + length, 0),
    3,
  );
  return [head, ...payload, Buffer.from([frameEnd])];
}

function writeHeader(
  into: Buffer,
  at: number,
  channel: number,
  message: BusMessage,
  headers: Headers,
): number | undefined {
  const typed = message.contentType !== '';
  let end = into.writeUInt32BE(basicClass << 16, at + 7);
  end = into.writeUInt32BE(0, end);
  end = into.writeUInt32BE(message.body.length, end);
  end = into.writeUInt16BE(
    flags.headers | flags.deliveryMode | flags.messageId | (typed ? flags.contentType : 0),
    end,
  );
  if (typed) {
    const afterType = writeShort(into, end, message.contentType);
    if (afterType === undefined) return undefined;
    end = afterType;
  }
  const afterTable = writeTable(into, end, headers);
  if (afterTable === undefined) return undefined;
  const afterId = writeShort(into, into.writeUInt8(persistent, afterTable), message.id);
  return afterId === undefined ? undefined : closeFrame(into, at, afterId, frameHeader, channel);
}

function writeTable(into: Buffer, at: number, headers: Headers): number | undefined {
  let end = at + 4;
  for (const name in headers) {
    const afterName = writeShort(into, end, name);
    if (afterName === undefined) return undefined;
    end = writeValue(into, afterName, headers[name]);
  }
  into.writeUInt32BE(end - at - 4, at);
  return end;
}

/** The narrowest type that holds it, as amqplib chooses. */
function writeValue(into: Buffer, at: number, value: unknown): number {
  if (typeof value === 'string') {
    const length = into.write(value, at + 5);
    into.writeUInt8(tags.text, at);
    into.writeUInt32BE(length, at + 1);
    return at + 5 + length;
  }
  if (typeof value === 'boolean') {
    return into.writeUInt8(value ? 1 : 0, into.writeUInt8(tags.boolean, at));
  }
  const number = value as number;
  if (number >= -0x80 && number < 0x80) {
    return into.writeInt8(number, into.writeUInt8(tags.byte, at));
  }
  if (number >= -0x8000 && number < 0x8000) {
    return into.writeInt16BE(number, into.writeUInt8(tags.short, at));
  }
  return into.writeInt32BE(number, into.writeUInt8(tags.integer, at));
}

/** A text of at most 255 bytes behind its length; undefined when it has more. */
function writeShort(into: Buffer, at: number, value: string): number | undefined {
  const length = into.write(value, at + 1);
  if (length > mostShortBytes) return undefined;
  into[at] = length;
  return at + 1 + length;
}

function closeFrame(into: Buffer, at: number, end: number, type: number, channel: number): number {
  into.writeUInt8(type, at);
  into.writeUInt16BE(channel, at + 1);
  into.writeUInt32BE(end - at - 7, at + 3);
  return into.writeUInt8(frameEnd, end);
}

function isSmallInteger(value: unknown): boolean {
  return Number.isInteger(value) && value === ((value as number) | 0);
}

const tags = {
  text: 'S'.charCodeAt(0),
  boolean: 't'.charCodeAt(0),
  byte: 'b'.charCodeAt(0),
  short: 's'.charCodeAt(0),
  integer: 'I'.charCodeAt(0),
};
