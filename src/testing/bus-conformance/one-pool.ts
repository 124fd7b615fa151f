import assert from 'node:assert/strict';
import { DeadLetterError } from '../../delivery/bus/dead-letter-error.js';
import type { ConformanceGroup } from './fixture.js';
import { message, Recorder, sequence, until } from './recorder.js';

/** Messages that are for one pool only. */
export const onePool: ConformanceGroup = {
  'a message given to a pool reaches that pool alone, as it is and in order': async (
    bus,
    fixture,
  ) => {
    const chosen = new Recorder();
    const others = [new Recorder(), new Recorder()] as const;
    await bus.subscribe(['a.#'], chosen.handler, { pool: 'chosen' });
    await bus.subscribe(['#'], others[0].handler, { pool: 'other' });
    await bus.subscribe(['#'], others[1].handler);
    const elsewhere = await fixture.connect();
    // The key matches no pattern of the pool: who is given a message is not asked.
    const first = message('not.a.key', {
      partitionKey: 'k',
      headers: { text: 'ü', number: 7 },
      contentType: 'application/x-test',
    });
    const messages = [first, ...sequence('a.key', 'k', 20)];
    await Promise.all(messages.map((each) => elsewhere.publishToPool('chosen', each)));
    await chosen.atLeast(21);
    assert.deepEqual(
      chosen.ids,
      messages.map(({ id }) => id),
    );
    const [received] = chosen.deliveries;
    assert.ok(received);
    assert.equal(Buffer.compare(received.body, first.body), 0);
    const { key, id, partitionKey, contentType, attempt } = received;
    assert.deepEqual(
      { key, id, partitionKey, contentType, attempt, headers: { ...received.headers } },
      {
        key: 'not.a.key',
        id: first.id,
        partitionKey: 'k',
        contentType: 'application/x-test',
        attempt: 1,
        headers: { text: 'ü', number: 7 },
      },
    );
    await bus.publish(message('a.last', { id: 'last' }));
    for (const recorder of others) {
      await recorder.atLeast(1);
      assert.deepEqual(recorder.ids, ['last']);
    }
  },

  'a pool keeps what it is given while no member is there': async (bus, fixture) => {
    const member = await bus.subscribe(['a'], () => {}, { pool: 'away' });
    await member.unsubscribe();
    await bus.publishToPool('away', message('b', { id: 'kept' }));
    const recorder = new Recorder();
    const other = await fixture.connect();
    await other.subscribe(['a'], recorder.handler, { pool: 'away' });
    await recorder.atLeast(1);
    assert.deepEqual(recorder.ids, ['kept']);
  },

  'a pool that does not exist is refused, and other publishes go on': async (bus) => {
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler);
    await assert.rejects(bus.publishToPool('nowhere', message('a')), { code: 'POOL_UNKNOWN' });
    const made = await bus.subscribe(['x'], recorder.handler, { pool: 'made' });
    const settled = await Promise.allSettled([
      bus.publish(message('a', { id: 'before' })),
      bus.publishToPool('nowhere', message('a')),
      bus.publishToPool('made', message('a', { id: 'given' })),
      bus.publish(message('a', { id: 'after' })),
    ]);
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    );
    await recorder.atLeast(3);
    assert.deepEqual([...recorder.ids].sort(), ['after', 'before', 'given']);
    await made.unsubscribe();
  },

  'whether there is a pool is told, and asking makes none': async (bus, fixture) => {
    assert.equal(await bus.hasPool('asked'), false);
    assert.equal(await bus.hasPool('asked'), false);
    const member = await bus.subscribe(['x'], () => {}, { pool: 'asked' });
    const elsewhere = await fixture.connect();
    assert.equal(await elsewhere.hasPool('asked'), true);
    await member.unsubscribe();
    assert.equal(await elsewhere.hasPool('asked'), true);
  },

  'a pool that was removed is unknown': {
    need: 'removePool',
    body: async (bus) => {
      const member = await bus.subscribe(['x'], () => {}, { pool: 'made' });
      await bus.publishToPool('made', message('a'));
      await member.unsubscribe({ removePool: true });
      await assert.rejects(bus.publishToPool('made', message('a')), { code: 'POOL_UNKNOWN' });
      assert.equal(await bus.hasPool('made'), false);
    },
    otherwise: async (bus) => {
      const member = await bus.subscribe(['x'], () => {}, { pool: 'made' });
      await assert.rejects(member.unsubscribe({ removePool: true }), { code: 'BUS_CANNOT' });
      await bus.publishToPool('made', message('a'));
    },
  },

  'dead letters outlive their pool, and go nowhere until it is made again': {
    need: 'removePool',
    body: async (bus) => {
      const letters = bus.deadLetters;
      if (letters === undefined) return;
      const refuse = (): void => {
        throw new DeadLetterError('not now');
      };
      const member = await bus.subscribe(['x'], refuse, { pool: 'outlived' });
      await bus.publish(message('x', { id: 'dead' }));
      await until(async () => (await letters.read('outlived')).length === 1, 'it is dead-lettered');
      await member.unsubscribe({ removePool: true });
      await assert.rejects(letters.redrive('outlived'), { code: 'POOL_UNKNOWN' });
      assert.equal((await letters.read('outlived')).length, 1);
      const recorder = new Recorder();
      await bus.subscribe(['x'], recorder.handler, { pool: 'outlived' });
      assert.equal(await letters.redrive('outlived'), 1);
      await recorder.atLeast(1);
      assert.deepEqual(recorder.ids, ['dead']);
    },
    otherwise: async (bus) => {
      assert.equal(await bus.deadLetters?.redrive('never made'), bus.deadLetters && 0);
    },
  },

  'what a pool was given and cannot handle is dead-lettered under its own key': {
    need: 'deadLetters',
    body: async (bus) => {
      const letters = bus.deadLetters;
      assert.ok(letters);
      let broken = true;
      const recorder = new Recorder();
      await bus.subscribe(
        ['a'],
        (each) => {
          if (broken) throw new DeadLetterError('not now');
          recorder.handler(each);
        },
        { pool: 'given' },
      );
      await bus.publishToPool('given', message('its.key', { id: 'm' }));
      await until(async () => (await letters.read('given')).length === 1, 'it is dead-lettered');
      const [letter] = await letters.read('given');
      assert.equal(letter?.message.key, 'its.key');
      broken = false;
      assert.equal(await letters.redrive('given'), 1);
      await recorder.atLeast(1);
      assert.equal(recorder.deliveries[0]?.key, 'its.key');
    },
    otherwise: async (bus) => {
      assert.equal(bus.deadLetters, undefined);
    },
  },
};
