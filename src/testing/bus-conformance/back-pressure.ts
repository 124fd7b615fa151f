import assert from 'node:assert/strict';
import type { ConformanceGroup } from './fixture.js';
import { Gate, message, Recorder, sequence, until } from './recorder.js';

/** More than somebody can take at once. */
export const backPressure: ConformanceGroup = {
  'a publish in a burst is delayed, never dropped': async (bus) => {
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler, { pool: 'burst', prefetch: 10 });
    const messages = Array.from({ length: 3000 }, () => message('burst'));
    const results = await Promise.all(messages.map((each) => bus.publish(each)));
    assert.equal(results.filter(({ routed }) => routed).length, 3000);
    await recorder.atLeast(3000);
    assert.equal(new Set(recorder.ids).size, 3000);
  },

  'a handler that is stuck holds up neither publishers nor other subscriptions, and loses nothing':
    async (bus) => {
      const gate = new Gate();
      const stuck = new Recorder();
      const free = new Recorder();
      await bus.subscribe(
        ['#'],
        async (each) => {
          await gate.pass();
          stuck.handler(each);
        },
        { pool: 'stuck', prefetch: 4, concurrency: 4 },
      );
      await bus.subscribe(['#'], free.handler, { pool: 'free' });
      const messages = ['x', 'y'].flatMap((key) => sequence('t', key, 200));
      await Promise.all(messages.map((each) => bus.publish(each)));
      await free.atLeast(400);
      assert.equal(stuck.ids.length, 0);
      gate.open();
      await stuck.atLeast(400);
      for (const key of ['x', 'y']) {
        const ids = stuck.ids.filter((id) => id.startsWith(key));
        assert.deepEqual(
          ids,
          sequence('', key, 200).map(({ id }) => id),
        );
      }
    },

  'no more deliveries than the concurrency are handled at once, however many wait': async (bus) => {
    const gate = new Gate();
    let running = 0;
    let most = 0;
    let handled = 0;
    await bus.subscribe(
      ['#'],
      async () => {
        running += 1;
        most = Math.max(most, running);
        await gate.pass();
        running -= 1;
        handled += 1;
      },
      { pool: 'bounded', concurrency: 3, prefetch: 50 },
    );
    await Promise.all(Array.from({ length: 100 }, () => bus.publish(message('a'))));
    await until(() => running === 3, 'three handlers run');
    gate.open();
    await until(() => handled === 100, 'all are handled');
    assert.equal(most, 3);
  },
};
