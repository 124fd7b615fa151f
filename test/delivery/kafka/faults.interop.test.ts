import { describe, expect, it } from 'vitest';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import {
  Gate,
  message,
  Recorder,
  sequence,
} from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { startKafkaMock } from '../../support/kafka-mock.js';
import { KafkaNetwork, openKafkaPlace } from './kafka-place.js';

const patience = { deadline: 60_000 };

async function withPlace(
  body: (
    place: ReturnType<typeof openKafkaPlace>,
    mock: Awaited<ReturnType<typeof startKafkaMock>>,
  ) => Promise<void>,
): Promise<void> {
  const mock = await startKafkaMock();
  const place = openKafkaPlace(mock.brokers);
  try {
    await body(place, mock);
  } finally {
    mock.resume();
    await place.dispose();
    await mock.kill();
  }
}

describe('on Kafka', () => {
  it.concurrent(
    'a partition that is revoked while a record is handled goes on when the handler has returned',
    () =>
      withPlace(async (place) => {
        // The handler must have time to see the rebalance.
        const options = { sessionTimeout: 6_000 };
        const asked: boolean[] = [];
        const network = new KafkaNetwork();
        const one = place.connect({
          ...options,
          driver: async (config) => {
            const client = await network.driver(config);
            const ask = (mayJoin: () => boolean) => (): boolean => {
              const answer = mayJoin();
              asked.push(answer);
              return answer;
            };
            return {
              producer: (producer) => client.producer(producer),
              admin: () => client.admin(),
              consumer: (consumer) =>
                client.consumer({ ...consumer, mayJoin: ask(consumer.mayJoin) }),
            };
          },
        });
        const two = place.connect(options);
        const gate = new Gate();
        const running = new Set<string>();
        const overlaps: string[] = [];
        const handled: string[] = [];
        const handler = (hold: boolean) => async (each: { id: string; partitionKey?: string }) => {
          const { id, partitionKey = '' } = each;
          if (running.has(partitionKey)) overlaps.push(id);
          running.add(partitionKey);
          if (hold) await gate.pass();
          handled.push(id);
          running.delete(partitionKey);
        };
        const settings = { pool: 'revoked', concurrency: 8 };
        await one.subscribe(['#'], handler(true), settings);
        const keys = Array.from({ length: 8 }, (_, index) => `k${index}`);
        const messages = keys.flatMap((key) => sequence('t', key, 5));
        await Promise.all(messages.map((each) => one.publish(each)));
        await eventually(() => expect(running.size).toBe(8), patience);
        const joining = two.subscribe(['#'], handler(false), settings);
        // The first member is told of the rebalance by its next sign of life, and holds it back.
        await eventually(() => expect(asked.slice(0, 3)).toEqual([true, false, false]), patience);
        expect(handled).toEqual([]);
        gate.open();
        await joining;
        expect(asked.at(-1)).toBe(true);
        await eventually(() => expect(new Set(handled).size).toBe(40), patience);
        expect(overlaps).toEqual([]);
        for (const key of keys) {
          // The mock takes no commit while its group is rebalancing, as a broker does: what was under way
          // comes again where the partition has gone to the other.
          const ids = handled.filter((id) => id.startsWith(key));
          const order = ids.filter((id, index) => id !== ids[index - 1]);
          expect(order).toEqual(sequence('', key, 5).map(({ id }) => id));
        }
        expect(handled.length).toBeLessThanOrEqual(48);
      }),
  );

  it.concurrent('a member that is cut off loses its work to another, and nothing is lost', () =>
    withPlace(async (place) => {
      const network = new KafkaNetwork();
      const notices: BusNotice[] = [];
      const one = place.connect({ on: (notice) => notices.push(notice) }, network);
      const two = place.connect();
      const gate = new Gate();
      const settings = { pool: 'cut-off' };
      await one.subscribe(['#'], () => gate.pass(), settings);
      const messages = ['a', 'b', 'c', 'd'].flatMap((key) => sequence('t', key, 10));
      await Promise.all(messages.map((each) => two.publish(each)));
      network.break();
      const recorder = new Recorder();
      await two.subscribe(['#'], recorder.handler, settings);
      await eventually(
        () => expect(new Set(recorder.ids)).toEqual(new Set(messages.map(({ id }) => id))),
        patience,
      );
      network.mend();
      gate.open();
      await two.publish(message('t', { id: 'last' }));
      await eventually(() => {
        const kinds = notices.map(({ kind }) => kind);
        expect(kinds.indexOf('resubscribed')).toBeGreaterThan(kinds.indexOf('resubscribing'));
      }, patience);
    }),
  );

  it.concurrent('a cluster that stops answering delays publishes, up to their time', () =>
    withPlace(async (place, mock) => {
      const patient = place.connect();
      const hasty = place.connect({ publishTimeout: 500, requestTimeout: 1_000 });
      const recorder = new Recorder();
      await patient.subscribe(['#'], recorder.handler);
      await hasty.publish(message('a', { id: 'before' }));
      mock.pause();
      const late = patient.publish(message('a', { id: 'late', partitionKey: 'k' }));
      await expect(hasty.publish(message('a'))).rejects.toMatchObject({
        code: 'BUS_UNAVAILABLE',
      });
      mock.resume();
      await expect(late).resolves.toEqual({ routed: true });
      await eventually(() => expect(recorder.ids).toContain('late'), patience);
    }),
  );

  it.concurrent('a cluster that dies and comes back empty is used again, and it is told', () =>
    withPlace(async (place, mock) => {
      const network = new KafkaNetwork();
      const notices: BusNotice[] = [];
      const bus = place.connect(
        { publishTimeout: 2_000, on: (notice) => notices.push(notice) },
        network,
      );
      const pooled = new Recorder();
      const ephemeral = new Recorder();
      let missed = 0;
      await bus.subscribe(['#'], pooled.handler, { pool: 'reborn' });
      await bus.subscribe(['#'], ephemeral.handler, { onMissed: () => (missed += 1) });
      for (const each of sequence('a', 'k', 10)) await bus.publish(each);
      await pooled.atLeast(10);
      await ephemeral.atLeast(10);
      await mock.kill();
      await expect(bus.publish(message('a'))).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
      const successor = await startKafkaMock();
      try {
        network.port = Number(successor.brokers.split(':')[1]);
        const after = message('a', { id: 'after', partitionKey: 'k' });
        await eventually(() => bus.publish(after), patience);
        await eventually(() => {
          expect(pooled.ids).toContain('after');
          expect(ephemeral.ids).toContain('after');
        }, patience);
        expect(missed).toBeGreaterThan(0);
        expect(notices.map(({ kind }) => kind)).toContain('resubscribed');
      } finally {
        await bus.close();
        await successor.kill();
      }
    }),
  );

  it.concurrent('what was deleted before it was read is passed by, told, and read on from', () =>
    withPlace(async (place) => {
      const notices: BusNotice[] = [];
      const bus = place.connect({ batchBytes: 1_000_000, on: (notice) => notices.push(notice) });
      const pooled = new Recorder();
      const ephemeral = new Recorder();
      let missed = 0;
      const settings = { prefetch: 1 };
      const one = await bus.subscribe(['#'], pooled.handler, { ...settings, pool: 'slow' });
      const two = await bus.subscribe(['#'], ephemeral.handler, {
        ...settings,
        onMissed: () => (missed += 1),
      });
      await one.pause();
      await two.pause();
      // The mock keeps 5 MiB of a partition.
      const body = Buffer.alloc(900_000);
      const lot = sequence('a', 'k', 20).map((each) => ({ ...each, body }));
      for (const each of lot) await bus.publish(each);
      one.resume();
      two.resume();
      const last = lot.at(-1)?.id;
      await eventually(() => {
        expect(pooled.ids).toContain(last);
        expect(ephemeral.ids).toContain(last);
      }, patience);
      expect(pooled.ids.length).toBeLessThan(lot.length);
      expect(missed).toBe(1);
      expect(notices.map(({ kind }) => kind)).toContain('resubscribed');
    }),
  );

  it.concurrent('no cluster at all is an error that says so', () =>
    withPlace(async (place, mock) => {
      await mock.kill();
      const bus = place.connect({ publishTimeout: 300 });
      const error = { code: 'BUS_UNAVAILABLE' };
      await expect(bus.connect()).rejects.toMatchObject(error);
      await expect(bus.publish(message('a'))).rejects.toMatchObject(error);
      await expect(bus.subscribe(['#'], () => {})).rejects.toMatchObject(error);
    }),
  );
});
