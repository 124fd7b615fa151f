import assert from 'node:assert/strict';
import type { Bus } from '../../delivery/bus/bus.js';
import type { ConditionalBody, ConformanceGroup } from './fixture.js';
import { Gate, message, Recorder, sequence, until } from './recorder.js';

/** Connections that break while messages are under way. */
export const interruptions: ConformanceGroup = {
  'after an interruption subscriptions and publishing go on, and a pool has lost nothing':
    interrupted(async (bus, interrupt) => {
      const pooled = new Recorder();
      const ephemeral = new Recorder();
      await bus.subscribe(['#'], pooled.handler, { pool: 'survivor' });
      await bus.subscribe(['#'], ephemeral.handler);
      await bus.publish(message('before', { id: 'before' }));
      await pooled.atLeast(1);
      for (const round of ['first', 'second']) {
        await interrupt();
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
    }),

  'an ephemeral subscription that may have missed messages says so': interrupted(
    async (bus, interrupt) => {
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
      await interrupt();
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
  ),

  'a handler under way at an interruption is not run twice at the same time': interrupted(
    async (bus, interrupt) => {
      const gate = new Gate();
      let running = 0;
      let most = 0;
      const attempts: string[] = [];
      await bus.subscribe(
        ['#'],
        async ({ id, redelivered }) => {
          running += 1;
          most = Math.max(most, running);
          attempts.push(`${id} ${redelivered ? 'again' : 'first'}`);
          await gate.pass();
          running -= 1;
        },
        { pool: 'once-at-a-time', concurrency: 4 },
      );
      await bus.publish(message('a', { id: 'held', partitionKey: 'k' }));
      await until(() => running === 1, 'the handler runs');
      await interrupt();
      await untilItIsBack(bus);
      gate.open();
      await bus.publish(message('a', { id: 'last', partitionKey: 'k' }));
      await until(() => attempts.includes('last first'), 'the key goes on');
      assert.equal(most, 1);
      // Where acknowledgements survive the connection it does not come again.
      assert.deepEqual(without(attempts, 'held again'), ['held first', 'last first']);
    },
  ),

  'a handler of a message of no resource that outlives an interruption is the only one it has':
    interrupted(async (bus, interrupt) => {
      const gate = new Gate();
      let running = 0;
      let most = 0;
      const runs: string[] = [];
      await bus.subscribe(
        ['#'],
        async ({ id }) => {
          if (id !== 'last') running += 1;
          most = Math.max(most, running);
          runs.push(id);
          await gate.pass();
          if (id !== 'last') running -= 1;
        },
        { pool: 'of-no-resource', concurrency: 4 },
      );
      await bus.publish(message('a', { id: 'held' }));
      await until(() => running === 1, 'the handler runs');
      await interrupt();
      await untilItIsBack(bus);
      await bus.publish(message('a', { id: 'last' }));
      await until(() => runs.includes('last'), 'what came later is handled');
      gate.open();
      await until(() => running === 0, 'the handler has returned');
      // Whatever the transport had taken back has come again before this.
      await bus.publish(message('a', { id: 'witness' }));
      await until(() => runs.includes('witness'), 'everything is handled');
      assert.equal(most, 1);
      assert.deepEqual(runs, ['held', 'last', 'witness']);
    }),

  'what no handler had begun at an interruption is handled once, in its place': interrupted(
    async (bus, interrupt) => {
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
      await interrupt();
      await untilItIsBack(bus);
      gate.open();
      await recorder.atLeast(6);
      await bus.publish(message('a', { id: 'last', partitionKey: 'k' }));
      await until(() => recorder.ids.includes('last'), 'the last is handled');
      const [first = '', ...others] = messages.map(({ id }) => id);
      const [begun, ...rest] = recorder.ids;
      assert.equal(begun, first);
      assert.deepEqual(without(rest, first), [...others, 'last']);
    },
  ),
};

function interrupted(
  body: (bus: Bus, interrupt: () => Promise<void>) => Promise<void>,
): ConditionalBody {
  return {
    need: 'interrupt',
    body: async (bus, fixture) => {
      const { interrupt } = fixture;
      assert.ok(interrupt, 'the place can interrupt, or says why not in `untried`');
      await body(bus, interrupt);
    },
    otherwise: async (bus, fixture) => {
      assert.equal(fixture.interrupt, undefined);
      await bus.connect();
    },
  };
}

/** Subscribes after an interruption, and so resolves after everything was restored. */
async function untilItIsBack(bus: Bus): Promise<void> {
  await until(
    () =>
      bus
        .subscribe(['probe'], () => {})
        .then(
          () => true,
          () => false,
        ),
    'it is back',
  );
}

/** The list without one occurrence of a value that may be at its head. */
function without(list: readonly string[], value: string): readonly string[] {
  const at = list.indexOf(value);
  return at === -1 ? list : list.toSpliced(at, 1);
}
