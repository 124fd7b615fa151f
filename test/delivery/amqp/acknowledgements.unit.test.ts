import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Acknowledgements } from '../../../src/delivery/amqp/acknowledgements.js';

/** A broker's side of a channel: which deliveries it has been told are done. */
function broker(deliveries: number) {
  const unacknowledged = new Set(Array.from({ length: deliveries }, (_, index) => index + 1));
  const frames: { readonly tag: number; readonly upTo: boolean }[] = [];
  return {
    frames,
    unacknowledged,
    ack(message: { readonly fields: { readonly deliveryTag: number } }, upTo = false) {
      const { deliveryTag: tag } = message.fields;
      const told = [...unacknowledged].filter((each) => (upTo ? each <= tag : each === tag));
      // RabbitMQ closes the channel for a tag that it does not wait for.
      expect(told).toContain(tag);
      told.forEach((each) => unacknowledged.delete(each));
      frames.push({ tag, upTo });
    },
    reject({
      fields: { deliveryTag: tag },
    }: {
      readonly fields: { readonly deliveryTag: number };
    }) {
      expect(unacknowledged).toContain(tag);
      unacknowledged.delete(tag);
    },
  };
}

function delivery(tag: number, named = true) {
  return { tag, named, identity: () => String(tag) };
}

describe('acknowledgements', () => {
  it('tell the broker of everything that is settled and of nothing else, in any order', () => {
    const order = fc
      .integer({ min: 1, max: 40 })
      .chain((count) =>
        fc.tuple(
          fc.constant(count),
          fc.shuffledSubarray(Array.from({ length: count }, (_, index) => index + 1)),
          fc.array(fc.boolean(), { minLength: count, maxLength: count }),
          fc.uniqueArray(fc.integer({ min: 1, max: count }), { maxLength: 3 }),
        ),
      );
    fc.assert(
      fc.property(order, ([count, settled, turnEnds, rejected]) => {
        const channel = broker(count);
        const acknowledgements = new Acknowledgements(channel as never, 40);
        const waiting = new Set(channel.unacknowledged);
        settled.forEach((tag, index) => {
          if (rejected.includes(tag)) acknowledgements.reject(tag);
          else acknowledgements.settle(delivery(tag));
          waiting.delete(tag);
          if (turnEnds[index] === true) {
            acknowledgements.flush();
            expect(channel.unacknowledged).toEqual(waiting);
          }
        });
        acknowledgements.flush();
        expect(channel.unacknowledged).toEqual(waiting);
      }),
    );
  });

  it('of a turn that settles what came, in one frame at its end', async () => {
    const channel = broker(100);
    const acknowledgements = new Acknowledgements(channel as never, 40);
    for (let tag = 1; tag <= 100; tag += 1) acknowledgements.settle(delivery(tag));
    expect(channel.frames).toEqual([]);
    await new Promise(setImmediate);
    expect(channel.frames).toEqual([{ tag: 100, upTo: true }]);
  });

  it('of a channel that is gone throw nothing', () => {
    const closed = (): never => {
      throw new Error('Channel closed');
    };
    const acknowledgements = new Acknowledgements({ ack: closed, reject: closed }, 1);
    acknowledgements.settle(delivery(1));
    acknowledgements.reject(2);
    expect(() => acknowledgements.flush()).not.toThrow();
  });
});
