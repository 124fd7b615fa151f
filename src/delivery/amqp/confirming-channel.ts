import type { Writable } from 'node:stream';
import type { ConfirmChannel } from 'amqplib';
import { closeChannel } from './close-channel.js';
import { frameBytes, rawFrames, writeFrames } from './message-frames.js';
import { messageHeaders, publishOptions, toBuffer, type OutgoingMessage } from './wire.js';

const pieceBytes = 65_536;

/** Receives the outcome of each message of a channel. */
export interface ConfirmListener<T> {
  /** The broker has a message, or (`taken` false) could not take it now. In the order of the answers. */
  confirmed(item: T, taken: boolean): void;
  /** The broker has answered all that it does at once. */
  answered(): void;
  /** Nobody wants the message with this id; told before its confirm. */
  returned(id: string): void;
  /** There is room again. */
  drained(): void;
  /** The channel is gone, and with it every answer it owed. */
  closed(failure: Error | undefined): void;
}

/**
 * Messages on their way to the broker over one channel, and its confirms. What is published in a turn of
 * the event loop is written as one piece: a frame, a write and a system call for each message, as amqplib
 * does it, takes longer than all else that a publish takes.
 */
export class ConfirmingChannel<T> {
  readonly #channel: ConfirmChannel;
  readonly #listener: ConfirmListener<T>;
  readonly #frames: FrameQueue | undefined;
  /** Messages without an answer, by the order in which they were written. */
  #owed: (T | undefined)[] = [];
  /** The first of `#owed` that may have none. */
  #first = 0;
  /** The delivery tag of `#owed[0]`. */
  #base = 1;
  #piece: Buffer | undefined;
  /** Bytes written of the current buffer, and bytes collected after it. */
  #begin = 0;
  #end = 0;
  #scheduled = false;
  #over = false;

  constructor(channel: ConfirmChannel, listener: ConfirmListener<T>) {
    this.#channel = channel;
    this.#listener = listener;
    this.#frames = frameQueueOf(channel);
    let failure: Error | undefined;
    channel.on('error', (error) => {
      failure = error;
    });
    channel.on('ack', ({ deliveryTag, multiple }) => this.#answer(deliveryTag, multiple, true));
    channel.on('nack', ({ deliveryTag, multiple }) => this.#answer(deliveryTag, multiple, false));
    channel.on('return', ({ properties }) => {
      const id: unknown = properties.messageId;
      if (!this.#over && typeof id === 'string') listener.returned(id);
    });
    channel.on('drain', () => {
      if (!this.#over) listener.drained();
    });
    channel.on('close', () => {
      if (this.#over) return;
      this.#over = true;
      listener.closed(failure);
    });
  }

  /**
   * Writes a message at the end of this turn, or now. False when no more should be until there is room
   * again. Throws when it cannot be encoded; then nothing was written.
   */
  publish(outgoing: OutgoingMessage, item: T): boolean {
    const room = this.#writeWithOthers(outgoing) ?? this.#writeAlone(outgoing);
    this.#owed.push(item);
    return room;
  }

  /**
   * Tells nothing more, and closes the channel. What has not been written will not be. Never rejects;
   * does not settle while the broker is mute.
   */
  close(): Promise<void> {
    this.#over = true;
    return closeChannel(this.#channel);
  }

  /** Undefined when the message is amqplib's to encode, or to refuse. */
  #writeWithOthers(outgoing: OutgoingMessage): boolean | undefined {
    if (this.#frames === undefined) return undefined;
    const headers = messageHeaders(outgoing);
    const most = frameBytes(outgoing, headers, this.#frames.frameMax);
    if (most === undefined) return undefined;
    let room = true;
    if (this.#piece === undefined || this.#end + most > pieceBytes) {
      room = this.#write();
      this.#piece = Buffer.allocUnsafeSlow(pieceBytes);
      this.#begin = 0;
      this.#end = 0;
    }
    const end = writeFrames(this.#piece, this.#end, this.#frames.channel, outgoing, headers);
    if (end === undefined) return undefined;
    this.#end = end;
    if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#write();
      });
    }
    return room;
  }

  #writeAlone(outgoing: OutgoingMessage): boolean {
    const { exchange, routingKey, message, properties } = outgoing;
    if (properties !== undefined) return this.#writeRaw(outgoing, properties);
    // The broker must get them in order.
    this.#write();
    const body = toBuffer(message.body);
    return this.#channel.publish(exchange, routingKey, body, publishOptions(outgoing));
  }

  /** Writes a message with the properties of another. Throws when they exceed a frame. */
  #writeRaw(outgoing: OutgoingMessage, properties: Buffer): boolean {
    if (this.#frames === undefined) throw new Error('amqplib does not show where it queues frames');
    const { channel, frameMax, queue } = this.#frames;
    const frames = rawFrames(outgoing, properties, channel, frameMax);
    this.#write();
    return this.#over || queue.write(frames);
  }

  /** Hands over what was collected. False when amqplib has enough. */
  #write(): boolean {
    if (this.#piece === undefined || this.#begin === this.#end || this.#over) return true;
    const written = this.#piece.subarray(this.#begin, this.#end);
    this.#begin = this.#end;
    return this.#frames?.queue.write(written) ?? true;
  }

  #answer(tag: number, upTo: boolean, taken: boolean): void {
    if (this.#over) return;
    const last = tag - this.#base;
    for (let index = upTo ? this.#first : last; index <= last; index += 1) {
      const item = this.#owed[index];
      if (item === undefined) continue;
      this.#owed[index] = undefined;
      this.#listener.confirmed(item, taken);
    }
    while (this.#first < this.#owed.length && this.#owed[this.#first] === undefined) {
      this.#first += 1;
    }
    if (this.#first === this.#owed.length || this.#first >= 1024) {
      this.#owed = this.#owed.slice(this.#first);
      this.#base += this.#first;
      this.#first = 0;
    }
    this.#listener.answered();
  }
}

/** Where amqplib queues the frames of a channel. */
interface FrameQueue {
  readonly queue: Writable;
  readonly channel: number;
  readonly frameMax: number;
}

/**
 * It is not in amqplib's types: undefined when anything of it is not as it was, and amqplib encodes
 * everything.
 */
function frameQueueOf(channel: ConfirmChannel): FrameQueue | undefined {
  const { ch, connection } = channel as unknown as {
    readonly ch?: number;
    readonly connection?: {
      readonly frameMax?: number;
      readonly channels?: readonly ({ readonly buffer?: Writable } | null)[];
    };
  };
  const queue = isCount(ch) ? connection?.channels?.[ch]?.buffer : undefined;
  const frameMax = connection?.frameMax;
  if (!isCount(ch) || !isCount(frameMax) || typeof queue?.write !== 'function') return undefined;
  return { queue, channel: ch, frameMax };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
