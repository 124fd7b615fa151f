import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { subscribeEvents } from '../../../src/delivery/bus/event-subscription.js';
import { cloudEventsBinary } from '../../../src/delivery/formats/cloudevents-binary.js';
import { message, Recorder, sequence } from '../../../src/testing/bus-conformance/recorder.js';
import { sampleEvents } from '../../core/events/sample-events.js';
import { eventually } from '../../support/eventually.js';
import { kcat, startKafkaMock, type KafkaMock } from '../../support/kafka-mock.js';
import { openKafkaPlace, type KafkaPlace } from './kafka-place.js';

let mock: KafkaMock;
let place: KafkaPlace;
beforeAll(async () => {
  mock = await startKafkaMock();
  place = openKafkaPlace(mock.brokers);
});
afterAll(async () => {
  await place.dispose();
  await mock.kill();
});

const binary = cloudEventsBinary('kafka');

describe('with kcat', () => {
  it.concurrent(
    'it reads our events as CloudEvents in binary mode, keyed by resource',
    async () => {
      const own = openKafkaPlace(mock.brokers);
      await using bus = own.connect();
      for (const event of sampleEvents) await bus.publish(binary.encode(event));
      const output = await kcat(mock.brokers, ['-C', '-t', own.topic, '-o', 'beginning', '-e', '-q', '-f', '%k\x1f%h\x1f%s\x1e']); // prettier-ignore
      const read = output
        .split('\x1e')
        .slice(0, -1)
        .map((record) => record.split('\x1f'));
      expect(read).toHaveLength(sampleEvents.length);
      for (const event of sampleEvents) {
        const found = read.find(([, headers = '']) => headers.includes(`ce_id=${event.id}`));
        expect(found?.[0]).toBe(event.partitionkey ?? '');
        expect(JSON.parse(found?.[2] ?? '')).toEqual(event.data);
        const headers = found?.[1]?.split(',') ?? [];
        expect(headers).toContain('content-type=application/json');
        expect(headers).toContain(`ce_type=${event.type}`);
        expect(headers).toContain(`ce_source=${event.source}`);
        expect(headers).toContain('ce_specversion=1.0');
      }
    },
  );

  it.concurrent('what it writes reaches a pool, by its routing key or by #', async () => {
    const own = openKafkaPlace(mock.brokers);
    await using bus = own.connect();
    const keyed = new Recorder();
    const all = new Recorder();
    await Promise.all([
      bus.subscribe(['a.*'], keyed.handler, { pool: 'keyed' }),
      bus.subscribe(['#'], all.handler, { pool: 'all' }),
    ]);
    const write = (args: readonly string[], body: string): Promise<string> =>
      kcat(mock.brokers, ['-P', '-t', own.topic, '-p', '0', ...args], body);
    await write(
      ['-k', 'disk-7', '-H', 'x-signalbox-key=a.b', '-H', 'ce_id=e1', '-H', 'x=y'],
      'one',
    );
    await write(['-k', 'disk-7'], 'two');
    await all.atLeast(2);
    await keyed.atLeast(1);
    expect(keyed.ids).toEqual(['e1']);
    expect(all.deliveries).toMatchObject([
      { key: 'a.b', id: 'e1', partitionKey: 'disk-7', headers: { ce_id: 'e1', x: 'y' } },
      { key: '', id: `${own.topic}/0/1`, partitionKey: 'disk-7', headers: {}, contentType: '' },
    ]);
    expect(Buffer.from(all.deliveries[1]?.body ?? []).toString()).toBe('two');
  });

  it.concurrent(
    'what is no event is dead-lettered with its reason, and the others go on',
    async () => {
      const own = openKafkaPlace(mock.brokers);
      await using bus = own.connect();
      const seen: string[] = [];
      const pool = 'strict';
      await subscribeEvents(bus, binary, '#', ({ id }) => void seen.push(id), { pool });
      const write = (args: readonly string[], body: string): Promise<string> =>
        kcat(mock.brokers, ['-P', '-t', own.topic, '-p', '1', ...args], body);
      await write(['-Z', '-K', ':'], 'tombstone:');
      await write(['-H', 'content-type=application/json', '-H', 'ce_id=x'], 'NaN');
      await write(['-H', 'content-type=application/cloudevents+json'], '{"specversion":"2.0"}');
      await write([], 'no envelope at all');
      const [event] = sampleEvents;
      if (event === undefined) throw new Error('no sample');
      await bus.publish(binary.encode(event));
      await eventually(() => expect(seen).toEqual([event.id]), { deadline: 60_000 });
      const letters = await eventually(
        async () => {
          const read = await bus.deadLetters?.read(pool);
          expect(read).toHaveLength(4);
          return read;
        },
        { deadline: 60_000 },
      );
      for (const letter of letters ?? []) {
        expect(letter.reason).toMatch(/no CloudEvent|not valid/);
        expect(letter.error?.name).toBe('RefusedError');
        expect(letter.origin.exchange).toBe(own.topic);
      }
      expect(letters?.map(({ message: { body } }) => Buffer.from(body).toString())).toContain(
        'no envelope at all',
      );
    },
  );

  it.concurrent('a member of the same group goes on where ours has stopped', async () => {
    const own = openKafkaPlace(mock.brokers);
    await using bus = own.connect();
    const recorder = new Recorder();
    const member = await bus.subscribe(['#'], recorder.handler, { pool: 'handed-over' });
    for (const each of sequence('a', 'k', 5)) await bus.publish(each);
    await recorder.atLeast(5);
    await member.unsubscribe();
    await bus.publish(message('a', { id: 'next', partitionKey: 'k' }));
    const group = `${own.topic}.pool.handed-over`;
    const read = await kcat(mock.brokers, ['-G', group, '-c', '1', '-q', '-f', '%h\n', own.topic]);
    expect(read).toContain('x-signalbox-id=next');
  });
});
