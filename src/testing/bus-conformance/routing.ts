import assert from 'node:assert/strict';
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

/** Which message reaches whom, and unchanged. */
export const routing: ConformanceGroup = {
  'a message reaches every subscription whose pattern matches, and no other': async (bus) => {
    const recorders = new Map<string, Recorder>();
    for (const { pattern } of routes) {
      const recorder = new Recorder();
      recorders.set(pattern, recorder);
      await bus.subscribe([pattern, 'end'], recorder.handler);
    }
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

  'key, id, content type, headers, partition key and body arrive unchanged': async (bus) => {
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler);
    const sent = [
      message('Ärger.資源.-', {
        id: 'ü-1',
        partitionKey: 'clé',
        contentType: 'application/cloudevents+json; charset=utf-8',
        headers: { text: 'größe 🚂', count: -7, ratio: 0.5, yes: true, no: false },
        body: Buffer.from('{"name":"日本語"}'),
      }),
      message('empty', { body: new Uint8Array(0) }),
      message('bytes', { body: Uint8Array.from({ length: 256 }, (_, byte) => byte) }),
      message('large', { body: Buffer.alloc(1024 * 1024, 'ab') }),
    ];
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
  },

  'publish tells whether anybody wanted the message, where the transport can tell': async (bus) => {
    await bus.subscribe(['wanted'], () => {});
    assert.deepEqual(await bus.publish(message('wanted')), { routed: true });
    const routed = !bus.capabilities.reportsUnroutable;
    assert.deepEqual(await bus.publish(message('unwanted')), { routed });
    const mixed = ['wanted', 'unwanted', 'wanted', 'unwanted'];
    const results = await Promise.all(mixed.map((key) => bus.publish(message(key))));
    assert.deepEqual(results, [{ routed: true }, { routed }, { routed: true }, { routed }]);
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
