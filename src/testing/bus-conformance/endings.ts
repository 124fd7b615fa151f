import assert from 'node:assert/strict';
import type { ConformanceGroup } from './fixture.js';
import { Gate, message, Recorder } from './recorder.js';

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

  'unsubscribe removes what an ephemeral subscription made, and leaves a pool what it has': async (
    bus,
    fixture,
  ) => {
    const ephemeral = await bus.subscribe(['gone'], () => {});
    await ephemeral.unsubscribe();
    assert.deepEqual(await bus.publish(message('gone')), {
      routed: !bus.capabilities.reportsUnroutable,
    });
    const member = await bus.subscribe(['kept'], () => {}, { pool: 'kept' });
    await member.unsubscribe();
    assert.deepEqual(await bus.publish(message('kept', { id: 'kept' })), { routed: true });
    const recorder = new Recorder();
    const other = await fixture.connect();
    await other.subscribe(['kept'], recorder.handler, { pool: 'kept' });
    await recorder.atLeast(1);
    assert.deepEqual(recorder.ids, ['kept']);
  },

  'a pool that was removed has forgotten its messages': {
    need: 'removePool',
    body: async (bus) => {
      const member = await bus.subscribe(['#'], () => {}, { pool: 'removed' });
      await member.unsubscribe();
      await bus.publish(message('a', { id: 'before' }));
      await member.unsubscribe({ removePool: true });
      assert.deepEqual(await bus.publish(message('a', { id: 'between' })), {
        routed: !bus.capabilities.reportsUnroutable,
      });
      const recorder = new Recorder();
      await bus.subscribe(['#'], recorder.handler, { pool: 'removed' });
      await bus.publish(message('a', { id: 'after' }));
      await recorder.atLeast(1);
      assert.deepEqual(recorder.ids, ['after']);
    },
    otherwise: async (bus) => {
      const member = await bus.subscribe(['#'], () => {}, { pool: 'removed' });
      await assert.rejects(member.unsubscribe({ removePool: true }), { code: 'BUS_CANNOT' });
    },
  },

  'members that remove their pool at the same time, and again, are all done, and it is gone': {
    need: 'removePool',
    body: async (bus, fixture) => {
      const other = await fixture.connect();
      const members = [
        await bus.subscribe(['#'], () => {}, { pool: 'together' }),
        await bus.subscribe(['#'], () => {}, { pool: 'together' }),
        await other.subscribe(['#'], () => {}, { pool: 'together' }),
      ];
      await Promise.all(members.map((member) => member.unsubscribe({ removePool: true })));
      for (const member of members) await member.unsubscribe({ removePool: true });
      assert.equal(await bus.hasPool('together'), false);
      const recorder = new Recorder();
      await other.subscribe(['#'], recorder.handler, { pool: 'together' });
      await bus.publish(message('a', { id: 'after' }));
      await recorder.atLeast(1);
      assert.deepEqual(recorder.ids, ['after']);
    },
    otherwise: async (bus) => {
      const member = await bus.subscribe(['#'], () => {}, { pool: 'together' });
      await assert.rejects(member.unsubscribe({ removePool: true }), { code: 'BUS_CANNOT' });
    },
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
};
