import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeliveryDispatcher } from '../../../src/delivery/bus/delivery-dispatcher.js';
import type { BegunRecord } from '../../../src/delivery/bus/incoming-delivery.js';
import { settledClaim, Unsettled } from '../../../src/delivery/bus/unsettled.js';
import { message, until } from '../../../src/testing/bus-conformance/recorder.js';

const retry = { attempts: 3, delay: 0, maxDelay: 0, order: 'hold' } as const;
const turn = () => new Promise((resolve) => setImmediate(resolve));

interface Planned {
  readonly key: string | undefined;
  readonly failures: number;
}

/** A queue that hands out everything at once, and takes back what is not acknowledged when it loses its channel. */
class LossyQueue {
  readonly givenUp = new Map<string, number>();
  readonly #plan: readonly Planned[];
  readonly #unsettled = new Unsettled();
  readonly #dispatcher: DeliveryDispatcher;
  #left: string[];
  #heard: string[] = [];
  #channel = 0;

  constructor(
    plan: readonly Planned[],
    concurrency: number,
    handler: (id: string, attempt: number) => Promise<void>,
  ) {
    this.#plan = plan;
    this.#left = plan.map((_, index) => String(index));
    this.#dispatcher = new DeliveryDispatcher({
      concurrency,
      retry,
      unsettled: this.#unsettled,
      notify: () => {},
      handler: ({ id, attempt }) => handler(id, attempt),
    });
  }

  get isEmpty(): boolean {
    return this.#left.length === 0;
  }

  deliver(redelivered: boolean): void {
    this.#heard = [];
    const channel = this.#channel;
    for (const id of this.#left) {
      const { key } = this.#plan[Number(id)] as Planned;
      const acknowledge = (): void => {
        if (channel !== this.#channel) return;
        this.#left = this.#left.filter((each) => each !== id);
        this.#heard.push(id);
      };
      this.#dispatcher.accept({
        message: message('k', { id, ...(key === undefined ? {} : { partitionKey: key }) }),
        redelivered,
        mayBeKnown: redelivered,
        identity: () => id,
        acknowledge,
        giveUp: async ({ attempts }) => {
          this.givenUp.set(id, attempts);
          acknowledge();
        },
      });
    }
  }

  /** Loses the channel, and with it what of the last acknowledgements had not arrived. */
  lose(unheard: number): void {
    this.#channel += 1;
    for (const id of this.#heard.slice(this.#heard.length - unheard)) {
      this.#left.push(id);
      this.#unsettled.leave(id, settledClaim({ kind: 'handled' }));
    }
    this.#left.sort((a, b) => Number(a) - Number(b));
    this.#dispatcher.forget();
    this.deliver(true);
  }

  stop(): Promise<void> {
    return this.#dispatcher.stop();
  }
}

describe('a member that loses its channel', () => {
  it('runs no handler twice at once nor once too often, counts tries on, and keeps the order of a key', async () => {
    const planned = fc.record({
      key: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
      failures: fc.nat({ max: 4 }),
    });
    const losses = fc.array(
      fc.record({ after: fc.integer({ min: 1, max: 12 }), unheard: fc.nat({ max: 3 }) }),
      {
        maxLength: 6,
      },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(planned, { minLength: 1, maxLength: 12 }),
        losses,
        fc.integer({ min: 1, max: 4 }),
        async (plan, breaks, concurrency) => {
          const running = new Set<string>();
          const attempts = new Map<string, number[]>();
          const ended: string[] = [];
          const queue = new LossyQueue(plan, concurrency, async (id, attempt) => {
            expect(running.has(id)).toBe(false);
            running.add(id);
            attempts.set(id, [...(attempts.get(id) ?? []), attempt]);
            await turn();
            await turn();
            running.delete(id);
            if (attempt <= (plan[Number(id)]?.failures ?? 0)) {
              if (attempt === retry.attempts) ended.push(id);
              throw new Error('planned');
            }
            ended.push(id);
          });
          queue.deliver(false);
          for (const { after, unheard } of breaks) {
            for (let turns = 0; turns < after; turns += 1) await turn();
            queue.lose(unheard);
          }
          await until(() => queue.isEmpty, 'all is settled');
          await queue.stop();
          plan.forEach(({ failures }, index) => {
            const runs = Math.min(failures + 1, retry.attempts);
            const expected = Array.from({ length: runs }, (_, each) => each + 1);
            expect(attempts.get(String(index))).toEqual(expected);
            const dead = failures >= retry.attempts ? retry.attempts : undefined;
            expect(queue.givenUp.get(String(index))).toBe(dead);
          });
          for (const key of ['a', 'b']) {
            const ofKey = ended.filter((id) => plan[Number(id)]?.key === key);
            expect(ofKey).toEqual(ofKey.toSorted((one, other) => Number(one) - Number(other)));
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

/** Marks that outlive the processes. */
function marks(limit: number) {
  const counts = new Map<string, number>();
  const add = (id: string, by: number) => counts.set(id, (counts.get(id) ?? 0) + by);
  return (id: string): BegunRecord => ({
    limit,
    count: async () => counts.get(id) ?? 0,
    begin: async () => void add(id, 1),
    end: (done) => void (done ? counts.delete(id) : add(id, -1)),
  });
}

describe('messages that end their processes', () => {
  it('are put aside after so many crashes, and nothing else is, whatever is under way with them', async () => {
    const plan = fc.array(
      fc.record({
        kills: fc.boolean(),
        key: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
      }),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(
        plan,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 6 }),
        async (messages, limit, concurrency) => {
          const of = marks(limit);
          const left = new Set(messages.map((_, index) => String(index)));
          const seen = new Set<string>();
          const handled = new Set<string>();
          const dead = new Map<string, number>();
          let crashes = 0;
          while (left.size > 0) {
            let crashed = false;
            const process = new DeliveryDispatcher({
              concurrency,
              retry,
              notify: () => {},
              handler: async ({ id }) => {
                const dies = messages[Number(id)]?.kills === true;
                if (!dies) await turn();
                crashed ||= dies;
                // Nothing of a process goes on when it has ended.
                if (crashed) return new Promise<void>(() => {});
                handled.add(id);
              },
            });
            for (const id of left) {
              const key = messages[Number(id)]?.key;
              const settle = (): void => void (crashed || left.delete(id));
              process.accept({
                message: message('k', { id, ...(key === undefined ? {} : { partitionKey: key }) }),
                redelivered: seen.has(id),
                mayBeKnown: seen.has(id),
                identity: () => id,
                ...(seen.has(id) ? { begun: of(id) } : {}),
                acknowledge: settle,
                giveUp: async ({ attempts }) => {
                  if (crashed) return;
                  dead.set(id, attempts);
                  settle();
                },
              });
              seen.add(id);
            }
            await until(() => crashed || left.size === 0, 'it has crashed, or is done');
            crashes += crashed ? 1 : 0;
          }
          messages.forEach(({ kills }, index) => {
            expect(handled.has(String(index))).toBe(!kills);
            expect(dead.get(String(index))).toBe(kills ? Math.max(limit, 2) : undefined);
          });
          const culprits = messages.filter(({ kills }) => kills).length;
          // Each once unmarked, at most; then marked.
          expect(crashes).toBeLessThanOrEqual(culprits * (Math.max(limit, 2) + 1));
        },
      ),
      { numRuns: 20 },
    );
  });
});
