import { expect, test } from 'vitest';
import type { Bus } from '../../src/delivery/bus/bus.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { openCloud } from '../e2e/support/cloud.js';

/** A bus that counts how often subscriptions are ended, and sets them up when `ready` resolves. */
function watched(bus: Bus, ready: Promise<void> = Promise.resolve()): Bus & { ended: number } {
  const watching: Bus & { ended: number } = {
    ended: 0,
    name: bus.name,
    capabilities: bus.capabilities,
    deadLetters: bus.deadLetters,
    connect: () => bus.connect(),
    publish: (message) => bus.publish(message),
    publishToPool: (pool, message) => bus.publishToPool(pool, message),
    hasPool: (pool) => bus.hasPool(pool),
    async subscribe(patterns, handler, options) {
      await ready;
      const made = await bus.subscribe(patterns, handler, options);
      const unsubscribe: typeof made.unsubscribe = async (how) => {
        watching.ended += 1;
        await made.unsubscribe(how);
      };
      return {
        patterns,
        pool: made.pool,
        paused: false,
        pause: () => made.pause(),
        resume: () => made.resume(),
        unsubscribe,
        [Symbol.asyncDispose]: () => unsubscribe(),
      };
    },
    close: () => bus.close(),
    [Symbol.asyncDispose]: () => bus.close(),
  };
  return watching;
}

test('a subscription that has ended is forgotten, and one that has not ends with its Signalbox', async () => {
  await using cloud = await openCloud('sqlite');
  await using memory = memoryBus();
  const bus = watched(memory);
  const signalbox = await cloud.open({ bus });
  for (let round = 0; round < 3; round += 1) {
    const subscription = await signalbox.subscribe('#', () => undefined);
    await subscription.unsubscribe();
  }
  await signalbox.subscribe('#', () => undefined);
  expect(bus.ended).toBe(3);
  await signalbox.close();
  expect(bus.ended).toBe(4);
});

test('a subscription that is ready only after the close is ended, and its caller told', async () => {
  await using cloud = await openCloud('sqlite');
  await using memory = memoryBus();
  let makeReady: () => void = () => undefined;
  const bus = watched(memory, new Promise((resolve) => (makeReady = resolve)));
  const signalbox = await cloud.open({ bus });
  const late = signalbox.subscribe('#', () => undefined);
  await signalbox.close();
  makeReady();
  await expect(late).rejects.toMatchObject({ code: 'CLOSED' });
  expect(bus.ended).toBe(1);
});
