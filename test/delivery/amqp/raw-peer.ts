import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { decodeHeaderFrames } from '../../../src/delivery/amqp/header-frames.js';
import { rawFrames } from '../../../src/delivery/amqp/message-frames.js';

/** A message of which every byte is given. */
export interface RawMessage {
  readonly exchange: string;
  readonly routingKey: Buffer;
  /** The property list. */
  readonly properties: Buffer;
  readonly body: Buffer;
}

/** A program that writes frames by hand, as any other client may. */
export interface RawPeer extends AsyncDisposable {
  readonly model: ChannelModel;
  readonly channel: ConfirmChannel;
  /** Resolves when the broker has it. Rejects when the broker ends the channel over it. */
  publish(message: RawMessage): Promise<void>;
}

/** The parts of amqplib that its types do not tell of. */
interface Innards {
  readonly ch: number;
  readonly connection: {
    readonly channels: readonly ({ readonly buffer: NodeJS.WritableStream } | null)[];
  };
  pushConfirmCallback(callback: (error: Error | null) => void): void;
}

export async function openRawPeer(url: string): Promise<RawPeer> {
  const model = await connect(url);
  decodeHeaderFrames(model);
  model.on('error', () => {});
  const channel = await model.createConfirmChannel();
  channel.on('error', () => {});
  const innards = channel as unknown as Innards;
  return {
    model,
    channel,
    publish: ({ exchange, routingKey, properties, body }) => {
      // Its text has as many bytes; they are put in its place.
      const standIn = 'k'.repeat(routingKey.length);
      const message = { key: '', id: '', contentType: '', headers: {}, body };
      const outgoing = { exchange, routingKey: standIn, message };
      const frames = rawFrames(outgoing, properties, innards.ch, Number.MAX_SAFE_INTEGER);
      routingKey.copy(frames, 7 + 6 + 1 + Buffer.byteLength(exchange) + 1);
      return new Promise((resolve, reject) => {
        innards.pushConfirmCallback((error) => (error === null ? resolve() : reject(error)));
        innards.connection.channels[innards.ch]?.buffer.write(frames);
      });
    },
    async [Symbol.asyncDispose]() {
      await model.close().catch(() => undefined);
    },
  };
}

/** A value of a field table as bytes, with its type tag. */
export function field(tag: string, ...value: readonly (number | Buffer)[]): Buffer {
  return Buffer.concat([
    Buffer.from(tag),
    ...value.map((each) => (typeof each === 'number' ? Buffer.from([each]) : each)),
  ]);
}

/** Bytes behind their length. */
export function sized(bytes: Buffer, lengthBytes: 1 | 4): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(bytes.length, 0, lengthBytes);
  return Buffer.concat([length, bytes]);
}

/** A field table's entries. */
export function entries(...pairs: readonly (readonly [Buffer | string, Buffer])[]): Buffer {
  return Buffer.concat(
    pairs.flatMap(([name, value]) => [sized(Buffer.from(name as string), 1), value]),
  );
}

/** A void in a table (of an empty name) or an array, in another, and so on. */
export function nested(levels: number, kind: 'F' | 'A'): Buffer {
  const step = kind === 'F' ? 6 : 5;
  const bytes = Buffer.alloc(levels * step + 1);
  for (let at = 0; at < bytes.length - 1; at += step) {
    bytes.write(kind, at);
    bytes.writeUInt32BE(bytes.length - at - 5, at + 1);
  }
  bytes.write('V', bytes.length - 1);
  return bytes;
}
