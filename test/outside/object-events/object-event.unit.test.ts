import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { event, type ObjectSubscription } from '../../../src/outside/object-events/object-event.js';

/** An event whose failures are collected. */
function quietEvent<T>() {
  const errors: Error[] = [];
  return { errors, fired: event<T>({ onError: (error) => errors.push(error) }) };
}

describe('an event of an object', () => {
  it('calls its handlers in the order of their subscription, before fire returns', () => {
    const seen: string[] = [];
    const fired = event<number>();
    fired.subscribe((payload) => seen.push(`a${payload}`));
    fired.subscribe((payload) => seen.push(`b${payload}`));
    void fired.fire(1);
    expect(seen).toEqual(['a1', 'b1']);
  });

  it('settles when asynchronous handlers have', async () => {
    const seen: string[] = [];
    const fired = event();
    fired.subscribe(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push('late');
    });
    await fired.fire();
    expect(seen).toEqual(['late']);
  });

  it('lets no failing handler stop the others, and reports each failure', async () => {
    const { errors, fired } = quietEvent<void>();
    const seen: string[] = [];
    fired.subscribe(() => {
      throw new Error('thrown');
    });
    fired.subscribe(async () => {
      throw new Error('rejected');
    });
    fired.subscribe(() => {
      // oxlint-disable-next-line typescript/only-throw-error -- what JavaScript allows
      throw 'a text';
    });
    fired.subscribe(() => seen.push('reached'));
    const failures = await fired.fire();
    expect(seen).toEqual(['reached']);
    expect(failures.map(({ message }) => message)).toEqual(['thrown', 'a text', 'rejected']);
    expect(errors).toEqual(failures);
  });

  it('survives a listener of failures that fails', async () => {
    const fired = event({
      onError: () => {
        throw new Error('the log is full');
      },
    });
    fired.subscribe(() => {
      throw new Error('first');
    });
    expect(await fired.fire()).toHaveLength(1);
  });

  it('tells of failures by a warning when nobody listens for them', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const fired = event();
    fired.subscribe(() => {
      throw new Error('unheard');
    });
    await fired.fire();
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('unheard'), expect.anything());
    warn.mockRestore();
  });

  it('calls a handler of once() no second time, when the handler fires it again either', async () => {
    const fired = event();
    let calls = 0;
    const subscription = fired.once(() => {
      calls += 1;
      void fired.fire();
    });
    await fired.fire();
    await fired.fire();
    expect(calls).toBe(1);
    expect(subscription.active).toBe(false);
  });

  it('ends by handler, by subscription, by disposal and by signal', async () => {
    const fired = event();
    let calls = 0;
    const handler = () => (calls += 1);
    fired.subscribe(handler);
    fired.subscribe(handler);
    expect(fired.unsubscribe(handler)).toBe(true);
    expect(fired.unsubscribe(handler)).toBe(false);
    fired.subscribe(handler).unsubscribe();
    {
      using _held = fired.subscribe(handler);
      expect(fired.size).toBe(1);
    }
    const stop = new AbortController();
    fired.subscribe(handler, { signal: stop.signal });
    stop.abort();
    expect(fired.subscribe(handler, { signal: stop.signal }).active).toBe(false);
    await fired.fire();
    expect(calls).toBe(0);
    expect(fired.size).toBe(0);
  });

  it('leaves nothing on a signal that outlives its subscriptions', async () => {
    const fired = event();
    const { signal } = new AbortController();
    for (let index = 0; index < 100; index += 1) {
      fired.subscribe(() => {}, { signal }).unsubscribe();
      fired.once(() => {}, { signal });
      await fired.fire();
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(fired.size).toBe(0);
  });

  it('belongs to its object alone, and is inherited', async () => {
    class Daemon {
      readonly started = event<string>();
    }
    class Worker extends Daemon {
      readonly worked = event<string>();
    }
    const [one, other] = [new Worker(), new Worker()];
    const seen: string[] = [];
    one.started.subscribe((text) => seen.push(`one ${text}`));
    other.started.subscribe((text) => seen.push(`other ${text}`));
    one.worked.subscribe((text) => seen.push(text));
    await one.started.fire('started');
    await one.worked.fire('worked');
    expect(seen).toEqual(['one started', 'worked']);
  });
});

// A program of one handler: what it does, once it is called, to the event that called it.
type Deed =
  | { readonly do: 'nothing' | 'throw' | 'fire' }
  | { readonly do: 'subscribe' | 'once'; readonly deed: Deed }
  | { readonly do: 'end'; readonly which: number };
type Step = { readonly do: 'fire' } | Exclude<Deed, { readonly do: 'nothing' | 'throw' | 'fire' }>;

const { deed } = fc.letrec<{ deed: Deed }>((tie) => ({
  deed: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ do: fc.constantFrom('nothing', 'throw', 'fire') }),
    fc.record({ do: fc.constant('end' as const), which: fc.nat(9) }),
    fc.record({ do: fc.constantFrom('subscribe', 'once'), deed: tie('deed') }),
  ) as fc.Arbitrary<Deed>,
}));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant({ do: 'fire' as const }),
  fc.record({ do: fc.constant('end' as const), which: fc.nat(9) }),
  fc.record({ do: fc.constantFrom('subscribe' as const, 'once' as const), deed }),
);

/** How deep firings may nest in a drawn program: handlers that fire would go on for ever. */
const deepest = 3;

/** After so many calls handlers of a drawn program do nothing more: they could double at each firing. */
const mostCalls = 200;

/** What is said, written anew from the contract: lists, no sets, no classes. */
function model(steps: readonly Step[]): readonly number[] {
  const calls: number[] = [];
  const handlers: { deed: Deed; once: boolean; live: boolean }[] = [];
  let depth = 0;
  const act = (done: Deed | Step): void => {
    if (calls.length >= mostCalls) return;
    if (done.do === 'subscribe' || done.do === 'once') {
      handlers.push({ deed: done.deed, once: done.do === 'once', live: true });
    } else if (done.do === 'end') {
      const ended = handlers[done.which];
      if (ended !== undefined) ended.live = false;
    } else if (done.do === 'fire' && depth < deepest) {
      depth += 1;
      const there = handlers.length;
      const wereLive = handlers.map(({ live }) => live);
      for (let index = 0; index < there; index += 1) {
        const handler = handlers[index];
        if (handler?.live !== true || wereLive[index] !== true) continue;
        if (handler.once) handler.live = false;
        calls.push(index);
        act(handler.deed);
      }
      depth -= 1;
    }
  };
  for (const each of steps) act(each);
  return calls;
}

function run(steps: readonly Step[]): { calls: readonly number[]; size: number; live: number } {
  const calls: number[] = [];
  const { fired } = quietEvent<void>();
  const subscriptions: ObjectSubscription[] = [];
  let depth = 0;
  const act = (done: Deed | Step): void => {
    if (calls.length >= mostCalls) return;
    if (done.do === 'subscribe' || done.do === 'once') {
      const index = subscriptions.length;
      const handler = () => {
        calls.push(index);
        act(done.deed);
        if (done.deed.do === 'throw') throw new Error('as drawn');
      };
      subscriptions.push(done.do === 'once' ? fired.once(handler) : fired.subscribe(handler));
    } else if (done.do === 'end') {
      subscriptions[done.which]?.unsubscribe();
    } else if (done.do === 'fire' && depth < deepest) {
      depth += 1;
      void fired.fire();
      depth -= 1;
    }
  };
  for (const each of steps) act(each);
  return { calls, size: fired.size, live: subscriptions.filter(({ active }) => active).length };
}

describe('whatever handlers do while they are called', () => {
  it('those subscribed when it fired are called, in order, without those that ended', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const { calls, size, live } = run(steps);
        expect(calls).toEqual(model(steps));
        expect(size).toBe(live);
      }),
      { numRuns: 2_000 },
    );
  });
});
