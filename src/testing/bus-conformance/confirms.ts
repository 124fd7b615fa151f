import assert from 'node:assert/strict';
import type { ConformanceGroup } from './fixture.js';
import { message, Recorder } from './recorder.js';

/** The meaning of a resolved or rejected publish. */
export const confirms: ConformanceGroup = {
  'what was confirmed outlives its publisher': {
    need: 'durable',
    body: async (bus, fixture) => {
      const member = await bus.subscribe(['#'], () => {}, { pool: 'heir' });
      await member.unsubscribe();
      const publisher = await fixture.connect();
      const messages = Array.from({ length: 50 }, () => message('a'));
      await Promise.all(messages.map((each) => publisher.publish(each)));
      await publisher.close();
      const recorder = new Recorder();
      await bus.subscribe(['#'], recorder.handler, { pool: 'heir' });
      await recorder.atLeast(50);
      assert.deepEqual(new Set(recorder.ids), new Set(messages.map(({ id }) => id)));
    },
    otherwise: async (bus) => {
      assert.deepEqual(await bus.publish(message('a')), { routed: false });
      await bus.close();
      await assert.rejects(bus.publish(message('a')), { code: 'CLOSED' });
    },
  },

  'publish tells whether anybody wanted the message': {
    need: 'reportsUnroutable',
    body: async (bus) => {
      await bus.subscribe(['wanted'], () => {});
      assert.deepEqual(await bus.publish(message('wanted')), { routed: true });
      assert.deepEqual(await bus.publish(message('unwanted')), { routed: false });
      const mixed = ['wanted', 'unwanted', 'wanted', 'unwanted'];
      const results = await Promise.all(mixed.map((key) => bus.publish(message(key))));
      assert.deepEqual(results, [
        { routed: true },
        { routed: false },
        { routed: true },
        { routed: false },
      ]);
    },
    otherwise: async (bus) => {
      assert.deepEqual(await bus.publish(message('unwanted')), { routed: true });
    },
  },

  'a routing key over 255 bytes is refused, and the others go on': async (bus) => {
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler);
    const [first, long, last] = await Promise.allSettled([
      bus.publish(message('first')),
      bus.publish(message('é'.repeat(128))),
      bus.publish(message('x'.repeat(255))),
    ]);
    assert.equal(first.status, 'fulfilled');
    assert.equal(last.status, 'fulfilled');
    assert.equal(long.status === 'rejected' && long.reason.code, 'ROUTING_KEY_TOO_LONG');
    await recorder.atLeast(2);
  },
};
