import assert from 'node:assert/strict';
import type { Bus, BusMessage } from '../../delivery/bus/bus.js';
import type { ConformanceGroup } from './fixture.js';
import { message, Recorder } from './recorder.js';

const routes: readonly { readonly pattern: string; readonly keys: readonly string[] }[] = [
  { pattern: 'a.b.c', keys: ['a.b.c'] },
  { pattern: 'a.*.c', keys: ['a.b.c', 'a..c'] },
  { pattern: 'a.#', keys: ['a', 'a.b', 'a.b.c', 'a..c', 'a.b.c.d'] },
  { pattern: '#.c', keys: ['a.b.c', 'a..c', 'c'] },
  { pattern: 'a.#.b', keys: ['a.b'] },
  { pattern: '*', keys: ['a', 'c'] },
  { pattern: '#', keys: ['a', 'a.b', 'a.b.c', 'a..c', 'a.b.c.d', 'c'] },
  { pattern: '#.*', keys: ['a', 'a.b', 'a.b.c', 'a..c', 'a.b.c.d', 'c'] },
  { pattern: 'a*', keys: [] },
];

/** Routing of messages, unchanged, to their subscribers. */
export const routing: ConformanceGroup = {
  'a message reaches every subscription whose pattern matches, and no other': async (bus) => {
    const recorders = new Map<string, Recorder>();
    const subscribed = routes.map(({ pattern }) => {
      const recorder = new Recorder();
      recorders.set(pattern, recorder);
      return bus.subscribe([pattern, 'end'], recorder.handler);
    });
    await Promise.all(subscribed);
    for (const key of ['a', 'a.b', 'a.b.c', 'a..c', 'a.b.c.d', 'c', 'end']) {
      await bus.publish(message(key));
    }
    for (const { pattern, keys } of routes) {
      const recorder = recorders.get(pattern) as Recorder;
      await recorder.atLeast(keys.length + 1);
      const received = recorder.deliveries.map(({ key }) => key).filter((key) => key !== 'end');
      assert.deepEqual(received.sort(), [...keys].sort(), `pattern ${pattern}`);
    }
  },

  'a message that matches several patterns of a subscription comes once': async (bus) => {
    const recorder = new Recorder();
    await bus.subscribe(['a.#', '*.b', 'a.b', 'end'], recorder.handler);
    await bus.publish(message('a.b', { id: 'once' }));
    await bus.publish(message('end', { id: 'end' }));
    await recorder.atLeast(2);
    assert.deepEqual([...recorder.ids].sort(), ['end', 'once']);
  },

  'a subscription sees what is published from now on, and nothing from before': async (bus) => {
    await bus.publish(message('a', { id: 'before', partitionKey: 'k' }));
    const [pooled, ephemeral] = [new Recorder(), new Recorder()];
    await Promise.all([
      bus.subscribe(['#'], pooled.handler, { pool: 'new' }),
      bus.subscribe(['#'], ephemeral.handler),
    ]);
    await bus.publish(message('a', { id: 'after', partitionKey: 'k' }));
    await pooled.atLeast(1);
    await ephemeral.atLeast(1);
    assert.deepEqual(pooled.ids, ['after']);
    assert.deepEqual(ephemeral.ids, ['after']);
  },

  'key, id, content type, headers, partition key and body arrive unchanged, in any script': async (
    bus,
  ) => {
    await arriveUnchanged(bus, [
      message('Ärger.資源.-', {
        id: 'ü-1',
        partitionKey: 'clé',
        contentType: 'application/cloudevents+json; charset=utf-8',
        headers: { text: 'größe 🚂', count: -7, ratio: 0.5, yes: true, no: false, empty: '' },
        body: Buffer.from('{"name":"日本語"}'),
      }),
      message('empty', { body: new Uint8Array(0) }),
      message('bytes', { body: Uint8Array.from({ length: 256 }, (_, byte) => byte) }),
    ]);
  },

  'a body of 1 MiB arrives unchanged': async (bus) => {
    const body = Buffer.from(
      Array.from({ length: 1024 * 1024 }, (_, at) => (at * 31 + at / 255) % 251),
    );
    await arriveUnchanged(bus, [message('large', { body })]);
  },

  'many patterns of one subscription all match': async (
    bus,
    _fixture,
    { manyPatterns = 10_000 },
  ) => {
    const recorder = new Recorder();
    const patterns = Array.from({ length: manyPatterns }, (_, index) => `*.${index}.#`);
    await bus.subscribe(patterns, recorder.handler);
    const last = manyPatterns - 1;
    for (const key of ['a.0.b', `a.${last}`, `a.${manyPatterns}.b`, 'a.7.c.d']) {
      await bus.publish(message(key));
    }
    await recorder.atLeast(3);
    const keys = recorder.deliveries.map(({ key }) => key).sort();
    assert.deepEqual(keys, ['a.0.b', 'a.7.c.d', `a.${last}`].sort());
  },
};

async function arriveUnchanged(bus: Bus, sent: readonly BusMessage[]): Promise<void> {
  const recorder = new Recorder();
  await bus.subscribe(['#'], recorder.handler);
  for (const each of sent) await bus.publish(each);
  await recorder.atLeast(sent.length);
  for (const { partitionKey, ...each } of sent) {
    const received = recorder.deliveries.find(({ id }) => id === each.id);
    assert.ok(received, `${each.key} arrived`);
    assert.equal(received.key, each.key);
    assert.equal(received.contentType, each.contentType);
    assert.equal(received.partitionKey, partitionKey);
    assert.deepEqual({ ...received.headers }, each.headers);
    assert.equal(Buffer.compare(received.body, each.body), 0, `body of ${each.key}`);
    assert.equal(received.attempt, 1);
    assert.equal(received.redelivered, false);
  }
}
