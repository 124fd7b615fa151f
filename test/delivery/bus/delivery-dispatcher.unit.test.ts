import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { deadLetterCause } from '../../../src/delivery/bus/dead-letter-cause.js';
import { DeadLetterError } from '../../../src/delivery/bus/dead-letter-error.js';
import {
  DeliveryDispatcher,
  type IncomingDelivery,
} from '../../../src/delivery/bus/delivery-dispatcher.js';
import type { HandlingFailure } from '../../../src/delivery/bus/handling-failure.js';
import { RefusedError, UnavailableError } from '../../../src/core/errors/errors.js';
import { Gate, message, until } from '../../../src/testing/bus-conformance/recorder.js';

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
    identity: () => id,
    mayBeKnown: false,
    acknowledge: () => settled.acknowledged.push(id),
    giveUp: async () => void settled.givenUp.push(id),
  };
}

describe('the dispatcher', () => {
  it.each(['hold', 'release'] as const)(
    'that %ss a key while one of it waits settles every delivery once, one of a key at a time, whatever fails, pauses or comes at once',
    async (order) => {
      const deliveries = fc.array(
        fc.record({
          key: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
          failures: fc.nat({ max: 4 }),
        }),
        { maxLength: 30 },
      );
      await fc.assert(
        fc.asyncProperty(
          deliveries,
          fc.integer({ min: 1, max: 5 }),
          fc.nat({ max: 40 }),
          async (plan, concurrency, pauseAt) => {
            const settled: Settled = { acknowledged: [], givenUp: [] };
            const ended: string[] = [];
            const tries = new Map<string, number>();
            const runningKeys = new Set<string>();
            let running = 0;
            let most = 0;
            let calls = 0;
            let dispatcherPaused = false;
            const pauseAWhile = (): void => {
              void dispatcher.pause().then(async () => {
                expect(running).toBe(0);
                dispatcherPaused = true;
                await new Promise((resolve) => setTimeout(resolve, 2));
                dispatcherPaused = false;
                dispatcher.resume();
              });
            };
            const dispatcher = new DeliveryDispatcher({
              concurrency,
              retry: { ...retry, order },
              notify: () => {},
              handler: async ({ id, attempt, partitionKey = `alone ${id}` }) => {
                expect(dispatcherPaused).toBe(false);
                expect(runningKeys.has(partitionKey)).toBe(false);
                runningKeys.add(partitionKey);
                running += 1;
                most = Math.max(most, running);
                await new Promise((resolve) => setImmediate(resolve));
                running -= 1;
                runningKeys.delete(partitionKey);
                tries.set(id, attempt);
                calls += 1;
                if (calls === pauseAt) pauseAWhile();
                const failures = plan[Number(id)]?.failures ?? 0;
                if (attempt <= failures) {
                  if (attempt === retry.attempts) ended.push(id);
                  throw new Error('planned');
                }
                ended.push(id);
              },
            });
            plan.forEach(({ key }, index) =>
              dispatcher.accept(incoming(String(index), key, settled)),
            );
            await until(
              () => settled.acknowledged.length + settled.givenUp.length === plan.length,
              'all are settled',
            );
            await dispatcher.stop();
            const ids = plan.map((_, index) => String(index));
            const fails = (id: string) => (plan[Number(id)]?.failures ?? 0) >= retry.attempts;
            expect(settled.givenUp.toSorted()).toEqual(ids.filter(fails).toSorted());
            expect(settled.acknowledged.toSorted()).toEqual(
              ids.filter((id) => !fails(id)).toSorted(),
            );
            for (const key of ['a', 'b', 'c']) {
              const ofKey = ids.filter((id) => plan[Number(id)]?.key === key);
              const endings = ended.filter((id) => ofKey.includes(id));
              if (order === 'hold') expect(endings).toEqual(ofKey);
              // Of those that were tried once, none waits for another: they keep their order.
              const once = ofKey.filter((id) => tries.get(id) === 1);
              expect(endings.filter((id) => once.includes(id))).toEqual(once);
            }
            for (const id of ids) {
              expect(tries.get(id)).toBe(
                Math.min(retry.attempts, (plan[Number(id)]?.failures ?? 0) + 1),
              );
            }
            expect(most).toBeLessThanOrEqual(concurrency);
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it('that releases a key lets later deliveries of it pass one that waits, and none else first', async () => {
    const settled: Settled = { acknowledged: [], givenUp: [] };
    let failing = true;
    const dispatcher = new DeliveryDispatcher({
      concurrency: 1,
      retry: { attempts: 1000, delay: 5, maxDelay: 5, order: 'release' },
      notify: () => {},
      handler: ({ id }) => {
        if (id === 'first' && failing) throw new Error('not yet');
      },
    });
    for (const id of ['first', 'second', 'third']) dispatcher.accept(incoming(id, 'k', settled));
    await until(() => settled.acknowledged.length === 2, 'the later ones have passed');
    expect(settled.acknowledged).toEqual(['second', 'third']);
    failing = false;
    await until(() => settled.acknowledged.length === 3, 'the first is handled');
    await dispatcher.stop();
  });

  it('that releases a key forgets what waits aside: it comes again', async () => {
    const settled: Settled = { acknowledged: [], givenUp: [] };
    let failures = 0;
    const dispatcher = new DeliveryDispatcher({
      concurrency: 1,
      retry: { attempts: 3, delay: 10, maxDelay: 10, order: 'release' },
      notify: () => {},
      handler: () => {
        failures += 1;
        throw new Error('no');
      },
    });
    dispatcher.accept(incoming('1', 'k', settled));
    await until(() => failures === 1, 'it has failed');
    await new Promise((resolve) => setImmediate(resolve));
    dispatcher.forget();
    dispatcher.accept(incoming('2', 'k', settled));
    await until(() => settled.givenUp.length === 1, 'the second is given up');
    expect(settled.givenUp).toEqual(['2']);
    expect(failures).toBe(4);
    await dispatcher.stop();
  });

  it('that is resumed before its handlers have returned does not leave the pause waiting', async () => {
    const settled: Settled = { acknowledged: [], givenUp: [] };
    const gate = new Gate();
    let begun = false;
    const dispatcher = new DeliveryDispatcher({
      concurrency: 1,
      retry,
      notify: () => {},
      handler: async () => {
        begun = true;
        await gate.pass();
      },
    });
    dispatcher.accept(incoming('1', 'k', settled));
    await until(() => begun, 'the handler runs');
    const paused = dispatcher.pause();
    dispatcher.resume();
    await paused;
    gate.open();
    await until(() => settled.acknowledged.length > 0, 'it is handled');
    await dispatcher.stop();
    expect(settled.acknowledged).toEqual(['1']);
  });

  it('forgets what has not begun, settles nothing for what has, and lets the redelivery wait for it', async () => {
    const settled: Settled = { acknowledged: [], givenUp: [] };
    const gate = new Gate();
    const handled: string[] = [];
    const dispatcher = new DeliveryDispatcher({
      concurrency: 4,
      retry: { ...retry, attempts: 1 },
      notify: () => {},
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
      notify: () => {},
      handler: () => {
        runs += 1;
        throw new Error('no');
      },
    });
    dispatcher.accept({
      message: message('k'),
      redelivered: false,
      identity: () => 'k',
      mayBeKnown: false,
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

  it('gives up what comes with a failure in its turn, unhandled, and holds its key until that is done', async () => {
    const done: string[] = [];
    const dispatcher = new DeliveryDispatcher({
      concurrency: 2,
      retry,
      notify: () => {},
      handler: ({ id }) => void done.push(`handled ${id}`),
    });
    const settled: Settled = { acknowledged: [], givenUp: [] };
    dispatcher.accept(incoming('1', 'k', settled));
    dispatcher.accept({
      ...incoming('2', 'k', settled),
      failure: { reason: 'members died over it', attempts: 0, error: new Error('died') },
      giveUp: async ({ reason }) => {
        done.push(`gave up 2: ${reason}`);
        if (done.length < 3) throw new Error('the dead letters are away');
      },
    });
    dispatcher.accept(incoming('3', 'k', settled));
    await until(() => settled.acknowledged.length === 2, 'the others are handled');
    await dispatcher.stop();
    const gaveUp = 'gave up 2: members died over it';
    expect(done).toEqual(['handled 1', gaveUp, gaveUp, 'handled 3']);
  });

  it('aborts the signal of a handler under way when it stops', async () => {
    let aborted = false;
    let begun = false;
    const dispatcher = new DeliveryDispatcher({
      concurrency: 1,
      retry,
      notify: () => {},
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

  it('says less about a failure when a transport has refused to take all that', async () => {
    const told: HandlingFailure[] = [];
    const settled: Settled = { acknowledged: [], givenUp: [] };
    const dispatcher = new DeliveryDispatcher({
      concurrency: 1,
      retry,
      notify: () => {},
      handler: () => {
        const cause = Object.assign(new TypeError('y'.repeat(9_000)), { code: 'E_LONG' });
        throw new DeadLetterError('x'.repeat(9_000), { cause });
      },
    });
    dispatcher.accept({
      ...incoming('large', 'k', settled),
      giveUp: async (failure) => {
        told.push(failure);
        if (told.length === 1) throw new UnavailableError('BUS_UNAVAILABLE', 'not now');
        if (told.length === 2) throw RefusedError.of('PUBLISH_REFUSED', 'too large');
      },
    });
    await until(() => told.length === 3, 'it was given up');
    const [first, second, third] = told.map(({ reason, error }) => ({
      reason: reason.length,
      ...deadLetterCause(error),
    }));
    expect(first?.reason).toBe(2_000);
    expect(second).toEqual(first);
    expect(third).toMatchObject({ reason: 60, name: 'TypeError', code: 'E_LONG' });
    expect(third?.message.length).toBe(60);
    await dispatcher.stop();
  });

  it('that releases a key handles a retry that is due before what came after it', async () => {
    const settled: Settled = { acknowledged: [], givenUp: [] };
    const gate = new Gate();
    const handled: string[] = [];
    const dispatcher = new DeliveryDispatcher({
      concurrency: 1,
      retry: { ...retry, delay: 1, maxDelay: 1, order: 'release' },
      notify: () => {},
      handler: async ({ id, attempt }) => {
        handled.push(id);
        if (id === 'first' && attempt === 1) throw new Error('not yet');
        if (id === 'second') await gate.pass();
      },
    });
    for (const id of ['first', 'second', 'third']) dispatcher.accept(incoming(id, 'k', settled));
    await until(() => handled.includes('second'), 'the second has begun');
    // The first is due by then, and takes its own place before the third.
    await new Promise((resolve) => setTimeout(resolve, 10));
    gate.open();
    await until(() => settled.acknowledged.length === 3, 'all are handled');
    await dispatcher.stop();
    expect(handled).toEqual(['first', 'second', 'first', 'third']);
  });

  it('marks a retry as redelivered, and a first try only when the transport says so', async () => {
    const settled: Settled = { acknowledged: [], givenUp: [] };
    const seen: unknown[] = [];
    const dispatcher = new DeliveryDispatcher({
      concurrency: 1,
      retry,
      notify: () => {},
      handler: ({ id, attempt, redelivered }) => {
        seen.push([id, attempt, redelivered]);
        if (attempt === 1) throw new Error('not yet');
      },
    });
    dispatcher.accept(incoming('fresh', 'k', settled));
    dispatcher.accept({ ...incoming('again', 'k', settled), redelivered: true });
    await until(() => settled.acknowledged.length === 2, 'both are handled');
    await dispatcher.stop();
    expect(seen).toEqual([
      ['fresh', 1, false],
      ['fresh', 2, true],
      ['again', 1, true],
      ['again', 2, true],
    ]);
  });

  it('waits longer before each further try to give up', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const at: number[] = [];
      let now = 0;
      const dispatcher = new DeliveryDispatcher({
        concurrency: 1,
        retry,
        notify: () => {},
        handler: () => {
          throw new DeadLetterError('no');
        },
      });
      dispatcher.accept({
        ...incoming('1', 'k', { acknowledged: [], givenUp: [] }),
        giveUp: async () => {
          at.push(now);
          if (at.length < 8) throw new Error('the dead letters are away');
        },
      });
      for (; at.length < 8; now += 100) {
        for (let turns = 0; turns < 5; turns += 1) {
          await new Promise((resolve) => setImmediate(resolve));
        }
        vi.advanceTimersByTime(100);
      }
      const waits = at.slice(1).map((each, index) => each - (at[index] as number));
      expect(waits).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
      await dispatcher.stop();
    } finally {
      vi.useRealTimers();
    }
  });

  it('tells once that what handlers need is away, and once that it is back', async () => {
    const settled: Settled = { acknowledged: [], givenUp: [] };
    const told: string[] = [];
    let tries = 0;
    const dispatcher = new DeliveryDispatcher({
      concurrency: 3,
      retry: { ...retry, attempts: 1 },
      label: 'p',
      notify: ({ kind }) => kind === 'retrying' || told.push(kind),
      handler: () => {
        tries += 1;
        if (tries < 8) throw new UnavailableError('DATABASE_UNAVAILABLE', 'away');
      },
    });
    for (const id of ['1', '2', '3', '4']) dispatcher.accept(incoming(id, undefined, settled));
    await until(() => settled.acknowledged.length === 4, 'all are handled');
    await dispatcher.stop();
    expect(told).toEqual(['handlersPaused', 'handlersResumed']);
    expect(settled.givenUp).toEqual([]);
  });
});
