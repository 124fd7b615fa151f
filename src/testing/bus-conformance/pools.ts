import assert from 'node:assert/strict';
import type { Bus } from '../../delivery/bus/bus.js';
import type { ConformanceGroup } from './fixture.js';
import { Gate, message, Recorder, sequence, until } from './recorder.js';

/** Named groups of consumers. */
export const pools: ConformanceGroup = {
  'each pool gets every message, and exactly one of its members handles it': async (
    bus,
    fixture,
  ) => {
    const other = await fixture.connect();
    const [a1, a2, b1] = [new Recorder(), new Recorder(), new Recorder()];
    await bus.subscribe(['#'], a1.handler, { pool: 'a', order: 'member' });
    await other.subscribe(['#'], a2.handler, { pool: 'a', order: 'member' });
    await bus.subscribe(['#'], b1.handler, { pool: 'b' });
    await Promise.all(Array.from({ length: 100 }, () => bus.publish(message('a'))));
    await b1.atLeast(100);
    await until(() => a1.ids.length + a2.ids.length >= 100, 'pool a has handled all');
    assert.equal(new Set([...a1.ids, ...a2.ids]).size, 100);
    assert.equal(a1.ids.length + a2.ids.length, 100);
  },

  'members share the work where order ends at the member': async (bus, fixture) => {
    const other = await fixture.connect();
    const gate = new Gate();
    const [first, second] = [new Recorder(), new Recorder()];
    const hold =
      (recorder: Recorder) =>
      async (each: Parameters<Recorder['handler']>[0]): Promise<void> => {
        recorder.handler(each);
        await gate.pass();
      };
    const options = { pool: 'share', order: 'member', prefetch: 1 } as const;
    await Promise.all([
      bus.subscribe(['#'], hold(first), options),
      other.subscribe(['#'], hold(second), options),
    ]);
    // Of many keys, so that a transport that shares them out by key has some for each member.
    const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`);
    await Promise.all(keys.map((partitionKey) => bus.publish(message('a', { partitionKey }))));
    await first.atLeast(1);
    await second.atLeast(1);
    gate.open();
    await until(() => first.ids.length + second.ids.length >= 40, 'all are handled');
    assert.equal(new Set([...first.ids, ...second.ids]).size, 40);
  },

  'order holds over the members of a pool, also when the active one leaves': async (
    bus,
    fixture,
  ) => {
    const other = await fixture.connect();
    const handled: string[] = [];
    const handler = async ({ id }: { readonly id: string }): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      handled.push(id);
    };
    const active = await bus.subscribe(['#'], handler, { pool: 'ordered', prefetch: 20 });
    await other.subscribe(['#'], handler, { pool: 'ordered', prefetch: 20 });
    const messages = sequence('t', 'k', 100);
    await Promise.all(messages.slice(0, 60).map((each) => bus.publish(each)));
    await until(() => handled.length >= 10, 'the first are handled');
    await active.unsubscribe();
    await Promise.all(messages.slice(60).map((each) => bus.publish(each)));
    await until(() => handled.length >= 100, 'all are handled');
    assert.deepEqual(
      handled,
      messages.map(({ id }) => id),
    );
  },

  'a pool keeps its messages while no member is there': async (bus, fixture) => {
    const member = await bus.subscribe(['#'], () => {}, { pool: 'kept' });
    await member.unsubscribe();
    for (let index = 0; index < 5; index += 1) {
      assert.deepEqual(await bus.publish(message('a')), { routed: true });
    }
    const recorder = new Recorder();
    const other = await fixture.connect();
    await other.subscribe(['#'], recorder.handler, { pool: 'kept' });
    await recorder.atLeast(5);
  },

  'members that want different orders are refused': {
    need: 'choosesOrder',
    body: async (bus) => {
      await bus.subscribe(['#'], () => {}, { pool: 'settled', order: 'pool' });
      await assert.rejects(
        bus.subscribe(['#'], () => {}, { pool: 'settled', order: 'member' }),
        { code: 'TOPOLOGY_CONFLICT' },
      );
      const recorder = new Recorder();
      await bus.subscribe(['still'], recorder.handler);
      await bus.publish(message('still'));
      await recorder.atLeast(1);
    },
    otherwise: async (bus, fixture) => {
      const other = await fixture.connect();
      const handled: string[] = [];
      const handler = ({ id }: { readonly id: string }): void => void handled.push(id);
      await Promise.all([
        bus.subscribe(['#'], handler, { pool: 'settled', order: 'pool' }),
        other.subscribe(['#'], handler, { pool: 'settled', order: 'member' }),
      ]);
      const messages = ['x', 'y', 'z'].flatMap((key) => sequence('t', key, 50));
      await Promise.all(messages.map((each) => bus.publish(each)));
      await until(() => handled.length === 150, 'all are handled');
      for (const key of ['x', 'y', 'z']) {
        const ids = handled.filter((id) => id.startsWith(key));
        assert.deepEqual(
          ids,
          sequence('', key, 50).map(({ id }) => id),
        );
      }
    },
  },

  'a pool gets what any of its members ever subscribed to': {
    need: 'unitesPatterns',
    body: async (bus) => {
      const recorder = new Recorder();
      await subscribeInTurn(bus, recorder);
      await recorder.atLeast(4);
      assert.deepEqual(new Set(recorder.ids), new Set(['a1', 'b1', 'a2', 'b2']));
    },
    otherwise: async (bus) => {
      const recorder = new Recorder();
      await subscribeInTurn(bus, recorder);
      await recorder.atLeast(2);
      assert.deepEqual(new Set(recorder.ids), new Set(['b1', 'b2']));
    },
  },
};

/** One member that subscribes to `a` and `b`, and its successor that subscribes to `b` alone. */
async function subscribeInTurn(bus: Bus, recorder: Recorder): Promise<void> {
  const first = await bus.subscribe(['a', 'b'], () => {}, { pool: 'united' });
  await first.unsubscribe();
  for (const id of ['a1', 'b1']) await bus.publish(message(id.slice(0, 1), { id }));
  await bus.subscribe(['b'], recorder.handler, { pool: 'united' });
  for (const id of ['a2', 'b2']) await bus.publish(message(id.slice(0, 1), { id }));
}
