import { createConnection } from 'node:net';
import { connect, headers } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import { groupDeadLetters } from '../../../src/delivery/bus/dead-letter-groups.js';
import { nats } from '../../../src/delivery/nats/index.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import { message, Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { type PrivateNats, startPrivateNats } from '../../support/private-nats.js';
import { uniqueName } from '../../support/unique-name.js';

let server: PrivateNats;
let stream: string;
let bus: Bus;
const notices: BusNotice[] = [];

beforeAll(async () => {
  server = await startPrivateNats();
});
afterAll(() => server.dispose());
beforeEach(() => {
  stream = uniqueName('test');
  notices.length = 0;
  const on = (notice: BusNotice) => void notices.push(notice);
  bus = nats({ url: server.url, stream, ackWait: 1_000, publishTimeout: 3_000, on });
});
afterEach(() => bus.close());

async function publish(subject: string, told: Record<string, string> = {}): Promise<void> {
  const connection = await connect({ servers: `127.0.0.1:${server.port}` });
  const own = headers();
  for (const [name, value] of Object.entries(told)) own.set(name, value);
  connection.publish(subject, 'hello', { headers: own });
  await connection.flush();
  await connection.close();
}

/** More headers than are read. */
async function publishManyHeaders(subject: string): Promise<void> {
  const lines = Array.from({ length: 1_001 }, (_, index) => `${index}: x\r\n`);
  const head = `NATS/1.0\r\n${lines.join('')}\r\n`;
  const socket = createConnection(server.port, '127.0.0.1');
  const answers: string[] = [];
  socket.on('data', (chunk: Buffer) => answers.push(chunk.toString()));
  socket.write('CONNECT {"verbose":false,"headers":true}\r\n');
  socket.write(`HPUB ${subject} ${head.length} ${head.length + 4}\r\n${head}body\r\nPING\r\n`);
  await eventually(() => expect(answers.join('')).toContain('PONG'));
  socket.destroy();
}

describe('whoever may publish stops neither consumers nor publishers', () => {
  test('by a subject that is no encoded key: it is handled under the key as it stands', async () => {
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler, { pool: 'p' });
    await publish(`${stream}.key.%zz.a`);
    await bus.publish(message('a', { id: 'after' }));
    await recorder.atLeast(2);
    expect(recorder.deliveries.map(({ key }) => key)).toEqual(['%zz.a', 'a']);
  });

  test('by more headers than are read: a pool puts the message aside, untried', async () => {
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler, { pool: 'p' });
    await publishManyHeaders(`${stream}.key.a`);
    await bus.publish(message('a', { id: 'after' }));
    await recorder.atLeast(1);
    expect(recorder.ids).toEqual(['after']);
    await eventually(async () => {
      const [letter] = (await bus.deadLetters?.read('p')) ?? [];
      expect(letter).toMatchObject({
        attempts: 0,
        reason: expect.stringContaining('its headers cannot be read') as unknown,
        message: { key: 'a', body: new TextEncoder().encode('body') },
      });
    });
  });

  test('by more headers than are read: an ephemeral subscription drops the message, and says so', async () => {
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler);
    await publishManyHeaders(`${stream}.key.a`);
    await bus.publish(message('a', { id: 'after' }));
    await recorder.atLeast(1);
    expect(recorder.ids).toEqual(['after']);
    expect(notices.map(({ kind }) => kind)).toContain('dropped');
  });

  test('by a dead letter whose headers are none: it hides no other', async () => {
    const member = await bus.subscribe(['#'], () => {}, { pool: 'p' });
    await publishManyHeaders(`${stream}-dead.p`);
    expect(await bus.deadLetters?.read('p')).toMatchObject([{ reason: 'unknown' }]);
    await member.unsubscribe();
  });

  test.each([
    '{"key":{},"reason":5,"attempts":"x","time":[],"error":"y","origin":7}',
    '{"error":{"name":1},"origin":{"exchange":[],"member":null}}',
    '[null]',
    'null',
  ])('by a dead letter that tells %s: it is read as one that tells nothing', async (facts) => {
    const member = await bus.subscribe(['#'], () => {}, { pool: 'p' });
    await publish(`${stream}-dead.p`, { 'Signalbox-Dead-Letter': facts });
    const letters = (await bus.deadLetters?.read('p')) ?? [];
    expect(letters).toMatchObject([
      { message: { key: '' }, reason: 'unknown', attempts: 0, time: '', origin: {} },
    ]);
    expect(groupDeadLetters(letters)).toMatchObject([{ reason: 'unknown', count: 1 }]);
    expect(letters[0]).not.toHaveProperty('error');
    await member.unsubscribe();
  });
});

test('a bus closes within seconds on a server that is frozen', async () => {
  const frozen = await startPrivateNats();
  const far = nats({ url: frozen.url, stream });
  const recorder = new Recorder();
  try {
    await far.subscribe(['#'], recorder.handler, { pool: 'p' });
    await far.subscribe(['#'], recorder.handler, { pool: 'm', order: 'member' });
    await far.subscribe(['#'], recorder.handler);
    await far.publish(message('a'));
    await recorder.atLeast(3);
    frozen.pause();
    // It would be minutes until the client believes that nobody answers.
    await expect(far.close()).resolves.toBeUndefined();
  } finally {
    frozen.resume();
    await frozen.dispose();
  }
}, 40_000);
