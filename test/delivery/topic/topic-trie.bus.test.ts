import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TopicTrie } from '../../../src/delivery/topic/topic-trie.js';
import { message, Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { openRabbitmqPlace } from '../amqp/rabbitmq-place.js';
import { serviceUrl } from '../../support/service-url.js';
import { keys, patterns } from './random-topics.js';

describe('TopicTrie and RabbitMQ', () => {
  it('deliver the same random keys to the same random patterns', async () => {
    const seed = fc.sample(fc.integer(), 1)[0] ?? 0;
    const bound = new Set(fc.sample(patterns, { numRuns: 80, seed }));
    const published = [...new Set(fc.sample(keys, { numRuns: 300, seed: seed + 1 }))];
    await using place = {
      ...(await openRabbitmqPlace(serviceUrl('rabbitmq'))),
      async [Symbol.asyncDispose]() {
        await this.dispose();
      },
    };
    const bus = place.connect();
    const trie = new TopicTrie<string>();
    const recorders = new Map<string, Recorder>();
    const end = 'the.end';
    for (const pattern of bound) {
      trie.add(pattern, pattern);
      const recorder = new Recorder();
      recorders.set(pattern, recorder);
      await bus.subscribe([pattern, end], recorder.handler);
    }
    for (const key of [...published, end]) await bus.publish(message(key));
    let matches = 0;
    for (const [pattern, recorder] of recorders) {
      const expected = published.filter((key) => trie.match(key).has(pattern));
      matches += expected.length;
      await recorder.atLeast(expected.length + 1);
      const received = recorder.deliveries.map(({ key }) => key).filter((key) => key !== end);
      expect(received, `pattern "${pattern}", seed ${seed}`).toEqual(expected);
    }
    expect(matches).toBeGreaterThan(100);
  });
});
