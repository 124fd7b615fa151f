import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfirmingChannel } from '../../../src/delivery/amqp/confirming-channel.js';
import type { OutgoingMessage } from '../../../src/delivery/amqp/wire.js';

const outgoing = (id: string, size = 10): OutgoingMessage => ({
  exchange: 'events',
  routingKey: 'a',
  message: { key: 'a', id, contentType: '', headers: {}, body: Buffer.alloc(size) },
});

interface Fake {
  readonly frameQueue?: boolean;
  readonly room?: boolean;
  /** Shown in place of what amqplib shows. */
  readonly shown?: object;
}

/** What amqplib shows of a channel, and what was written to it. */
function fakeChannel({ frameQueue = true, room = true, shown = {} }: Fake = {}) {
  const pieces: { readonly bytes: number; readonly alone: boolean }[] = [];
  const emitter = new EventEmitter();
  const write = (bytes: Buffer): boolean => {
    pieces.push({ bytes: bytes.length, alone: false });
    return room;
  };
  const connection = frameQueue
    ? { frameMax: 131_072, channels: [null, { buffer: { write } }] }
    : {};
  const channel = Object.assign(emitter, {
    ch: 1,
    connection,
    publish: (_exchange: string, _key: string, body: Buffer) => {
      pieces.push({ bytes: body.length, alone: true });
      return room;
    },
    close: () => Promise.reject(new Error('closed already')),
    ...shown,
  });
  return { pieces, channel };
}

function opened(options?: Parameters<typeof fakeChannel>[0]) {
  const { pieces, channel } = fakeChannel(options);
  const told: string[] = [];
  const confirming = new ConfirmingChannel<string>(channel as never, {
    confirmed: (item, taken) => told.push(`${item} ${taken ? 'taken' : 'not taken'}`),
    answered: () => {},
    returned: (id) => told.push(`${id} returned`),
    drained: () => told.push('drained'),
    closed: (failure) => told.push(`closed: ${failure?.message ?? 'no reason'}`),
  });
  return { pieces, channel, told, confirming };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a confirming channel', () => {
  it('writes what is published in a turn as one piece', async () => {
    const { pieces, confirming } = opened();
    for (const id of ['a', 'b', 'c']) expect(confirming.publish(outgoing(id), id)).toBe(true);
    expect(pieces).toHaveLength(0);
    await turn();
    expect(pieces).toHaveLength(1);
    confirming.publish(outgoing('d'), 'd');
    await turn();
    expect(pieces).toHaveLength(2);
  });

  it('writes what amqplib must encode behind what came before it', () => {
    const { pieces, confirming } = opened();
    confirming.publish(outgoing('a'), 'a');
    confirming.publish(outgoing('large', 100_000), 'large');
    expect(pieces.map(({ alone }) => alone)).toEqual([false, true]);
  });

  it('writes a piece as soon as it is full, and tells when there is no room for more', () => {
    const { pieces, confirming } = opened({ room: false });
    let published = 0;
    while (confirming.publish(outgoing('a', 1_000), 'a')) published += 1;
    expect(pieces).toHaveLength(1);
    expect(published).toBeGreaterThan(40);
    expect(published).toBeLessThan(65);
  });

  it('leaves everything to an amqplib whose frames it does not find', () => {
    const { pieces, channel, told, confirming } = opened({ frameQueue: false });
    confirming.publish(outgoing('a'), 'a');
    expect(pieces).toEqual([{ bytes: 10, alone: true }]);
    channel.emit('ack', { deliveryTag: 1, multiple: false });
    expect(told).toEqual(['a taken']);
  });

  it('leaves everything to an amqplib whose frames are not what they were, whatever they are', () => {
    const write = (): never => {
      throw new Error('written to what is no queue of frames');
    };
    const odd = fc.oneof(fc.anything(), fc.constant({}), fc.constant({ write: 'no' }));
    const internals = fc.oneof(
      fc.record({ ch: fc.constant(1), connection: odd }),
      fc.record({
        ch: fc.constant(1),
        connection: fc.record({ frameMax: fc.constant(131_072), channels: fc.tuple(odd, odd) }),
      }),
      fc.record({
        ch: fc.constant(1),
        connection: fc.record({
          frameMax: fc.constant(131_072),
          channels: fc.tuple(fc.constant(null), fc.record({ buffer: odd })),
        }),
      }),
      fc.record({
        ch: fc.oneof(fc.constant('1'), fc.constant(-1), fc.constant(undefined)),
        connection: fc.constant({ frameMax: 131_072, channels: [null, { buffer: { write } }] }),
      }),
      fc.record({
        ch: fc.constant(1),
        connection: fc.record({
          frameMax: fc.oneof(fc.constant('131072'), fc.constant(NaN), fc.constant(0)),
          channels: fc.constant([null, { buffer: { write } }]),
        }),
      }),
    );
    fc.assert(
      fc.property(internals, (shown) => {
        const { pieces, confirming } = opened({ shown });
        confirming.publish(outgoing('a'), 'a');
        expect(pieces).toEqual([{ bytes: 10, alone: true }]);
      }),
    );
  });

  it('tells of every message once, whatever answers the broker puts together', () => {
    const answers = fc.integer({ min: 1, max: 60 }).chain((count) =>
      fc.tuple(
        fc.constant(count),
        fc.shuffledSubarray(
          Array.from({ length: count }, (_, index) => index + 1),
          { minLength: count },
        ),
        fc.array(fc.boolean(), { minLength: count, maxLength: count }),
        fc.array(fc.boolean(), { minLength: count, maxLength: count }),
      ),
    );
    fc.assert(
      fc.property(answers, ([count, order, multiples, taken]) => {
        const { channel, told, confirming } = opened();
        const owed = new Set<number>();
        const expected: string[] = [];
        for (let tag = 1; tag <= count; tag += 1) {
          confirming.publish(outgoing(String(tag)), String(tag));
          owed.add(tag);
        }
        order.forEach((tag, index) => {
          if (!owed.has(tag)) return;
          const multiple = multiples[index] === true;
          const what = taken[index] === true ? 'ack' : 'nack';
          const answered = [...owed].filter((each) => (multiple ? each <= tag : each === tag));
          for (const each of answered) {
            owed.delete(each);
            expected.push(`${each} ${what === 'ack' ? 'taken' : 'not taken'}`);
          }
          channel.emit(what, { deliveryTag: tag, multiple });
        });
        expect(told).toEqual(expected);
        expect(told).toHaveLength(count);
      }),
    );
  });

  it('keeps count over many more messages than are owed at once', () => {
    const { channel, told, confirming } = opened();
    for (let tag = 1; tag <= 5_000; tag += 1) {
      confirming.publish(outgoing(String(tag)), String(tag));
      if (tag > 10) channel.emit('ack', { deliveryTag: tag - 10, multiple: false });
    }
    channel.emit('ack', { deliveryTag: 5_000, multiple: true });
    expect(told).toEqual(Array.from({ length: 5_000 }, (_, index) => `${index + 1} taken`));
  });

  it('tells why it closed, once', () => {
    const { channel, told, confirming } = opened();
    confirming.publish(outgoing('a'), 'a');
    channel.emit('error', new Error('not found'));
    channel.emit('close');
    channel.emit('close');
    expect(told).toEqual(['closed: not found']);
  });

  it('neither writes nor tells anything once it was closed', async () => {
    const { pieces, channel, told, confirming } = opened();
    confirming.publish(outgoing('a'), 'a');
    await confirming.close();
    channel.emit('ack', { deliveryTag: 1, multiple: false });
    channel.emit('return', { properties: { messageId: 'a' } });
    channel.emit('drain');
    channel.emit('close');
    await turn();
    expect(pieces).toEqual([]);
    expect(told).toEqual([]);
  });
});
