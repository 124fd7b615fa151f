import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Bus, Delivery } from '../../../src/delivery/bus/bus.js';
import { nats } from '../../../src/delivery/nats/index.js';
import { natsNames } from '../../../src/delivery/nats/names.js';
import { PoolHandover } from '../../../src/delivery/nats/pool-handover.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import { Gate, message, Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { type PrivateNats, startPrivateNats } from '../../support/private-nats.js';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { uniqueName } from '../../support/unique-name.js';

const options = { pool: 'p', order: 'member' } as const;
let server: PrivateNats;
let line: TcpProxy;
let stream: string;
/** Behind the line, that may break, and beside it. */
let far: Bus;
let near: Bus;
let notices: BusNotice[];
/** Another program on the server. */
let connection: NatsConnection;
let manager: JetStreamManager;

beforeAll(async () => {
  server = await startPrivateNats();
  connection = await connect({ servers: `127.0.0.1:${server.port}` });
  manager = await jetstreamManager(connection);
});
afterAll(async () => {
  await connection.close();
  await server.dispose();
});
beforeEach(async () => {
  stream = uniqueName('test');
  notices = [];
  line = await startTcpProxy({ host: '127.0.0.1', port: server.port });
  const on = (notice: BusNotice): void => void notices.push(notice);
  far = nats({ url: `nats://127.0.0.1:${line.port}`, stream, ackWait: 2_000, on });
  near = nats({ url: server.url, stream });
});
afterEach(async () => {
  await Promise.all([far.close(), near.close()]);
  await line.close();
});

function kinds(): readonly string[] {
  return notices.map(({ kind }) => kind);
}

/** How many messages the pool was handed and has not acknowledged. */
async function pending(): Promise<number> {
  const { num_ack_pending } = await manager.consumers.info(stream, natsNames(stream).consumer('p'));
  return num_ack_pending;
}

/** Cuts the line, and has another member handle, until `gate`, the first message of a stream made anew. */
async function replaceStreamMeanwhile(gate: Gate): Promise<void> {
  const handled = new Recorder();
  line.refuse();
  line.cut();
  await eventually(() => expect(kinds()).toContain('disconnected'));
  await manager.streams.delete(stream);
  await near.subscribe(
    ['#'],
    async (delivery) => {
      handled.handler(delivery);
      await gate.pass();
    },
    options,
  );
  await near.publish(message('a', { id: 'new' }));
  await handled.atLeast(1);
}

test('what is handled while the connection is lost is acknowledged when it is back', async () => {
  const [begun, gate] = [new Recorder(), new Gate()];
  const handler = async (delivery: Delivery): Promise<void> => {
    begun.handler(delivery);
    await gate.pass();
  };
  await far.subscribe(['#'], handler, options);
  await near.publish(message('a', { id: 'x' }));
  await begun.atLeast(1);
  line.refuse();
  line.cut();
  await eventually(() => expect(kinds()).toContain('disconnected'));
  gate.open();
  line.open();
  await eventually(async () => expect(await pending()).toBe(0));
  await near.publish(message('a', { id: 'y' }));
  await begun.atLeast(2);
  expect(begun.ids).toEqual(['x', 'y']);
});

test('what is handled while the client connects again is no answer in a stream made anew meanwhile', async () => {
  const [begun, gate, never] = [new Recorder(), new Gate(), new Gate()];
  await far.subscribe(
    ['#'],
    async (delivery) => {
      begun.handler(delivery);
      if (delivery.id === 'old') await gate.pass();
    },
    { ...options, prefetch: 1 },
  );
  await near.publish(message('a', { id: 'old' }));
  await begun.atLeast(1);
  await replaceStreamMeanwhile(never);
  // The client greets the server, and keeps what is said meanwhile until that is over.
  line.open();
  line.slow(300);
  await eventually(() => expect(line.connections()).toBe(1));
  gate.open();
  await eventually(() => expect(kinds().at(-1)).toBe('connected'));
  line.open();
  await eventually(() => expect(kinds()).toContain('resubscribed'), { deadline: 20_000 });
  try {
    expect(await pending()).toBe(1);
  } finally {
    never.open();
  }
});

test('a member that leaves acknowledges nothing in a stream made anew before its handlers have returned', async () => {
  const [begun, gate, never] = [new Recorder(), new Gate(), new Gate()];
  const leaver = await far.subscribe(
    ['#'],
    async (delivery) => {
      begun.handler(delivery);
      await gate.pass();
    },
    options,
  );
  await near.publish(message('a', { id: 'old' }));
  await begun.atLeast(1);
  const leaving = leaver.unsubscribe();
  await replaceStreamMeanwhile(never);
  line.open();
  await eventually(() => expect(kinds().at(-1)).toBe('connected'));
  gate.open();
  await leaving;
  try {
    expect(await pending()).toBe(1);
  } finally {
    never.open();
  }
});

test('a server that is started again has the consumers it had, and its members make none', async () => {
  const recorder = new Recorder();
  const restarting = await startPrivateNats();
  const on = (notice: BusNotice): void => void notices.push(notice);
  const bus = nats({ url: restarting.url, stream, on });
  try {
    await bus.subscribe(['#'], recorder.handler, { pool: 'p' });
    await bus.publish(message('a', { id: 'before' }));
    await recorder.atLeast(1);
    await restarting.stop();
    await restarting.start();
    const looked = vi.spyOn(PoolHandover.prototype, 'note');
    await eventually(() => bus.publish(message('a', { id: 'after' })));
    await recorder.atLeast(2);
    await eventually(() => expect(looked).toHaveBeenCalled());
    await Promise.all(looked.mock.results.map(({ value }) => value as Promise<unknown>));
    looked.mockRestore();
    expect(kinds()).not.toContain('resubscribing');
  } finally {
    await bus.close();
    await restarting.dispose();
  }
});

test('who does not hear whether the stream is the same asks for nothing: what it cannot acknowledge would come again and again', async () => {
  const recorder = new Recorder();
  await far.subscribe(['#'], recorder.handler, options);
  const unheard = vi.spyOn(PoolHandover.prototype, 'note').mockResolvedValue('away');
  try {
    line.refuse();
    line.cut();
    await eventually(() => expect(kinds()).toContain('disconnected'));
    await near.publish(message('a', { id: 'x' }));
    line.open();
    await eventually(() => expect(kinds().at(-1)).toBe('connected'));
    await near.publish(message('a', { id: 'y' }));
    const asked = unheard.mock.calls.length;
    // By then what was handed out at first would have come again.
    await eventually(() => expect(unheard.mock.calls.length).toBeGreaterThan(asked + 4));
    expect(recorder.ids).toEqual([]);
  } finally {
    unheard.mockRestore();
  }
  await recorder.atLeast(2);
  expect(recorder.ids).toEqual(['x', 'y']);
});
