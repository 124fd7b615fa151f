import assert from 'node:assert/strict';
import type { ConformanceGroup } from './fixture.js';
import { message, Recorder, sequence, until } from './recorder.js';

const quick = { attempts: 2, delay: 1, maxDelay: 5 };

function away(): Error {
  return Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
}

/** Handlers that fail because something they need is away. */
export const unavailable: ConformanceGroup = {
  'what fails because something is away waits for as long as that lasts, and nothing is put aside or out of order':
    async (bus) => {
      let isAway = true;
      let tries = 0;
      let running = 0;
      let crowded = false;
      const recorder = new Recorder();
      await bus.subscribe(
        ['#'],
        async (each) => {
          running += 1;
          tries += 1;
          // Once it is known to be away, handlers only probe.
          if (isAway && tries > 8) crowded ||= running > 1;
          await new Promise((resolve) => setTimeout(resolve, 1));
          running -= 1;
          if (isAway) throw away();
          recorder.handler(each);
        },
        { pool: 'waits', concurrency: 4, retry: quick },
      );
      const keys = ['x', 'y', 'z', 'k', 'l', 'm'];
      const messages = keys.flatMap((key) => sequence('a', key, 3));
      for (const each of messages) await bus.publish(each);
      await until(() => tries >= 12, 'it is probed');
      isAway = false;
      await recorder.atLeast(messages.length);
      assert.equal(crowded, false);
      for (const key of keys) {
        assert.deepEqual(
          recorder.ids.filter((id) => id.startsWith(`${key}/`)),
          sequence('a', key, 3).map(({ id }) => id),
        );
      }
      assert.equal((await bus.deadLetters?.read('waits'))?.length ?? 0, 0);
    },

  'a message that always fails so holds nothing back that gets through': async (bus) => {
    const recorder = new Recorder();
    await bus.subscribe(
      ['#'],
      (each) => {
        if (each.id === 'alone') throw away();
        recorder.handler(each);
      },
      { pool: 'alone', retry: quick },
    );
    await bus.publish(message('a', { id: 'alone', partitionKey: 'alone' }));
    for (const each of sequence('a', 'k', 20)) await bus.publish(each);
    await recorder.atLeast(20);
    assert.equal((await bus.deadLetters?.read('alone'))?.length ?? 0, 0);
  },

  'what fails so counts as any other try for a subscription that says so': {
    need: 'deadLetters',
    body: async (bus) => {
      const refuse = (): void => {
        throw away();
      };
      const retry = { ...quick, unavailable: 'count' } as const;
      await bus.subscribe(['#'], refuse, { pool: 'counts', retry });
      await bus.publish(message('a'));
      await until(
        async () => (await bus.deadLetters?.read('counts'))?.length === 1,
        'it is dead-lettered',
      );
      const [letter] = (await bus.deadLetters?.read('counts')) ?? [];
      assert.equal(letter?.attempts, 2);
    },
    otherwise: async (bus) => {
      assert.equal(bus.deadLetters, undefined);
    },
  },
};
