import { describe, expect, test } from 'vitest';
import { RefusedError } from '../../../src/core/errors/errors.js';
import { createEvent } from '../../../src/core/events/create-event.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import type { Transport } from '../../../src/delivery/formats/cloudevents-binary.js';
import type { ReceivedEvent } from '../../../src/delivery/formats/format.js';
import { formats } from '../../../src/delivery/formats/formats.js';

/** One value of every kind that a header table or a JSON text holds, some of them hostile. */
const kinds: Readonly<Record<string, unknown>> = {
  'an empty text': '',
  'a text': 'x',
  'a long text': 'x'.repeat(100_000),
  'a number': 7,
  'a fraction': 0.5,
  'a number beyond 32 bits': 2 ** 31,
  true: true,
  false: false,
  null: null,
  undefined,
  'an empty list': [],
  'a list': ['x', [1]],
  'an object': { a: 1 },
  'an object without a prototype': Object.assign(Object.create(null) as object, { a: 1 }),
  'an object that no text can be made of': { toString: 1, valueOf: 1, toJSON: 1 },
  bytes: Buffer.from([0xff, 0x00]),
  'a time of AMQP': { '!': 'timestamp', value: 1_700_000_000_000 },
  'a time without a calendar': '2026-99-99T99:99:99Z',
};

const uuid = '0198c0de-0000-7000-8000-000000000001';
const event = createEvent({
  category: 'ResourceStateEvent',
  type: 'StartRequested',
  id: '0198c0de-0000-7000-8000-000000000002',
  source: 'management-server',
  time: '2026-03-01T10:00:00.000Z',
  resource: 'VirtualMachine',
  uuid,
  revision: 2,
  data: { event: 'StartRequested', old: 'Stopped', new: 'Starting', lifecycleVersion: 1, changed: true },
} as never); // prettier-ignore

const attributes = [...Object.keys(event), 'extension'].filter((name) => name !== 'data');

/** Resolves with the event, or undefined where it was refused; anything else thrown is the fault. */
async function typed<T>(work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    expect(error, String((error as Error).stack)).toBeInstanceOf(RefusedError);
    expect((error as Error).message.length).toBeLessThan(2_000);
    return undefined;
  }
}

describe.each<Transport>(['amqp', 'kafka', 'nats'])('on %s', (transport) => {
  describe.each(formats.names)('a message in the format %s', (name) => {
    const format = formats.get(name, transport);
    const sent = format.encode(event) as ReceivedEvent;

    test('with any kind of value in any header is read or refused', async () => {
      const headers = [...Object.keys(sent.headers), 'compression', 'cloudEvents:id', 'ce_id', 'ce-id', 'cloudEvents_ext', 'ce_ext', 'ce-ext', 'content-encoding', 'traceparent', 'cloudEvents:time']; // prettier-ignore
      for (const header of headers)
        for (const value of Object.values(kinds)) {
          const message = { ...sent, headers: { ...sent.headers, [header]: value as never } };
          expect((await typed(() => format.decode(message)))?.specversion ?? '1.0').toBe('1.0');
        }
    });

    test('with any kind of value in any attribute is read or refused, and is written again', async () => {
      for (const attribute of attributes)
        for (const value of Object.values(kinds)) {
          let text: string;
          try {
            text = JSON.stringify({ ...event, [attribute]: value });
          } catch {
            continue;
          }
          const contentType = 'application/cloudevents+json';
          const message = { ...sent, headers: {}, contentType, body: Buffer.from(text) };
          const read = await typed(() => formats.get('cloudevents', transport).decode(message));
          if (read === undefined) continue;
          const again = (await typed(() => format.encode(read))) as ReceivedEvent | undefined;
          if (again === undefined) continue;
          expect(Number.isNaN(Date.parse(read.time))).toBe(false);
          if (name.startsWith('cloudevents')) {
            const { partitionkey } = await format.decode(again);
            expect(partitionkey).toBe(read.partitionkey);
          }
        }
    });

    test('is written of an event with any kind of extension, or the event is refused', async () => {
      const written = [];
      for (const value of Object.values(kinds)) {
        const extended = { ...event, extension: value } as unknown as SignalboxEvent;
        written.push(await typed(() => format.encode(extended)));
      }
      // Texts, numbers and booleans go through everywhere.
      expect(written.filter((each) => each !== undefined).length).toBeGreaterThanOrEqual(9);
    });

    test.each(['9', '-9', '0.', '1e'])(
      'with millions of digits behind %j is read or refused',
      async (before) => {
        const body = Buffer.from(`{"a":${before}${'9'.repeat(8_000_000)}}`);
        const read = await typed(() => format.decode({ ...sent, body }));
        expect(read?.specversion ?? '1.0').toBe('1.0');
      },
    );

    test('with millions of digits of a second is refused', async () => {
      const time = `2026-03-01T10:00:00.${'0'.repeat(8_000_000)}Z`;
      const contentType = 'application/cloudevents+json';
      const body = Buffer.from(JSON.stringify({ ...event, time }));
      const message = { ...sent, headers: {}, contentType, body };
      expect(await typed(() => format.decode(message))).toBeUndefined();
    });
  });
});
