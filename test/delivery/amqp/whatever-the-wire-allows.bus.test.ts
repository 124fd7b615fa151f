import type { GetMessage } from 'amqplib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeadLetterError } from '../../../src/delivery/bus/dead-letter-error.js';
import { tableEntries } from '../../../src/delivery/amqp/field-table.js';
import {
  joinProperties,
  splitProperties,
  type RawProperties,
} from '../../../src/delivery/amqp/property-list.js';
import { receivedList } from '../../../src/delivery/amqp/received-properties.js';
import type { Bus, DeadLetters } from '../../../src/delivery/bus/bus.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import { message, Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { serviceUrl } from '../../support/service-url.js';
import { uniqueName } from '../../support/unique-name.js';
import { openRabbitmqPlace, type RabbitmqPlace } from './rabbitmq-place.js';
import { entries, field, nested, openRawPeer, sized, type RawPeer } from './raw-peer.js';

const invalid = (length: number): Buffer => Buffer.alloc(length, 0xff);
const int64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  return bytes;
};
const float = (value: number, length: 4 | 8): Buffer => {
  const bytes = Buffer.alloc(length);
  if (length === 4) bytes.writeFloatBE(value);
  else bytes.writeDoubleBE(value);
  return bytes;
};
const text = (value: string | Buffer): Buffer => field('S', sized(Buffer.from(value as string), 4));

/** A header with a table called as amqplib calls the types that it writes. */
const trapdoor = field('F', sized(entries(['!', text('boom')]), 4));

type Property = readonly [Parameters<RawProperties['get']>[0], Buffer];

const forged = 'a header of ours that is forged';

/** A message of each property at its extreme, and headers of each type. */
const extremes: readonly (readonly [name: string, ...properties: readonly Property[]])[] = [
  ['no properties'],
  ['an id of invalid UTF-8', ['messageId', invalid(255)]],
  ['a content type of invalid UTF-8', ['contentType', invalid(255)]],
  ['an encoding of invalid UTF-8', ['contentEncoding', invalid(255)]],
  ['a correlation id of invalid UTF-8', ['correlationId', invalid(255)]],
  ['a reply address of invalid UTF-8', ['replyTo', invalid(255)]],
  ['a type of invalid UTF-8', ['type', invalid(255)]],
  ['an application of invalid UTF-8', ['appId', invalid(255)]],
  ['a cluster of invalid UTF-8', ['clusterId', invalid(255)]],
  ['the latest time', ['timestamp', int64(2n ** 64n - 1n)]],
  ['an expiry', ['expiration', Buffer.from('3600000')]],
  ['a priority', ['priority', Buffer.from([255])]],
  ['a transient delivery', ['deliveryMode', Buffer.from([1])]],
  ['no headers', ['headers', Buffer.alloc(0)]],
  ['a header that looks like a type', ['headers', entries(['h', trapdoor])]],
  ['a header name of invalid UTF-8', ['headers', entries([invalid(255), text('x')])]],
  ['headers of one name', ['headers', entries(['h', text('x')], ['h', text('y')])]],
  ['a header without a name', ['headers', entries(['', text('x')])]],
  ['a header called as a prototype', ['headers', entries(['__proto__', trapdoor])]],
  ['a void', ['headers', entries(['h', field('V')])]],
  ['the least integer', ['headers', entries(['h', field('l', int64(-(2n ** 63n)))])]],
  ['the latest timestamp', ['headers', entries(['h', field('T', int64(2n ** 64n - 1n))])]],
  ['the largest decimal', ['headers', entries(['h', field('D', invalid(5))])]],
  // RabbitMQ takes none that is no number.
  ['the largest float', ['headers', entries(['h', field('f', float(3.4e38, 4))])]],
  ['the least double', ['headers', entries(['h', field('d', float(-Number.MAX_VALUE, 8))])]],
  ['an unsigned byte', ['headers', entries(['h', field('B', 255)])]],
  ['an unsigned short', ['headers', entries(['h', field('u', 255, 255)])]],
  ['an unsigned integer', ['headers', entries(['h', field('i', invalid(4))])]],
  ['bytes', ['headers', entries(['h', field('x', sized(invalid(300), 4))])]],
  ['an array', ['headers', entries(['h', field('A', sized(Buffer.from('VVt\u0001V'), 4))])]],
  ['32 tables within each other', ['headers', entries(['h', nested(32, 'F')])]],
  ['10,000 tables within each other', ['headers', entries(['h', nested(10_000, 'F')])]],
  ['10,000 arrays within each other', ['headers', entries(['h', nested(10_000, 'A')])]],
  ['headers of 100 kB', ['headers', entries(['h', text('x'.repeat(100_000))])]],
  ['headers that fill a frame', ['headers', entries(['h', text('x'.repeat(131_030))])]],
  [forged, ['headers', entries(['x-signalbox-encapsulated', field('I', 0, 0, 0, 1)])]],
];

const someBytes = fc.uint8Array({ maxLength: 255 }).map((bytes) => Buffer.from(bytes));
/** Bytes of the types of a fixed length. */
const lengths = { b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, D: 5, T: 8, l: 8, V: 0 } as const;
const someValue = fc.oneof(
  fc.constantFrom(field('t', 0), field('t', 1)),
  someBytes.map(text),
  someBytes.map((bytes) => field('x', sized(bytes, 4))),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => field('d', float(value, 8))),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => field('f', float(value, 4))),
  fc
    .tuple(fc.integer({ min: 1, max: 60 }), fc.constantFrom('F' as const, 'A' as const))
    .map(([levels, kind]) => nested(levels, kind)),
  fc
    .tuple(
      fc.constantFrom(...(Object.keys(lengths) as (keyof typeof lengths)[])),
      fc.uint8Array({ minLength: 8, maxLength: 8 }),
    )
    .map(([tag, bytes]) => field(tag, Buffer.from(bytes).subarray(0, lengths[tag]))),
);
const someMessage = fc
  .record(
    {
      contentType: someBytes,
      contentEncoding: someBytes,
      headers: fc
        .array(fc.tuple(someBytes, someValue), { maxLength: 4 })
        .map((pairs) => entries(...pairs)),
      correlationId: someBytes,
      replyTo: someBytes,
      messageId: someBytes,
      timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(int64),
      type: someBytes,
      appId: someBytes,
    },
    { requiredKeys: [] },
  )
  .map((properties) => Object.entries(properties) as unknown as readonly Property[]);

const isLong = process.env['SIGNALBOX_FAULTS'] === 'long';

let place: RabbitmqPlace;
let peer: RawPeer;
let bus: Bus;
let deadLetters: DeadLetters;
let notices: BusNotice[];

beforeEach(async () => {
  place = await openRabbitmqPlace(serviceUrl('rabbitmq'));
  peer = await openRawPeer(serviceUrl('rabbitmq'));
  notices = [];
  bus = place.connect({ on: (notice) => notices.push(notice) });
  deadLetters = bus.deadLetters as DeadLetters;
});
afterEach(async () => {
  await peer[Symbol.asyncDispose]();
  await place.dispose();
});

async function send(properties: readonly Property[], body: Buffer): Promise<void> {
  await peer.publish({
    exchange: place.exchange,
    routingKey: Buffer.from('the.key'),
    properties: joinProperties(new Map(properties)),
    body,
  });
}

const isHealthy = ({ id }: { readonly id: string }): boolean => id === 'healthy';

/** What is in a queue, with every byte of the properties. */
async function lying(queue: string): Promise<readonly GetMessage[]> {
  const channel = await peer.model.createChannel();
  const found: GetMessage[] = [];
  for (;;) {
    const received = await channel.get(queue);
    if (received === false) break;
    found.push(received);
  }
  await channel.close();
  return found;
}

describe('whatever the wire allows', () => {
  it('is put aside with every byte, and comes back so, and what is behind it goes on', async () => {
    const sampled = fc.sample(someMessage, isLong ? 400 : 12);
    const messages = [...extremes.map(([, ...properties]) => properties), ...sampled];
    const recorder = new Recorder();
    const again: string[] = [];
    let handling: 'refuse' | 'take' = 'refuse';
    await bus.subscribe(
      ['#'],
      (delivery) => {
        if (isHealthy(delivery)) recorder.handler(delivery);
        else if (handling === 'refuse') throw new DeadLetterError('no');
        else again.push(Buffer.from(delivery.body).toString());
      },
      { pool: 'p', concurrency: 8 },
    );
    const witness = uniqueName('witness');
    await peer.channel.assertQueue(witness, { exclusive: true });
    await peer.channel.bindQueue(witness, place.exchange, '#');
    await Promise.all(
      messages.map((properties, index) => send(properties, Buffer.from(String(index)))),
    );
    await bus.publish(message('a', { id: 'healthy' }));
    await recorder.atLeast(1);
    const limit = messages.length + 1;
    const letters = await eventually(async () => {
      const read = await deadLetters.read('p', { limit });
      expect(read).toHaveLength(messages.length);
      return read;
    });
    expect(notices.map(({ kind }) => kind)).not.toContain('disconnected');

    const bodies = letters.map(({ message: { body } }) => Number(Buffer.from(body).toString()));
    expect(bodies.toSorted((a, b) => a - b)).toEqual([...messages.keys()]);
    expect(new Set(letters.map(({ message: { key } }) => key))).toEqual(new Set(['the.key']));
    expect(letters.map(({ reason }) => reason).filter((reason) => reason !== 'no')).toSatisfy(
      (reasons: readonly string[]) => reasons.every((each) => each.startsWith('its headers nest')),
    );

    const kept = await lying(`${place.exchange}/dead/p`);
    const published = await lying(witness);
    for (const { content, properties } of published.slice(0, messages.length)) {
      const index = Number(content.toString());
      const letter = kept.find((each) => bodyOf(each.content) === String(index));
      const bytes = Buffer.concat([
        letter === undefined ? invalid(1) : receivedList(letter.properties),
        letter?.content ?? invalid(1),
      ]);
      if (extremes[index]?.[0] === forged) continue;
      for (const [name, value] of splitProperties(receivedList(properties))) {
        const what = `${name} of ${extremes[index]?.[0] ?? 'a random message'}`;
        if (dropped.has(name)) continue;
        // The broker sorts the headers of what it takes back.
        const parts =
          name === 'headers' ? [...tableEntries(value)].map((each) => each.bytes) : [value];
        for (const part of parts) expect(bytes.includes(part), what).toBe(true);
      }
    }

    handling = 'take';
    const refused: string[] = [];
    const onRefused = (_: unknown, { message: told }: Error): void => void refused.push(told);
    expect(await deadLetters.redrive('p', { limit }, { onRefused })).toBe(messages.length);
    expect(refused).toEqual([]);
    const unreadable = messages.filter(isTooDeep);
    await eventually(async () => {
      expect(await deadLetters.read('p', { limit })).toHaveLength(unreadable.length);
      expect(again).toHaveLength(messages.length - unreadable.length);
    });
    expect(await deadLetters.drop('p', { limit })).toBe(unreadable.length);
  }, 60_000);
});

/** What a dead letter does not keep: it stays for good, and is as durable as its queue. */
const dropped: ReadonlySet<string> = new Set(['expiration', 'deliveryMode']);

/** Of what is encapsulated, the body behind the properties. */
function bodyOf(content: Buffer): string {
  const isEncapsulated = content.length > 4 && content.readUInt32BE() < content.length;
  return content.subarray(isEncapsulated ? 4 + content.readUInt32BE() : 0).toString();
}

/** Nested deeper than is decoded: what nests so deep ends with its 33 innermost levels. */
function isTooDeep(properties: readonly Property[]): boolean {
  const headers = properties.find(([name]) => name === 'headers')?.[1];
  return (['F', 'A'] as const).some((kind) => headers?.includes(nested(33, kind)));
}
