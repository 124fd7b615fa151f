import { spawn } from 'node:child_process';
import fc from 'fast-check';
import { Kafka, logLevel, type Message } from 'kafkajs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import { recordSize } from '../../../src/delivery/kafka/wire.js';
import { startKafkaMock, type KafkaMock } from '../../support/kafka-mock.js';
import { putAsideAndBack } from '../put-aside.js';
import { bounded } from './bounded-driver.js';
import { openKafkaPlace, type KafkaPlace } from './kafka-place.js';

/** Bytes of a record, at most. */
const largest = 262_144;

const invalid = (length: number): Buffer => Buffer.alloc(length, 0xff);
const filled = (make: (room: number) => Message): Message => {
  const { key = null, value, headers = {} } = make(0);
  const size = recordSize({
    key: key as string | null,
    value: value as Buffer,
    headers: headers as Record<string, string>,
  });
  return make(largest - size);
};
const many = Object.fromEntries(
  Array.from({ length: 20_000 }, (_, index) => [index.toString(36), '']),
);

/** A record of each part at its extreme. */
const extremes: readonly (readonly [name: string, record: Message])[] = [
  ['a value alone', { value: 'x' }],
  ['no value', { value: null }],
  ['an empty value', { value: '' }],
  ['a value of invalid UTF-8', { value: invalid(9) }],
  ['a value as large as the cluster takes', filled((room) => ({ value: invalid(room) }))],
  [
    'headers as large as the cluster takes',
    filled((room) => ({ value: 'x', headers: { h: 'h'.repeat(room) } })),
  ],
  [
    'headers and a value that fill a record',
    filled((room) => ({
      value: invalid(room >> 1),
      headers: { h: 'h'.repeat(room - (room >> 1)) },
    })),
  ],
  ['headers that grow when they are read', { value: '', headers: { h: invalid(200_000) } }],
  ['20,000 headers', { value: '', headers: many }],
  ['no key', { key: null, value: '' }],
  ['an empty key', { key: '', value: '' }],
  ['a key of invalid UTF-8', { key: invalid(9), value: '' }],
  ['a key of 100 kB', { key: 'k'.repeat(100_000), value: '' }],
  ['the first time', { value: '', timestamp: '0' }],
  ['no time', { value: '', timestamp: '-1' }],
  ['the last time', { value: '', timestamp: String(2n ** 63n - 1n) }],
  ['a header of invalid UTF-8', { value: '', headers: { h: invalid(9) } }],
  ['a header of zeros', { value: '', headers: { h: Buffer.alloc(99) } }],
  ['a header without a name', { value: '', headers: { '': 'x' } }],
  ['headers of one name', { value: '', headers: { h: ['x', 'y'] } }],
  ['a header called as a prototype', { value: '', headers: { ['__proto__']: 'x' } }],
  ['headers called as methods', { value: '', headers: { constructor: 'x', toString: 'y' } }],
  ['an id that is empty', { value: '', headers: { 'x-signalbox-id': '' } }],
  ['an id of 100 kB', { value: '', headers: { 'x-signalbox-id': 'i'.repeat(100_000) } }],
  ['a content type', { value: '', headers: { 'content-type': 't'.repeat(9_000) } }],
  [
    'headers of ours that are forged',
    {
      value: '',
      headers: {
        'x-signalbox-types': '{"h":"number","i":7}',
        'x-signalbox-reason': 'mine',
        'x-signalbox-attempts': '1e99',
        'x-signalbox-error': '{"name":1}',
        'x-signalbox-body': 'apart',
        h: 'NaN',
        i: 'x',
      },
    },
  ],
  ['a body of another letter', { value: '', headers: { 'x-signalbox-body': 'here' } }],
  ['types that are none', { value: '', headers: { 'x-signalbox-types': '[1', h: 'true' } }],
];

/** Longer than a routing key may be. */
const tooLong: readonly Message[] = [
  { value: '', headers: { 'x-signalbox-key': 'k'.repeat(300) } },
  { value: '', headers: { 'x-signalbox-key': 'k'.repeat(100_000) } },
];

const someBytes = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
const someRecord: fc.Arbitrary<Message> = fc.record(
  {
    value: fc.oneof(someBytes, fc.constant(null)),
    key: fc.oneof(someBytes, fc.constant(null)),
    timestamp: fc.bigInt({ min: -1n, max: 2n ** 63n - 1n }).map(String),
    headers: fc.dictionary(
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('ce_id', 'content-type')),
      fc.oneof(someBytes, fc.array(someBytes, { minLength: 1, maxLength: 3 })),
      { maxKeys: 6 },
    ),
  },
  { requiredKeys: ['value'] },
);

let mock: KafkaMock;
let place: KafkaPlace;
let bus: Bus;

beforeAll(async () => {
  mock = await startKafkaMock();
});
afterAll(() => mock.kill());
beforeEach(() => {
  place = openKafkaPlace(mock.brokers);
  bus = place.connect({ driver: bounded(largest) });
});
afterEach(() => place.dispose());

async function send(messages: readonly Message[]): Promise<void> {
  const client = new Kafka({ brokers: mock.brokers.split(','), logLevel: logLevel.NOTHING });
  const producer = client.producer();
  await producer.connect();
  // One by one: the timestamps of one request are kept as the difference to its first.
  for (const each of messages) await producer.send({ topic: place.topic, messages: [each] });
  await producer.disconnect();
}

/**
 * Headers without a value, ours among them, and a name of invalid UTF-8: the client writes no such ones,
 * and only a shell can give such a name to a program.
 */
async function sendBeyondTheClient(): Promise<void> {
  const command = `printf x | kcat -b ${mock.brokers} -P -t ${place.topic} -H h -H x-signalbox-dead-at -H "$(printf '\\377\\376')=x"`;
  const child = spawn('sh', ['-c', command], { stdio: 'ignore' });
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
}

const isLong = process.env['SIGNALBOX_FAULTS'] === 'long';

describe('whatever the wire allows', () => {
  it('is put aside, and comes back so, and what is behind it goes on', async () => {
    const messages = [
      ...extremes.map(([, record]) => record),
      ...tooLong,
      ...fc.sample(someRecord, isLong ? 1_000 : 60),
    ];
    const count = messages.length + 1;
    const law = putAsideAndBack({
      bus,
      send: async () => {
        await send(messages);
        await sendBeyondTheClient();
      },
      count,
      // Nor is there room for an id in what fills a record without one, unless its headers were dropped.
      refused: tooLong.length + 2,
    });
    await expect(law).resolves.toBe(count);
  });
});
