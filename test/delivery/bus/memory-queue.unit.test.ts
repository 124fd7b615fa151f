import { describe, expect, it } from 'vitest';
import { MemoryQueue, type QueuedMessage } from '../../../src/delivery/memory/memory-queue.js';
import { message } from '../../../src/testing/bus-conformance/recorder.js';

function consumer(prefetch: number) {
  const received: QueuedMessage[] = [];
  return {
    prefetch,
    received,
    deliver: (queued: QueuedMessage) => void received.push(queued),
    ids: () => received.map(({ message: { id } }) => id),
  };
}

const open = (order: 'pool' | 'member') =>
  new MemoryQueue({ order, capacity: 100, onRoom: () => {} });

describe('a queue of the in-process bus', () => {
  it('hands a consumer no more than its prefetch, and the next on each acknowledgement', () => {
    const queue = open('pool');
    const one = consumer(2);
    queue.addConsumer(one);
    for (const id of ['1', '2', '3']) queue.push(message('k', { id }));
    expect(one.ids()).toEqual(['1', '2']);
    queue.acknowledge(one, one.received[0] as QueuedMessage);
    expect(one.ids()).toEqual(['1', '2', '3']);
  });

  it('puts what leaving consumers give back into its place, whoever leaves first', () => {
    const queue = open('member');
    const [odd, even] = [consumer(2), consumer(2)];
    queue.addConsumer(odd);
    queue.addConsumer(even);
    for (const id of ['1', '2', '3', '4', '5']) queue.push(message('k', { id }));
    expect([odd.ids(), even.ids()]).toEqual([
      ['1', '3'],
      ['2', '4'],
    ]);
    queue.removeConsumer(odd);
    queue.removeConsumer(even);
    const last = consumer(10);
    queue.addConsumer(last);
    expect(last.ids()).toEqual(['1', '2', '3', '4', '5']);
    expect(last.received.map(({ redelivered }) => redelivered)).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
  });
});
