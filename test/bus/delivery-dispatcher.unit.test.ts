import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeliveryDispatcher, type IncomingDelivery } from '../../src/bus/delivery-dispatcher.js';
import { Gate, message, until } from '../../src/testing/bus-conformance/recorder.js';

const retry = { attempts: 3, delay: 0, maxDelay: 0, order: 'hold' } as const;

interface Settled {
  readonly acknowledged: string[];
  readonly givenUp: string[];
}

function incoming(
  id: string,
  partitionKey: string | undefined,
  settled: Settled,
): IncomingDelivery {
  return {
    message: message('k', { id, ...(partitionKey === undefined ? {} : { partitionKey }) }),
    redelivered: false,
    acknowledge: () => settled.acknowledged.push(id),
    giveUp: async () => void settled.givenUp.push(id),
  };
}

describe('the dispatcher', () => {
  it('settles every delivery once, in order of its key, whatever fails and however many at once', async () => {
    const deliveries = fc.array(
      fc.record({
        key: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
        failures: fc.nat({ max: 4 }),
      }),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(deliveries, fc.integer({ min: 1, max: 5 }), async (plan, concurrency) => {
        const settled: Settled = { acknowledged: [], givenUp: [] };
        const order: string[] = [];
        const tries = new Map<string, number>();
        let running = 0;
        let most = 0;
        const dispatcher = new DeliveryDispatcher({
          concurrency,
          retry,
          onRetry: () => {},
          handler: async ({ id, attempt }) => {
            running += 1;
            most = Math.max(most, running);
            await Promise.resolve();
            running -= 1;
            tries.set(id, attempt);
            const failures = plan[Number(id)]?.failures ?? 0;
            if (attempt <= failures) {
              if (attempt === retry.attempts) order.push(id);
              throw new Error('planned');
            }
            order.push(id);
          },
        });
        plan.forEach(({ key }, index) => dispatcher.accept(incoming(String(index), key, settled)));
        await until(
          () => settled.acknowledged.length + settled.givenUp.length === plan.length,
          'all are settled',
        );
        await dispatcher.stop();
        const ids = plan.map((_, index) => String(index));
        const fails = (id: string) => (plan[Number(id)]?.failures ?? 0) >= retry.attempts;
        expect(settled.givenUp.toSorted()).toEqual(ids.filter(fails).toSorted());
        expect(settled.acknowledged.toSorted()).toEqual(ids.filter((id) => !fails(id)).toSorted());
        for (const key of ['a', 'b', 'c']) {
          const ofKey = ids.filter((id) => plan[Number(id)]?.key === key);
          expect(order.filter((id) => ofKey.includes(id))).toEqual(ofKey);
        }
        for (const id of ids) {
          expect(tries.get(id)).toBe(
            Math.min(retry.attempts, (plan[Number(id)]?.failures ?? 0) + 1),
          );
        }
        expect(most).toBeLessThanOrEqual(concurrency);
      }),
      { numRuns: 60 },
    );
  });

  it('forgets what has not begun, settles nothing for what has, and lets the redelivery wait for it', async () => {
    const settled: Settled = { acknowledged: [], givenUp: [] };
    const gate = new Gate();
    const handled: string[] = [];
    const dispatcher = new DeliveryDispatcher({
      concurrency: 4,
      retry: { ...retry, attempts: 1 },
      onRetry: () => {},
      handler: async ({ id }) => {
        handled.push(id);
        if (id !== 'first') return;
        await gate.pass();
        throw new Error('late');
      },
    });
    dispatcher.accept(incoming('first', 'k', settled));
    dispatcher.accept(incoming('forgotten', 'k', settled));
    await until(() => handled.length === 1, 'the first has begun');
    dispatcher.forget();
    dispatcher.accept(incoming('again', 'k', settled));
    dispatcher.accept(incoming('other', 'l', settled));
    await until(() => handled.includes('other'), 'another key is handled');
    expect(handled).not.toContain('again');
    gate.open();
    await until(() => settled.acknowledged.length === 2, 'the rest is handled');
    expect(handled).toEqual(['first', 'other', 'again']);
    expect(settled.givenUp).toEqual([]);
  });

  it('tries to give up again until it succeeds, without another run of the handler', async () => {
    let runs = 0;
    let attempts = 0;
    const dispatcher = new DeliveryDispatcher({
      concurrency: 1,
      retry: { ...retry, attempts: 1 },
      onRetry: () => {},
      handler: () => {
        runs += 1;
        throw new Error('no');
      },
    });
    dispatcher.accept({
      message: message('k'),
      redelivered: false,
      acknowledge: () => {},
      giveUp: async () => {
        attempts += 1;
        if (attempts < 3) throw new Error('the dead letters are away');
      },
    });
    await until(() => attempts === 3, 'it is given up');
    await dispatcher.stop();
    expect(runs).toBe(1);
  });

  it('aborts the signal of a handler under way when it stops', async () => {
    let aborted = false;
    let begun = false;
    const dispatcher = new DeliveryDispatcher({
      concurrency: 1,
      retry,
      onRetry: () => {},
      handler: (_, signal) =>
        new Promise((resolve) => {
          begun = true;
          signal.addEventListener('abort', () => {
            aborted = true;
            resolve();
          });
        }),
    });
    dispatcher.accept(incoming('1', 'k', { acknowledged: [], givenUp: [] }));
    await until(() => begun, 'the handler runs');
    await dispatcher.stop();
    expect(aborted).toBe(true);
  });
});
