import { randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bus, BusMessage } from '../../../src/delivery/bus/bus.js';
import { recordSize, toRecord } from '../../../src/delivery/kafka/wire.js';
import { message, Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { kcat, startKafkaMock, type KafkaMock } from '../../support/kafka-mock.js';
import { bounded } from './bounded-driver.js';
import { openKafkaPlace, type KafkaPlace } from './kafka-place.js';

/** Bytes of a record, at most. */
const largest = 16_384;
const long = 'x'.repeat(3_000);
let mock: KafkaMock;
const places: KafkaPlace[] = [];

beforeAll(async () => {
  mock = await startKafkaMock();
});
afterAll(async () => {
  await Promise.all(places.map((place) => place.dispose()));
  await mock.kill();
});

/** A topic of its own: the tests wait at the same time. */
function openPlace(): KafkaPlace {
  const place = openKafkaPlace(mock.brokers);
  places.push(place);
  return place;
}

async function subscribed(bus: Bus, state: { isMended: boolean }): Promise<Recorder> {
  const recorder = new Recorder();
  await bus.subscribe(
    ['#'],
    (delivery) => {
      if (!state.isMended && delivery.id !== 'after') throw new Error(long);
      return recorder.handler(delivery);
    },
    { pool: 'p', retry: { attempts: 1 } },
  );
  return recorder;
}

/** Exactly as large as the cluster takes. */
function fitting(make: (room: number) => BusMessage): BusMessage {
  const size = recordSize(toRecord(make(0)));
  return make(largest - size);
}

describe('a Kafka record that leaves no room for the facts of a dead letter', () => {
  it.concurrent.each<[string, (room: number) => BusMessage]>([
    [
      'by its body',
      (room) => message('a', { id: 'm', headers: { n: 7 }, body: Buffer.alloc(room, 1) }),
    ],
    [
      'by its headers',
      (room) => message('a', { id: 'm', headers: { h: 'x'.repeat(room) }, body: Buffer.of(1, 2) }),
    ],
  ])('%s is put aside whole, goes back, and its pool goes on', async (_, make) => {
    const place = openPlace();
    const bus = place.connect({ driver: bounded(largest) });
    const state = { isMended: false };
    const recorder = await subscribed(bus, state);
    const sent = fitting(make);
    await bus.publish(sent);
    await bus.publish(message('a', { id: 'after' }));
    await recorder.atLeast(1);
    const [letter] = await eventually(async () => {
      const letters = (await bus.deadLetters?.read('p')) ?? [];
      expect(letters).toHaveLength(1);
      return letters;
    });
    expect(letter).toMatchObject({ attempts: 1, message: { id: 'm' } });
    expect(Buffer.compare(letter?.message.body ?? Buffer.of(), sent.body)).toBe(0);
    state.isMended = true;
    expect(await bus.deadLetters?.redrive('p')).toBe(1);
    await recorder.atLeast(2);
    const back = recorder.deliveries.find(({ id }) => id === 'm');
    expect(Buffer.compare(back?.body ?? Buffer.of(), sent.body)).toBe(0);
    expect(await bus.deadLetters?.read('p')).toEqual([]);
  });

  it.concurrent(
    'and whose body is over a limit that was lowered is put aside with its digest, and not sent back',
    async () => {
      const place = openPlace();
      const wide = place.connect();
      const bus = place.connect({ driver: bounded(largest) });
      const recorder = await subscribed(bus, { isMended: false });
      await wide.publish(message('a', { id: 'm', body: randomBytes(2 * largest) }));
      await wide.publish(message('a', { id: 'after' }));
      await recorder.atLeast(1);
      const [letter] = await eventually(async () => {
        const letters = (await bus.deadLetters?.read('p')) ?? [];
        expect(letters).toHaveLength(1);
        return letters;
      });
      expect(letter?.reason).toMatch(
        /the first 1024 of 32768 bytes are here, their sha256 is [\da-f]{64}/,
      );
      expect(letter?.message.body).toHaveLength(1_024);
      const refused: string[] = [];
      const onRefused = ({ message: { id } }: { message: BusMessage }): void =>
        void refused.push(id);
      expect(await bus.deadLetters?.redrive('p', {}, { onRefused })).toBe(0);
      expect(refused).toEqual(['m']);
      expect(await bus.deadLetters?.drop('p')).toBe(1);
    },
  );

  it.concurrent(
    'whose member ended between its body and its letter leaves nothing when letters are dropped',
    async () => {
      const place = openPlace();
      const bus = place.connect({ driver: bounded(largest), publishTimeout: 2_000 });
      const recorder = await subscribed(bus, { isMended: false });
      await bus.publish(fitting((room) => message('a', { id: 'm', body: Buffer.alloc(room, 1) })));
      await bus.publish(message('a', { id: 'after' }));
      await recorder.atLeast(1);
      await eventually(async () => expect(await bus.deadLetters?.read('p')).toHaveLength(1));
      // As a member wrote them, one long ago and one just now, before it wrote their letters.
      const topic = `${place.topic}.dead.p`;
      const [old, young] = [uuidv7({ msecs: Date.now() - 60_000 }), uuidv7()];
      for (const id of [old, young]) {
        await kcat(
          mock.brokers,
          ['-P', '-t', topic, '-k', `${id}/body`, '-H', 'x-signalbox-body=here'],
          'body',
        );
      }
      await eventually(async () => {
        expect(await bus.deadLetters?.drop('p', { ids: ['another'] })).toBe(0);
        expect(await settledIn(topic)).toEqual([`${old}/body`]);
      });
      const [letter] = (await bus.deadLetters?.read('p')) ?? [];
      expect(letter?.message.body.length).toBeGreaterThan(15_000);
    },
  );
});

/** The keys of the records without a value, which compaction takes with all that has their keys. */
async function settledIn(topic: string): Promise<readonly string[]> {
  const output = await kcat(mock.brokers, ['-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%k %S\n']); // prettier-ignore
  return output.split('\n').flatMap((line) => (line.endsWith(' -1') ? [line.slice(0, -3)] : []));
}
