import { PassThrough } from 'node:stream';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  frameBytes,
  mostFrameBytes,
  writeFrames,
} from '../../../src/delivery/amqp/message-frames.js';
import {
  messageHeaders,
  publishOptions,
  toBuffer,
  type OutgoingMessage,
} from '../../../src/delivery/amqp/wire.js';

const channel = 7;
const frameMax = 131_072;

/** What amqplib writes for a message. */
function byAmqplib(outgoing: OutgoingMessage): Buffer {
  const require = createRequire(import.meta.url);
  const library = join(dirname(require.resolve('amqplib')), 'lib');
  const { Connection } = require(join(library, 'connection.js')) as {
    Connection: new (stream: PassThrough) => {
      frameMax: number;
      channels: unknown[];
      sendMessage: (...parts: unknown[]) => boolean;
    };
  };
  const { publish } = require(join(library, 'api_args.js')) as {
    publish: (exchange: string, key: string, options: unknown) => unknown;
  };
  const { BasicPublish, BasicProperties } = require(join(library, 'defs.js')) as {
    BasicPublish: number;
    BasicProperties: number;
  };
  const connection = new Connection(new PassThrough());
  connection.frameMax = frameMax;
  const written: Buffer[] = [];
  connection.channels[channel] = { buffer: { write: (bytes: Buffer) => written.push(bytes) > 0 } };
  const { exchange, routingKey, message } = outgoing;
  const fields = publish(exchange, routingKey, publishOptions(outgoing));
  const body = toBuffer(message.body);
  connection.sendMessage(channel, BasicPublish, fields, BasicProperties, fields, body);
  return Buffer.concat(written);
}

function written(outgoing: OutgoingMessage): Buffer | undefined {
  const headers = messageHeaders(outgoing);
  const most = frameBytes(outgoing, headers, frameMax);
  if (most === undefined) return undefined;
  // Behind another, as they stand in a piece.
  const at = 5;
  const into = Buffer.alloc(at + most, 0xff);
  const end = writeFrames(into, at, channel, outgoing, headers);
  return end === undefined ? undefined : into.subarray(at, end);
}

const text = (maxLength: number) => fc.string({ unit: 'binary', maxLength });

const outgoings = fc.record({
  exchange: text(40),
  routingKey: text(80),
  message: fc.record(
    {
      key: fc.constant('key'),
      id: text(50),
      contentType: fc.oneof(fc.constant(''), text(50)),
      headers: fc.dictionary(
        text(20),
        fc.oneof(text(30), fc.boolean(), fc.integer(), fc.integer({ min: -200, max: 200 })),
      ),
      body: fc.uint8Array({ maxLength: 600 }),
      partitionKey: text(40),
    },
    { requiredKeys: ['key', 'id', 'contentType', 'headers', 'body'] },
  ),
});

describe('the frames of a message', () => {
  it('are those that amqplib writes, byte for byte', () => {
    fc.assert(
      fc.property(outgoings, (outgoing) => {
        const frames = written(outgoing);
        // What has a text of more than 255 bytes is left to amqplib, which refuses it.
        if (frames === undefined) expect(() => byAmqplib(outgoing)).toThrow(/255|out of range/);
        else expect(frames.equals(byAmqplib(outgoing))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  const plain: OutgoingMessage = {
    exchange: 'events',
    routingKey: 'a.b',
    message: { key: 'a.b', id: 'one', contentType: '', headers: {}, body: Buffer.from('body') },
  };
  const withHeader = (value: unknown): OutgoingMessage => ({ ...plain, headers: { name: value } });

  it.each([
    ['a number beyond 32 bits', withHeader(2 ** 40)],
    ['a fraction', withHeader(1.5)],
    ['a nested table', withHeader({ a: 1 })],
    ['nothing', withHeader(null)],
    ['properties of others', { ...plain, properties: Buffer.from([0, 0]) }],
    [
      'a large body',
      { ...plain, message: { ...plain.message, body: Buffer.alloc(mostFrameBytes) } },
    ],
  ])('are left to amqplib when it has %s', (_, outgoing) => {
    expect(written(outgoing)).toBeUndefined();
  });

  it('are left to amqplib when the body takes more than one frame', () => {
    const message = { ...plain.message, body: Buffer.alloc(4_089) };
    expect(frameBytes({ ...plain, message }, {}, 4_096)).toBeUndefined();
    const fitting = { ...plain.message, body: Buffer.alloc(4_088) };
    expect(frameBytes({ ...plain, message: fitting }, {}, 4_096)).toBeDefined();
  });
});
