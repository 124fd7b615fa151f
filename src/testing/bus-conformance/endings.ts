import assert from 'node:assert/strict';
import type { ConformanceGroup } from './fixture.js';
import { Gate, message, Recorder, sequence, until } from './recorder.js';

/** Unsubscribing, closing, and being interrupted. */
export const endings: ConformanceGroup = {
  'unsubscribe waits for the handler under way, and nothing comes after it': async (bus) => {
    const gate = new Gate();
    const recorder = new Recorder();
    let finished = false;
    const subscription = await bus.subscribe(['#'], async (each) => {
      recorder.handler(each);
      await gate.pass();
      finished = true;
    });
    await bus.publish(message('a'));
    await recorder.atLeast(1);
    const ending = subscription.unsubscribe();
    await bus.publish(message('a'));
    gate.open();
    await ending;
    assert.equal(finished, true);
    await bus.publish(message('a'));
    const witness = new Recorder();
    await bus.subscribe(['#'], witness.handler);
    await bus.publish(message('a'));
    await witness.atLeast(1);
    assert.equal(recorder.ids.length, 1);
    await subscription.unsubscribe();
  },

  'unsubscribe removes what an ephemeral subscription made, and a pool only when asked': async (
    bus,
  ) => {
    const ephemeral = await bus.subscribe(['gone'], () => {});
    await ephemeral.unsubscribe();
    const unroutable = { routed: !bus.capabilities.reportsUnroutable };
    assert.deepEqual(await bus.publish(message('gone')), unroutable);
    const member = await bus.subscribe(['kept'], () => {}, { pool: 'kept' });
    await member.unsubscribe();
    assert.deepEqual(await bus.publish(message('kept')), { routed: true });
    await member.unsubscribe({ removePool: true });
    assert.deepEqual(await bus.publish(message('kept')), unroutable);
  },

  'closing waits for handlers under way, and a closed bus refuses': async (bus) => {
    const gate = new Gate();
    const recorder = new Recorder();
    let finished = false;
    await bus.subscribe(['#'], async (each) => {
      recorder.handler(each);
      await gate.pass();
      finished = true;
    });
    await bus.publish(message('a'));
    await recorder.atLeast(1);
    const closing = bus.close();
    gate.open();
    await closing;
    assert.equal(finished, true);
    await bus.close();
    await assert.rejects(bus.publish(message('a')), { code: 'CLOSED' });
    await assert.rejects(
      bus.subscribe(['#'], () => {}),
      { code: 'CLOSED' },
    );
    await assert.rejects(bus.connect(), { code: 'CLOSED' });
  },

  'after an interruption subscriptions and publishing go on, and a pool has lost nothing': async (
    bus,
    fixture,
  ) => {
    if (fixture.interrupt === undefined) return;
    const pooled = new Recorder();
    const ephemeral = new Recorder();
    await bus.subscribe(['#'], pooled.handler, { pool: 'survivor' });
    await bus.subscribe(['#'], ephemeral.handler);
    await bus.publish(message('before', { id: 'before' }));
    await pooled.atLeast(1);
    for (const round of ['first', 'second']) {
      await fixture.interrupt();
      const id = `after the ${round}`;
      // What was not confirmed when the connection broke is the publisher's to repeat.
      await until(
        () =>
          bus.publish(message('after', { id })).then(
            () => true,
            (error: { readonly code?: string }) => {
              assert.equal(error.code, 'BUS_UNAVAILABLE');
              return false;
            },
          ),
        'publishing works again',
      );
      await until(() => pooled.ids.includes(id), 'the pool has it');
      await until(async () => {
        await bus.publish(message('probe'));
        return ephemeral.deliveries.some(({ key }) => key === 'probe');
      }, 'the ephemeral subscription is back');
      ephemeral.deliveries.length = 0;
    }
  },

  'an ephemeral subscription that may have missed messages says so': async (bus, fixture) => {
    if (fixture.interrupt === undefined) return;
    const recorder = new Recorder();
    let missed = 0;
    await bus.subscribe(['#'], recorder.handler, {
      onMissed: () => {
        missed += 1;
      },
    });
    let poolMissed = 0;
    await bus.subscribe(['#'], () => {}, {
      pool: 'keeps',
      onMissed: () => {
        poolMissed += 1;
      },
    });
    await fixture.interrupt();
    const confirmed: string[] = [];
    await until(async () => {
      const probe = message('probe');
      await bus.publish(probe).then(
        () => confirmed.push(probe.id),
        () => undefined,
      );
      return recorder.ids.some((id) => confirmed.includes(id));
    }, 'the ephemeral subscription is back');
    const last = message('last');
    await bus.publish(last);
    await until(() => recorder.ids.includes(last.id), 'the last one came');
    const everything = confirmed.every((id) => recorder.ids.includes(id));
    assert.ok(everything || missed > 0, 'messages passed unseen, and nobody was told');
    assert.equal(poolMissed, 0);
  },

  'a handler under way at an interruption is not run twice at the same time': async (
    bus,
    fixture,
  ) => {
    if (fixture.interrupt === undefined) return;
    const gate = new Gate();
    let running = 0;
    let most = 0;
    let handled = 0;
    const attempts: boolean[] = [];
    await bus.subscribe(
      ['#'],
      async ({ redelivered }) => {
        running += 1;
        most = Math.max(most, running);
        attempts.push(redelivered);
        await gate.pass();
        running -= 1;
        handled += 1;
      },
      { pool: 'once-at-a-time', concurrency: 4 },
    );
    await bus.publish(message('a', { partitionKey: 'k' }));
    await until(() => running === 1, 'the handler runs');
    await fixture.interrupt();
    const probe = new Recorder();
    await until(
      () =>
        bus.subscribe(['probe'], probe.handler).then(
          () => true,
          () => false,
        ),
      'it is back',
    );
    gate.open();
    await until(() => handled === 2, 'the redelivery is handled too');
    assert.equal(most, 1);
    assert.deepEqual(attempts, [false, true]);
  },

  'what no handler had begun at an interruption is handled once, in its place': async (
    bus,
    fixture,
  ) => {
    if (fixture.interrupt === undefined) return;
    const gate = new Gate();
    const recorder = new Recorder();
    await bus.subscribe(
      ['#'],
      async (each) => {
        recorder.handler(each);
        await gate.pass();
      },
      { pool: 'in-its-place', concurrency: 4 },
    );
    const messages = sequence('a', 'k', 6);
    for (const each of messages) await bus.publish(each);
    await recorder.atLeast(1);
    await fixture.interrupt();
    const probe = new Recorder();
    const subscribed = (): Promise<boolean> =>
      bus.subscribe(['probe'], probe.handler).then(
        () => true,
        () => false,
      );
    await until(subscribed, 'it is back');
    gate.open();
    await recorder.atLeast(7);
    await bus.publish(message('a', { id: 'last', partitionKey: 'k' }));
    await until(() => recorder.ids.includes('last'), 'the last is handled');
    const [first, ...others] = messages.map(({ id }) => id);
    assert.deepEqual(recorder.ids, [first, first, ...others, 'last']);
  },
};
