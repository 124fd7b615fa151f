import type { ChannelModel } from 'amqplib';
import { decodeProperties } from './received-properties.js';

const headerFrame = 2;
const frameEnd = 0xce;
/** Type, channel and size before the payload of a frame, and one byte behind it. */
const before = 7;
/** Class, weight and body size before the property list. */
const beforeProperties = 12;
const basicClass = 60;

/** The part of amqplib's connection that reads frames; it is not in its types. */
interface FrameReader {
  rest: Buffer;
  readonly maxFrameSize: number;
  recvFrame: (this: FrameReader) => unknown;
}

/**
 * Makes a connection decode the properties of what it receives by `decodeProperties`. amqplib's decoder
 * recurses as deep as a message nests its headers, and throws for what it does not know: each ends the
 * connection, with every subscription on it. Where amqplib reads frames in another way, nothing changes.
 */
export function decodeHeaderFrames(model: ChannelModel): void {
  const reader = (model as unknown as { readonly connection: FrameReader }).connection;
  const { recvFrame } = reader;
  if (typeof recvFrame !== 'function' || !Buffer.isBuffer(reader.rest)) return;
  reader.recvFrame = function () {
    const { rest, maxFrameSize } = this;
    const size = rest.length >= before ? rest.readUInt32BE(3) : 0;
    const end = before + size;
    const isWhole = rest.length > end && rest[end] === frameEnd;
    const isTooLarge = maxFrameSize > 0 && size > maxFrameSize;
    if (rest[0] !== headerFrame || !isWhole || isTooLarge || size < beforeProperties) {
      return recvFrame.call(this);
    }
    this.rest = rest.subarray(end + 1);
    return {
      id: basicClass,
      channel: rest.readUInt16BE(1),
      size: Number(rest.readBigUInt64BE(before + 4)),
      fields: decodeProperties(rest.subarray(before + beforeProperties, end)),
    };
  };
}
