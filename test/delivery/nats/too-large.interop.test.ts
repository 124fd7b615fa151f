import { randomBytes } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BusMessage } from '../../../src/delivery/bus/bus.js';
import { nats } from '../../../src/delivery/nats/index.js';
import { message, Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { startPrivateNats, type PrivateNats } from '../../support/private-nats.js';
import { uniqueName } from '../../support/unique-name.js';

/** Bytes of a message with its headers, at most. */
const largest = 16_384;
let server: PrivateNats;

beforeAll(async () => {
  server = await startPrivateNats([`max_payload: ${largest}`]);
}, 60_000);
afterAll(() => server.dispose());

const long = 'x'.repeat(3_000);

/** The largest of its kind that the server takes, found by trying. */
async function publishLargest(
  publish: (message: BusMessage) => Promise<unknown>,
  make: (room: number) => BusMessage,
): Promise<BusMessage> {
  for (let room = largest; room > 0; room -= 16) {
    const each = make(room);
    try {
      await publish(each);
      return each;
    } catch {
      // Too large still.
    }
  }
  return expect.unreachable();
}

describe('a NATS message that leaves no room for the facts of a dead letter', () => {
  it.each<[string, (room: number) => BusMessage]>([
    ['by its body', (room) => message('a', { body: randomBytes(room) })],
    [
      'by its headers',
      (room) => message('a', { headers: { h: 'x'.repeat(room), n: 7 }, body: randomBytes(8) }),
    ],
    [
      'by both',
      (room) => message('a', { headers: { h: 'x'.repeat(room / 2) }, body: randomBytes(room / 2) }),
    ],
  ])('%s is put aside whole, and its pool goes on', async (_, make) => {
    await using bus = nats({ url: server.url, stream: uniqueName('large'), publishTimeout: 5_000 });
    const recorder = new Recorder();
    await bus.subscribe(
      ['#'],
      (delivery) => {
        if (delivery.id !== 'after') throw new Error(long);
        return recorder.handler(delivery);
      },
      { pool: 'p', retry: { attempts: 1 } },
    );
    const sent = await publishLargest((each) => bus.publish(each), make);
    await bus.publish(message('a', { id: 'after' }));
    await recorder.atLeast(1);
    await eventually(async () => {
      const [letter, ...others] = (await bus.deadLetters?.read('p')) ?? [];
      expect(others).toEqual([]);
      expect(letter).toMatchObject({ attempts: 1, reason: expect.stringMatching(/^failed after/) });
      expect(letter?.message.id).toBe(sent.id);
      expect(Buffer.compare(letter?.message.body ?? Buffer.of(), sent.body)).toBe(0);
    });
    expect(await bus.deadLetters?.drop('p')).toBe(1);
    expect(await bus.deadLetters?.read('p')).toEqual([]);
  });

  it('goes back into its pool as it came', async () => {
    await using bus = nats({ url: server.url, stream: uniqueName('large'), publishTimeout: 5_000 });
    const recorder = new Recorder();
    let isMended = false;
    await bus.subscribe(
      ['#'],
      (delivery) => {
        if (!isMended) throw new Error(long);
        return recorder.handler(delivery);
      },
      { pool: 'p', retry: { attempts: 1 } },
    );
    const sent = await publishLargest(
      (each) => bus.publish(each),
      (room) => message('a.b', { headers: { n: 7 }, body: randomBytes(room) }),
    );
    await eventually(async () => expect(await bus.deadLetters?.read('p')).toHaveLength(1));
    isMended = true;
    expect(await bus.deadLetters?.redrive('p')).toBe(1);
    await recorder.atLeast(1);
    const [back] = recorder.deliveries;
    expect(back).toMatchObject({ key: 'a.b', id: sent.id, headers: { n: 7 } });
    expect(Buffer.compare(back?.body ?? Buffer.of(), sent.body)).toBe(0);
    expect(await bus.deadLetters?.read('p')).toEqual([]);
  });

  it('whose member ended between its body and its letter leaves nothing when letters are dropped', async () => {
    const stream = uniqueName('large');
    await using bus = nats({ url: server.url, stream, publishTimeout: 200 });
    const far = await connect({ servers: server.url });
    const manager = await jetstreamManager(far);
    const messagesLeft = async (): Promise<number> =>
      (await manager.streams.info(`${stream}-dead`)).state.messages;
    await bus.subscribe(
      ['#'],
      () => {
        throw new Error(long);
      },
      { pool: 'p', retry: { attempts: 1 } },
    );
    const body = randomBytes(largest);
    await far.request(`${stream}.key.a`, body);
    await eventually(async () => expect(await bus.deadLetters?.read('p')).toHaveLength(1));
    // As the member stores it, before it writes the letter.
    await far.request(`${stream}-dead.%%body-p`, body);
    expect(await messagesLeft()).toBe(3);
    await eventually(async () => {
      expect(await bus.deadLetters?.drop('p', { ids: ['another'] })).toBe(0);
      expect(await messagesLeft()).toBe(2);
    });
    // The body of a letter that is there stays.
    const [letter] = (await bus.deadLetters?.read('p')) ?? [];
    expect(Buffer.compare(letter?.message.body ?? Buffer.of(), body)).toBe(0);
    expect(await bus.deadLetters?.drop('p')).toBe(1);
    expect(await messagesLeft()).toBe(0);
    await far.close();
  });
});
