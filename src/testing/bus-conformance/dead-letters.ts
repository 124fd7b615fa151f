import assert from 'node:assert/strict';
import type { Bus, DeadLetter, DeadLetters } from '../../delivery/bus/bus.js';
import { DeadLetterError } from '../../delivery/bus/dead-letter-error.js';
import { groupDeadLetters } from '../../delivery/bus/dead-letter-groups.js';
import type { ConformanceGroup } from './fixture.js';
import { message, Recorder, until } from './recorder.js';

const quick = { attempts: 3, delay: 1, maxDelay: 2 };

/** Messages that cannot be handled. */
export const deadLetters: ConformanceGroup = {
  'a delivery that fails too often is dead-lettered with its reason, and the others go on': {
    need: 'deadLetters',
    body: async (bus) => {
      const letters = lettersOf(bus);
      const recorder = new Recorder();
      const attempts: number[] = [];
      await bus.subscribe(
        ['#'],
        (each) => {
          if (each.key !== 'poison') return recorder.handler(each);
          attempts.push(each.attempt);
          throw new Error('indigestible');
        },
        { pool: 'poisoned', retry: quick },
      );
      const poison = message('poison', {
        partitionKey: 'k',
        headers: { a: 1 },
        contentType: 'application/x-test',
      });
      await bus.publish(poison);
      for (let index = 0; index < 5; index += 1)
        await bus.publish(message('fine', { partitionKey: 'k' }));
      await recorder.atLeast(5);
      assert.deepEqual(attempts, [1, 2, 3]);
      const [letter, ...rest] = await letters.read('poisoned');
      assert.equal(rest.length, 0);
      assert.ok(letter);
      assert.match(letter.reason, /3 tries.*indigestible/);
      assert.equal(letter.attempts, 3);
      assert.equal(letter.pool, 'poisoned');
      assert.ok(Date.parse(letter.time) > 0);
      assert.deepEqual(letter.error, { name: 'Error', message: 'indigestible' });
      assert.match(letter.origin.member ?? '', /.:\d+$/);
      const { key, id, partitionKey, contentType } = letter.message;
      assert.deepEqual(
        { key, id, partitionKey, contentType, headers: { ...letter.message.headers } },
        {
          key: 'poison',
          id: poison.id,
          partitionKey: 'k',
          contentType: 'application/x-test',
          headers: { a: 1 },
        },
      );
      assert.equal(Buffer.compare(letter.message.body, poison.body), 0);
    },
    otherwise: keepsNone,
  },

  'a body that is larger than a subscription takes is put aside untried, and the others go on': {
    need: 'deadLetters',
    body: async (bus) => {
      const recorder = new Recorder();
      await bus.subscribe(['#'], recorder.handler, { pool: 'small', maxIncoming: 100 });
      await bus.publish(message('a', { id: 'large', body: new Uint8Array(101) }));
      await bus.publish(message('a', { id: 'fits', body: new Uint8Array(100) }));
      await recorder.atLeast(1);
      assert.deepEqual(recorder.ids, ['fits']);
      const letters = lettersOf(bus);
      await until(async () => (await letters.read('small')).length === 1, 'it is put aside');
      const [letter] = await letters.read('small');
      assert.match(letter?.reason ?? '', /101 bytes exceeds the 100/);
      assert.equal(letter?.attempts, 0);
      assert.equal(letter?.message.body.byteLength, 101);
    },
    otherwise: keepsNone,
  },

  'DeadLetterError dead-letters at once': {
    need: 'deadLetters',
    body: async (bus) => {
      const letters = lettersOf(bus);
      let tries = 0;
      await bus.subscribe(
        ['#'],
        () => {
          tries += 1;
          throw new DeadLetterError('this is poison');
        },
        { pool: 'at-once' },
      );
      await bus.publish(message('a'));
      await until(async () => (await letters.read('at-once')).length === 1, 'it is dead-lettered');
      assert.equal((await letters.read('at-once'))[0]?.reason, 'this is poison');
      assert.equal(tries, 1);
    },
    otherwise: keepsNone,
  },

  'an error of any length is told in short, and what it befell is kept': {
    need: 'deadLetters',
    body: async (bus) => {
      const letters = lettersOf(bus);
      const long = `beginning ${'é'.repeat(300_000)}`;
      await bus.subscribe(
        ['#'],
        ({ key }) => {
          throw key === 'poison' ? new DeadLetterError(long) : new Error(long);
        },
        { pool: 'long', retry: { attempts: 1 } },
      );
      await bus.publish(message('poison', { partitionKey: 'k' }));
      await bus.publish(message('fails', { partitionKey: 'k' }));
      await until(async () => (await letters.read('long')).length === 2, 'both are dead-lettered');
      for (const { reason, error } of await letters.read('long')) {
        for (const told of [reason, error?.message ?? '']) {
          assert.match(told, /beginning é/);
          assert.ok(told.length < 10_000, 'it is told in short');
        }
      }
    },
    otherwise: keepsNone,
  },

  'dead letters are read without being taken, redriven to their pool alone, and dropped': {
    need: 'deadLetters',
    body: async (bus) => {
      const letters = lettersOf(bus);
      let broken = true;
      const mended = new Recorder();
      const bystander = new Recorder();
      await bus.subscribe(
        ['#'],
        (each) => {
          if (broken) throw new DeadLetterError('broken');
          mended.handler(each);
        },
        { pool: 'mended' },
      );
      await bus.subscribe(['#'], bystander.handler, { pool: 'bystander' });
      for (const id of ['one', 'two', 'three']) {
        await bus.publish(message(`key.${id}`, { id, partitionKey: 'k' }));
      }
      await until(async () => (await letters.read('mended')).length === 3, 'all are dead-lettered');
      assert.deepEqual(await idsOf(letters, 'mended'), ['one', 'two', 'three']);
      assert.equal((await letters.read('mended', { limit: 2 })).length, 2);
      assert.deepEqual(await idsOf(letters, 'bystander'), []);
      assert.equal(await letters.drop('mended', { ids: ['two'] }), 1);
      broken = false;
      assert.equal(await letters.redrive('mended', { ids: ['three', 'unknown'] }), 1);
      await mended.atLeast(1);
      assert.deepEqual(await idsOf(letters, 'mended'), ['one']);
      assert.equal(await letters.redrive('mended'), 1);
      await mended.atLeast(2);
      assert.deepEqual(
        mended.deliveries.map(({ key, attempt }) => `${key}#${attempt}`),
        ['key.three#1', 'key.one#1'],
      );
      assert.deepEqual(await idsOf(letters, 'mended'), []);
      await bus.publish(message('last'));
      await bystander.atLeast(4);
      assert.equal(bystander.ids.length, 4);
    },
    otherwise: keepsNone,
  },

  'dead letters are taken by the pattern of their reason, and by ids': {
    need: 'deadLetters',
    body: async (bus) => {
      const letters = lettersOf(bus);
      await bus.subscribe(
        ['#'],
        ({ key, id }) => {
          throw new DeadLetterError(key === 'volume' ? `no volume ${id}` : 'not billable');
        },
        { pool: 'reasons' },
      );
      const ids = ['11', '22', '33', '44'];
      // Of one key, so that they come in order.
      for (const id of ids) await bus.publish(message('volume', { id, partitionKey: 'k' }));
      await bus.publish(message('usage', { id: '55', partitionKey: 'k' }));
      const all = async (): Promise<readonly DeadLetter[]> => letters.read('reasons');
      await until(async () => (await all()).length === 5, 'all are dead-lettered');
      const [volumes, usage, ...rest] = groupDeadLetters(await all());
      assert.deepEqual(rest, []);
      assert.deepEqual([volumes?.reason, volumes?.count], ['no volume *', 4]);
      assert.deepEqual([usage?.reason, usage?.count, usage?.sample], ['not billable', 1, '55']);
      const taken = await letters.read('reasons', { reason: 'no volume *', limit: 3 });
      assert.deepEqual(
        taken.map(({ message: { id } }) => id),
        ['11', '22', '33'],
      );
      assert.equal(await letters.drop('reasons', { reason: 'no volume *', ids: ['22', '55'] }), 1);
      assert.equal(await letters.drop('reasons', { reason: 'not *' }), 1);
      assert.deepEqual(await idsOf(letters, 'reasons'), ['11', '33', '44']);
    },
    otherwise: keepsNone,
  },

  'a redriven message that fails again is dead-lettered again': {
    need: 'deadLetters',
    body: async (bus) => {
      const letters = lettersOf(bus);
      let tries = 0;
      await bus.subscribe(
        ['#'],
        () => {
          tries += 1;
          throw new DeadLetterError(`try ${tries}`);
        },
        { pool: 'again' },
      );
      await bus.publish(message('the.key', { id: 'm' }));
      await until(async () => (await letters.read('again')).length === 1, 'it is dead-lettered');
      await letters.redrive('again');
      await until(
        async () => (await letters.read('again'))[0]?.reason === 'try 2',
        'it is dead-lettered again',
      );
      const [letter] = await letters.read('again');
      assert.equal(letter?.message.key, 'the.key');
      assert.equal(tries, 2);
    },
    otherwise: keepsNone,
  },

  'an ephemeral subscription gives a poison message up, and goes on': async (bus) => {
    const recorder = new Recorder();
    await bus.subscribe(['#'], (each) => {
      if (each.key === 'poison') throw new DeadLetterError('poison');
      recorder.handler(each);
    });
    await bus.publish(message('poison', { partitionKey: 'k' }));
    await bus.publish(message('fine', { partitionKey: 'k' }));
    await recorder.atLeast(1);
    assert.deepEqual(
      recorder.deliveries.map(({ key }) => key),
      ['fine'],
    );
  },
};

function lettersOf(bus: Bus): DeadLetters {
  assert.ok(bus.deadLetters, 'a bus that declares dead letters offers them');
  return bus.deadLetters;
}

/** Without dead letters a message that cannot be handled is given up, and its key goes on. */
async function keepsNone(bus: Bus): Promise<void> {
  assert.equal(bus.deadLetters, undefined);
  const recorder = new Recorder();
  await bus.subscribe(
    ['#'],
    (each) => {
      if (each.key === 'poison') throw new DeadLetterError('poison');
      recorder.handler(each);
    },
    { pool: 'forgetful' },
  );
  await bus.publish(message('poison', { partitionKey: 'k' }));
  await bus.publish(message('fine', { partitionKey: 'k' }));
  await recorder.atLeast(1);
  assert.equal(recorder.deliveries[0]?.key, 'fine');
}

async function idsOf(letters: DeadLetters, pool: string): Promise<readonly string[]> {
  return (await letters.read(pool)).map(({ message: { id } }) => id);
}
