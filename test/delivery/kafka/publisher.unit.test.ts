import { describe, expect, it } from 'vitest';
import type { KafkaDriver, KafkaProducer } from '../../../src/delivery/kafka/driver.js';
import { KafkaPublisher, type OutgoingRecord } from '../../../src/delivery/kafka/publisher.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';

type Batch = Parameters<KafkaProducer['sendBatch']>[0];

/** Faults that a mock cluster does not produce: it refuses no record. */
function scripted(script: (ids: readonly string[]) => Promise<void> | void, timeout = 5_000) {
  const requests: string[][] = [];
  const notices: BusNotice[] = [];
  const producer: KafkaProducer = {
    connect: async () => {},
    disconnect: async () => {},
    sendBatch: async ({ acks, topicMessages }: Batch) => {
      expect(acks).toBe(-1);
      const ids = topicMessages.flatMap(({ messages }) => messages.map(({ key }) => key ?? ''));
      requests.push(ids);
      await new Promise((resolve) => setImmediate(resolve));
      await script(ids);
    },
  };
  const publisher = new KafkaPublisher({
    busName: 'kafka',
    driver: async () => ({ producer: () => producer }) as unknown as KafkaDriver,
    batchCount: 3,
    batchBytes: 1_000,
    timeout,
    notify: (notice) => notices.push(notice),
  });
  return { publisher, requests, notices };
}

function outgoing(id: string, size = 10): OutgoingRecord {
  const record = { key: id, value: Buffer.alloc(size), headers: {} };
  return { topic: 't', record, id, key: `key.of.${id}` };
}

const protocolError = (type: string, retriable: boolean): Error =>
  Object.assign(new Error(`Kafka says ${type}`), { type, retriable, name: 'KafkaJSProtocolError' });

describe('publishing to Kafka', () => {
  it('sends what came meanwhile in one request, in order, within the bounds', async () => {
    const { publisher, requests } = scripted(() => {});
    const all = ['a', 'b', 'c', 'd', 'e'].map((id) => publisher.publish(outgoing(id)));
    const large = publisher.publish(outgoing('large', 5_000));
    await Promise.all([...all, large, publisher.publish(outgoing('f'))]);
    expect(requests).toEqual([['a', 'b', 'c'], ['d', 'e'], ['large'], ['f']]);
  });

  it('refuses the culprit alone, and tells so', async () => {
    const { publisher, requests, notices } = scripted((ids) => {
      if (ids.includes('b')) throw protocolError('MESSAGE_TOO_LARGE', false);
    });
    const results = await Promise.allSettled(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => publisher.publish(outgoing(id))),
    );
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
    expect(results[1]).toMatchObject({
      reason: { code: 'PUBLISH_REFUSED', parameters: { id: 'b', key: 'key.of.b' } },
    });
    expect(requests).toEqual([['a', 'b', 'c'], ['a'], ['b'], ['c'], ['d', 'e', 'f']]);
    expect(notices).toMatchObject([{ kind: 'refused', id: 'b' }]);
  });

  it('lets nothing overtake a request that has to be sent again', async () => {
    let failures = 0;
    const { publisher, requests } = scripted(() => {
      failures += 1;
      if (failures <= 2) throw protocolError('NOT_LEADER_FOR_PARTITION', true);
    });
    const first = publisher.publish(outgoing('a'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await Promise.all([first, publisher.publish(outgoing('b'))]);
    expect(requests.map(([head]) => head)).toEqual(['a', 'a', 'a']);
    expect(requests.flat().indexOf('b')).toBeGreaterThan(0);
  });

  it('gives up after its time, and only what is due', async () => {
    let away = true;
    const { publisher } = scripted(() => {
      if (away) throw protocolError('NETWORK_EXCEPTION', true);
    }, 1_500);
    const early = publisher.publish(outgoing('early'));
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const late = publisher.publish(outgoing('late'));
    await expect(early).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    away = false;
    await late;
  });

  it('says at once what somebody has to mend', async () => {
    const { publisher } = scripted(() => {
      throw protocolError('UNKNOWN_TOPIC_OR_PARTITION', false);
    });
    await expect(publisher.publish(outgoing('a'))).rejects.toMatchObject({ code: 'TOPIC_MISSING' });
  });

  it('waits for what is under way when it closes, and refuses what comes later', async () => {
    const { publisher } = scripted(() => {});
    const last = publisher.publish(outgoing('a'));
    await publisher.close();
    await last;
    await expect(publisher.publish(outgoing('b'))).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('rejects what a dead cluster keeps it from sending when it closes', async () => {
    const { publisher } = scripted(() => {
      throw protocolError('NETWORK_EXCEPTION', true);
    });
    const stuck = publisher.publish(outgoing('a'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const [outcome] = await Promise.all([Promise.allSettled([stuck]), publisher.close()]);
    expect(outcome).toMatchObject([{ status: 'rejected', reason: { code: 'CLOSED' } }]);
  });
});
