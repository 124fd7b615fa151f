import { describe, expect, it } from 'vitest';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import { DeadLetterError } from '../../../src/delivery/bus/dead-letter-error.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import { busConformance } from '../../../src/testing/bus-conformance.js';
import { message, Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';

// #region conformance
describe('the in-process bus conforms', () => {
  const open = () => {
    const bus = memoryBus();
    return { connect: () => bus, dispose: () => bus.close() };
  };
  const { capabilities } = memoryBus();
  const untried = { interrupt: 'there is no connection' };
  it.each(busConformance({ open, capabilities, untried }))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
// #endregion

async function fill(bus: Bus, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await bus.publish(message('a'));
}

describe('the in-process bus', () => {
  it('delays publishes while a queue is full, in order, and lets them in as it empties', async () => {
    await using bus = memoryBus({ capacity: 3 });
    const away = await bus.subscribe(['a'], () => {}, { pool: 'p' });
    await away.unsubscribe();
    await fill(bus, 3);
    const settled: string[] = [];
    const waiting = ['x', 'y', 'z'].map(async (id) => {
      await bus.publish(message('a', { id }));
      settled.push(id);
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toEqual([]);
    const recorder = new Recorder();
    await bus.subscribe(['a'], recorder.handler, { pool: 'p' });
    await Promise.all(waiting);
    await recorder.atLeast(6);
    expect(recorder.ids.slice(3)).toEqual(['x', 'y', 'z']);
    expect(settled).toEqual(['x', 'y', 'z']);
  });

  it('lets no publish overtake one that waits, also where another queue has room', async () => {
    await using bus = memoryBus({ capacity: 1 });
    const away = await bus.subscribe(['a'], () => {}, { pool: 'full' });
    await away.unsubscribe();
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler);
    await fill(bus, 1);
    const waiting = [
      bus.publish(message('a', { id: 'x', partitionKey: 'k' })),
      bus.publish(message('b', { id: 'y', partitionKey: 'k' })),
    ];
    await bus.subscribe(['a'], () => {}, { pool: 'full' });
    await Promise.all(waiting);
    await recorder.atLeast(3);
    expect(recorder.ids.slice(1)).toEqual(['x', 'y']);
  });

  it('rejects a publish that found no room in time, and only that one', async () => {
    await using bus = memoryBus({ capacity: 1, publishTimeout: 20 });
    const away = await bus.subscribe(['a'], () => {}, { pool: 'p' });
    await away.unsubscribe();
    await fill(bus, 1);
    const [late, other] = await Promise.allSettled([
      bus.publish(message('a')),
      bus.publish(message('b')),
    ]);
    expect(late).toMatchObject({ status: 'rejected', reason: { code: 'BUS_UNAVAILABLE' } });
    expect(other).toMatchObject({ status: 'fulfilled', value: { routed: false } });
  });

  it('rejects publishes that wait when it closes', async () => {
    const bus = memoryBus({ capacity: 1 });
    const away = await bus.subscribe(['a'], () => {}, { pool: 'p' });
    await away.unsubscribe();
    await fill(bus, 1);
    const waiting = bus.publish(message('a'));
    const [outcome] = await Promise.all([Promise.allSettled([waiting]), bus.close()]);
    expect(outcome[0]).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } });
  });

  it('tells what became of a message', async () => {
    const notices: BusNotice[] = [];
    await using bus = memoryBus({
      on: (notice) => {
        notices.push(notice);
        throw new Error('a broken listener');
      },
    });
    await bus.publish(message('nobody', { id: 'u' }));
    const fail = () => {
      throw new DeadLetterError('poison');
    };
    await bus.subscribe(['a'], fail, { pool: 'p' });
    await bus.subscribe(['a'], fail);
    await bus.publish(message('a', { id: 'm' }));
    await eventually(() => expect(notices).toHaveLength(3));
    expect(notices).toEqual(
      expect.arrayContaining([
        { kind: 'unroutable', key: 'nobody', id: 'u' },
        { kind: 'deadLettered', subscription: 'p', id: 'm', reason: 'poison' },
        { kind: 'dropped', subscription: 'ephemeral a', id: 'm', reason: 'poison' },
      ]),
    );
  });

  it.each([
    ['no pattern', [], {}, 'FILTER_INVALID'],
    ['a pattern over 255 bytes', ['x'.repeat(256)], {}, 'FILTER_INVALID'],
    ['an empty pool', ['a'], { pool: '' }, 'CONFIG_VALUE_INVALID'],
    ['no concurrency', ['a'], { concurrency: 0 }, 'CONFIG_VALUE_INVALID'],
    ['a prefetch above what quorum queues take', ['a'], { prefetch: 2001 }, 'CONFIG_VALUE_INVALID'],
    ['no attempts', ['a'], { retry: { attempts: 0 } }, 'CONFIG_VALUE_INVALID'],
    ['a negative delay', ['a'], { retry: { delay: -1 } }, 'CONFIG_VALUE_INVALID'],
    [
      'retries that hold a delivery for an hour',
      ['a'],
      { retry: { attempts: 200 } },
      'CONFIG_VALUE_INVALID',
    ],
  ])('refuses a subscription with %s', async (_, patterns, options, code) => {
    await using bus = memoryBus();
    await expect(bus.subscribe(patterns, () => {}, options)).rejects.toMatchObject({ code });
  });
});
