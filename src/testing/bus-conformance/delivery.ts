import assert from 'node:assert/strict';
import type { ConformanceGroup } from './fixture.js';
import { Gate, message, Recorder, sequence, until } from './recorder.js';

const quick = { attempts: 3, delay: 1, maxDelay: 2 };

/** Order, retries and concurrency of one subscription. */
export const delivery: ConformanceGroup = {
  'messages of one key arrive in the order of the calls, also when nobody waits between them':
    async (bus) => {
      const ephemeral = new Recorder();
      const pooled = new Recorder();
      await bus.subscribe(['t.#'], ephemeral.handler);
      await bus.subscribe(['t.#'], pooled.handler, { pool: 'order', concurrency: 8 });
      const messages = ['x', 'y', 'z'].flatMap((key) => sequence(`t.${key}`, key, 100));
      await Promise.all(messages.map((each) => bus.publish(each)));
      for (const recorder of [ephemeral, pooled]) {
        await recorder.atLeast(300);
        for (const key of ['x', 'y', 'z']) {
          const ids = recorder.ids.filter((id) => id.startsWith(key));
          assert.deepEqual(
            ids,
            sequence('', key, 100).map(({ id }) => id),
          );
        }
      }
    },

  'deliveries of one key are handled one after another, those of others at the same time': async (
    bus,
  ) => {
    const running = new Map<string, number>();
    let most = 0;
    let overlap = false;
    let handled = 0;
    await bus.subscribe(
      ['#'],
      async ({ partitionKey = '' }) => {
        const same = running.get(partitionKey) ?? 0;
        if (same > 0) overlap = true;
        running.set(partitionKey, same + 1);
        const total = [...running.values()].reduce((sum, each) => sum + each, 0);
        most = Math.max(most, total);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running.set(partitionKey, (running.get(partitionKey) ?? 0) - 1);
        handled += 1;
      },
      { pool: 'serial', concurrency: 4 },
    );
    const messages = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => sequence(`t.${key}`, key, 20));
    await Promise.all(messages.flat().map((each) => bus.publish(each)));
    await until(() => handled === 120, 'all are handled');
    assert.equal(overlap, false);
    assert.equal(most, 4);
  },

  'a failed delivery is tried again, holds back only its own key, and keeps its order': async (
    bus,
  ) => {
    const order: string[] = [];
    const attempts: number[] = [];
    await bus.subscribe(
      ['#'],
      ({ id, attempt }) => {
        if (id === 'x/0') {
          attempts.push(attempt);
          if (!order.includes('y/0')) throw new Error('not yet');
        }
        order.push(id);
      },
      { pool: 'retry', retry: { attempts: 500, delay: 20, maxDelay: 50 } },
    );
    for (const each of sequence('t', 'x', 2)) await bus.publish(each);
    await until(() => attempts.length >= 2, 'it is tried again');
    for (const each of sequence('t', 'y', 1)) await bus.publish(each);
    await until(() => order.length === 3, 'all three are handled');
    assert.deepEqual(order, ['y/0', 'x/0', 'x/1']);
    assert.deepEqual(
      attempts,
      attempts.map((_, index) => index + 1),
    );
  },

  'with retries that release, later deliveries of the key go on while a failed one waits': async (
    bus,
  ) => {
    const order: string[] = [];
    let failing = true;
    await bus.subscribe(
      ['#'],
      ({ id }) => {
        if (id === 'x/0' && failing) throw new Error('not yet');
        order.push(id);
      },
      { pool: 'release', retry: { attempts: 1000, delay: 20, maxDelay: 20, order: 'release' } },
    );
    for (const each of sequence('t', 'x', 3)) await bus.publish(each);
    await until(() => order.length === 2, 'the later ones are handled');
    assert.deepEqual(order, ['x/1', 'x/2']);
    failing = false;
    await until(() => order.length === 3, 'the failed one is handled');
    assert.equal(order[2], 'x/0');
  },

  'a paused subscription starts no handler, keeps its place, and goes on where it stopped': async (
    bus,
  ) => {
    const gate = new Gate();
    const pooled = new Recorder();
    const ephemeral = new Recorder();
    const witness = new Recorder();
    let returned = false;
    const member = await bus.subscribe(
      ['#'],
      async (each) => {
        pooled.handler(each);
        await gate.pass();
        returned = true;
      },
      { pool: 'pausing', prefetch: 5 },
    );
    const listener = await bus.subscribe(['#'], ephemeral.handler);
    await bus.subscribe(['#'], witness.handler, { pool: 'witness' });
    const messages = sequence('t', 'k', 20);
    const [first, ...others] = messages;
    if (first !== undefined) await bus.publish(first);
    await pooled.atLeast(1);
    await ephemeral.atLeast(1);
    await listener.pause();
    const pausing = member.pause();
    gate.open();
    await pausing;
    assert.equal(returned, true, 'the handler under way has returned');
    assert.equal(member.paused, true);
    for (const each of others) await bus.publish(each);
    await witness.atLeast(20);
    assert.equal(pooled.ids.length, 1);
    assert.equal(ephemeral.ids.length, 1);
    await member.pause();
    for (const subscription of [member, listener]) {
      subscription.resume();
      subscription.resume();
      assert.equal(subscription.paused, false);
    }
    const ids = messages.map(({ id }) => id);
    for (const recorder of [pooled, ephemeral]) {
      await recorder.atLeast(20);
      assert.deepEqual(recorder.ids, ids);
    }
  },

  'a failing handler reaches neither the publisher nor another subscription': async (bus) => {
    const healthy = new Recorder();
    await bus.subscribe(
      ['#'],
      () => {
        throw new Error('broken');
      },
      { retry: quick },
    );
    await bus.subscribe(['#'], async () => Promise.reject(new Error('broken too')), {
      retry: quick,
    });
    await bus.subscribe(['#'], healthy.handler);
    for (let index = 0; index < 10; index += 1) {
      assert.deepEqual(await bus.publish(message('a')), { routed: true });
    }
    await healthy.atLeast(10);
  },

  'the handler never runs inside the call that publishes': async (bus) => {
    let inside = false;
    const recorder = new Recorder();
    await bus.subscribe(['#'], (each) => {
      assert.equal(inside, false);
      recorder.handler(each);
    });
    inside = true;
    const published = bus.publish(message('a'));
    inside = false;
    await published;
    await recorder.atLeast(1);
  },

  'a delivery is acknowledged when its handler returns, and not before': async (bus) => {
    const gate = new Gate();
    const started = new Recorder();
    const first = await bus.subscribe(
      ['#'],
      async (each, signal) => {
        started.handler(each);
        await gate.pass();
        signal.throwIfAborted();
      },
      { pool: 'ack' },
    );
    await bus.publish(message('a', { id: 'held' }));
    await started.atLeast(1);
    const leaving = first.unsubscribe();
    gate.open();
    await leaving;
    const second = new Recorder();
    await bus.subscribe(['#'], second.handler, { pool: 'ack' });
    await second.atLeast(1);
    assert.deepEqual(second.ids, ['held']);
    assert.equal(second.deliveries[0]?.attempt, 1);
  },

  'what another member had before is marked as redelivered': {
    need: 'marksRedelivered',
    body: async (bus, fixture) => {
      const gate = new Gate();
      const started = new Recorder();
      const first = await bus.subscribe(
        ['#'],
        async (each, signal) => {
          started.handler(each);
          await gate.pass();
          signal.throwIfAborted();
        },
        { pool: 'marked' },
      );
      await bus.publish(message('a'));
      await started.atLeast(1);
      const leaving = first.unsubscribe();
      gate.open();
      await leaving;
      const recorder = new Recorder();
      const other = await fixture.connect();
      await other.subscribe(['#'], recorder.handler, { pool: 'marked' });
      await recorder.atLeast(1);
      assert.equal(recorder.deliveries[0]?.redelivered, true);
    },
    otherwise: async (bus) => {
      const attempts: boolean[] = [];
      await bus.subscribe(
        ['#'],
        ({ redelivered }) => {
          attempts.push(redelivered);
          if (attempts.length === 1) throw new Error('again');
        },
        { pool: 'marked', retry: quick },
      );
      await bus.publish(message('a'));
      await until(() => attempts.length === 2, 'it is tried again');
      assert.deepEqual(attempts, [false, true]);
    },
  },
};
