import { createConnection } from 'node:net';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import { nats } from '../../../src/delivery/nats/index.js';
import { eventually } from '../../support/eventually.js';
import { startPrivateNats, type PrivateNats } from '../../support/private-nats.js';
import { uniqueName } from '../../support/unique-name.js';
import { putAsideAndBack } from '../put-aside.js';

/** Bytes of a message with its headers, at most. */
const largest = 262_144;
/** Bytes of headers that JetStream keeps, at most. */
const mostHead = 65_535;

/** A message as it goes over the wire. */
interface RawMessage {
  readonly subject?: Buffer;
  readonly reply?: string;
  /** The header block with its first line and its end; absent for a message without headers. */
  readonly head?: Buffer;
  readonly body?: Buffer;
}

const invalid = (length: number): Buffer => Buffer.alloc(length, 0xff);
const block = (...lines: (string | Buffer)[]): Buffer =>
  Buffer.concat([
    Buffer.from('NATS/1.0\r\n'),
    ...lines.flatMap((line) => [Buffer.from(line as string), Buffer.from('\r\n')]),
    Buffer.from('\r\n'),
  ]);
const status = (line: string): Buffer => Buffer.from(`NATS/1.0 ${line}\r\n\r\n`);
const many = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${index.toString(36)}:`);
const fill = (room: number): Buffer => block(`h: ${'x'.repeat(room - block('h: ').length)}`);
const key = (words: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${stream}.key.`), Buffer.from(words as string)]);

/** A message of each part at its extreme; functions, because each test has a stream of its own. */
const extremes: readonly (readonly [name: string, message: () => RawMessage])[] = [
  ['no headers', () => ({})],
  ['nothing at all', () => ({ body: Buffer.of() })],
  ['a body as large as the server takes', () => ({ body: invalid(largest) })],
  ['headers as large as the server takes', () => ({ head: fill(mostHead) })],
  [
    'headers and a body that fill a message',
    () => ({ head: fill(mostHead), body: invalid(largest - mostHead) }),
  ],
  [
    'headers that grow when they are encoded',
    () => ({ head: block(Buffer.concat([Buffer.from('h: '), invalid(60_000)])) }),
  ],
  [
    'headers that grow beyond what JetStream keeps',
    () => ({ head: block(Buffer.concat([Buffer.from('h: '), invalid(10_000)])) }),
  ],
  ['an empty header block', () => ({ head: block() })],
  ['9,000 headers', () => ({ head: block(...many(9_000)) })],
  ['a header block without its first line', () => ({ head: Buffer.from('h: x\r\n\r\n') })],
  ['a header block that is none', () => ({ head: invalid(100) })],
  ['a header block without an end', () => ({ head: Buffer.from('NATS/1.0\r\nh: x') })],
  ['a header block without a body', () => ({ head: block('h: x'), body: Buffer.of() })],
  ...['100 Idle Heartbeat', '404 No Messages', '408 Timeout', '503', 'x', '-1 y', '1e9 z'].map(
    (line) => [`the status ${line}`, () => ({ head: status(line) })] as const,
  ),
  ['the status of a consumer that was deleted', () => ({ head: status('409 Consumer Deleted') })],
  ['an address for answers', () => ({ reply: 'x.y' })],
  ['a header name with a space', () => ({ head: block('has space: x') })],
  ['a header name of invalid UTF-8', () => ({ head: block(invalid(8), 'h: x') })],
  ['a header value of invalid UTF-8', () => ({ head: block(invalid(8)) })],
  ['a header line without a colon', () => ({ head: block('nothing', 'h: x') })],
  ['a header without a name', () => ({ head: block(': x') })],
  ['headers of one name', () => ({ head: block('h: x', 'h: y') })],
  ['a header called as a prototype', () => ({ head: block('__proto__: x') })],
  ['control characters', () => ({ head: block('h: a\0b\nc\rd\u007f') })],
  ['values that look encoded', () => ({ head: block('h: %zz%', 'i%: %41') })],
  ['an id that was given before', () => ({ head: block('Nats-Msg-Id: a b') })],
  [
    'headers of ours that are forged',
    () => ({ head: block('Signalbox-Id: %', 'Signalbox-Types: {"h":"number"}', 'h: NaN', 'n: x') }),
  ],
  ['types that are none', () => ({ head: block('Signalbox-Types: [1', 'h: true') })],
  ['a partition key', () => ({ head: block(`Signalbox-Partition-Key: ${'k'.repeat(9_000)}`) })],
  ['a content type', () => ({ head: block(`Content-Type: ${'t'.repeat(9_000)}`) })],
  ['a dead letter that is forged', () => ({ head: block('Signalbox-Dead-Letter: {"key":7}') })],
  ['a subject that looks encoded', () => ({ subject: key('%zz.a') })],
  ['a subject with wildcards', () => ({ subject: key('*.>.a') })],
  ['a subject of invalid UTF-8', () => ({ subject: key(invalid(9)) })],
  ['a subject of control characters', () => ({ subject: key('\u0001\u007f') })],
  ['a message of the pool alone', () => ({ subject: Buffer.from(`${stream}.pool.p.%zz`) })],
];

/** Longer than a routing key may be. */
const tooLong: readonly RawMessage[] = [300, 3_000].map((length) => ({
  get subject() {
    return key('k'.repeat(length));
  },
}));

const someBytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
const someMessage: fc.Arbitrary<RawMessage> = fc.record(
  {
    head: fc.oneof(
      someBytes(60),
      fc.array(someBytes(30), { maxLength: 6 }).map((lines) => block(...lines)),
      fc
        .array(fc.tuple(fc.string(), fc.string({ unit: 'binary' })), { maxLength: 6 })
        .map((pairs) => block(...pairs.map(([name, value]) => `${name}: ${value}`))),
    ),
    body: someBytes(40),
  },
  { requiredKeys: [] },
);

let server: PrivateNats;
let stream: string;
let bus: Bus;

beforeAll(async () => {
  server = await startPrivateNats([`max_payload: ${largest}`]);
});
afterAll(() => server.dispose());
beforeEach(() => {
  stream = uniqueName('wire');
  bus = nats({ url: server.url, stream, publishTimeout: 5_000 });
});
afterEach(() => bus.close());

/** Publishes byte by byte, as no client of NATS would. */
async function send(messages: readonly RawMessage[]): Promise<void> {
  const socket = createConnection(server.port, '127.0.0.1');
  let answers = '';
  socket.on('data', (chunk: Buffer) => (answers += chunk.toString('latin1')));
  socket.write('CONNECT {"verbose":false,"headers":true,"pedantic":false}\r\n');
  for (const [index, { subject, reply, head, body }] of messages.entries()) {
    const content = body ?? Buffer.from(String(index));
    const size = content.length + (head?.length ?? 0);
    const sizes = head === undefined ? `${size}` : `${head.length} ${size}`;
    socket.write(head === undefined ? 'PUB ' : 'HPUB ');
    socket.write(subject ?? key('the.key'));
    socket.write(` ${reply === undefined ? '' : `${reply} `}${sizes}\r\n`);
    socket.write(Buffer.concat([head ?? Buffer.of(), content, Buffer.from('\r\n')]));
  }
  socket.write('PING\r\n');
  await eventually(() => expect(answers).toMatch(/PONG\r\n$/));
  expect(answers).not.toContain('-ERR');
  socket.destroy();
}

const isLong = process.env['SIGNALBOX_FAULTS'] === 'long';

describe('whatever the wire allows', () => {
  it('is put aside, and comes back so, and what is behind it goes on', async () => {
    const messages = [
      ...extremes.map(([, make]) => make()),
      ...tooLong,
      ...fc.sample(someMessage, isLong ? 1_000 : 60),
    ];
    const count = messages.length;
    const law = putAsideAndBack({
      bus,
      send: () => send(messages),
      count,
      refused: tooLong.length,
    });
    await expect(law).resolves.toBe(count);
  });

  it.each(extremes)('of itself: %s', async (_, make) => {
    const law = putAsideAndBack({ bus, send: () => send([make()]), count: 1 });
    await expect(law).resolves.toBe(1);
  });

  it('does not hold up whoever reads dead letters', async () => {
    await using member = await bus.subscribe(['#'], () => {}, { pool: 'p' });
    const subject = Buffer.from(`${stream}-dead.p`);
    await send([
      { subject, head: block(...many(9_000)) },
      { subject, head: invalid(99) },
    ]);
    expect(await bus.deadLetters?.read('p')).toHaveLength(2);
    expect(await bus.deadLetters?.drop('p')).toBe(2);
    expect(member.pool).toBe('p');
  });
});
