import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { type JsMsg, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Bus, Delivery } from '../../../src/delivery/bus/bus.js';
import { DeadLetterError } from '../../../src/delivery/bus/dead-letter-error.js';
import { nats } from '../../../src/delivery/nats/index.js';
import { natsNames } from '../../../src/delivery/nats/names.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import {
  Gate,
  message,
  Recorder,
  sequence,
} from '../../../src/testing/bus-conformance/recorder.js';
import { runSignalbox, startSignalbox } from '../../support/command-line.js';
import { eventually } from '../../support/eventually.js';
import { type PrivateNats, startPrivateNats } from '../../support/private-nats.js';
import { startNode } from '../../support/run-node.js';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { uniqueName } from '../../support/unique-name.js';
import type { CrashingTask } from '../amqp/crashing-member.js';

let server: PrivateNats;
let stream: string;
const buses: Bus[] = [];

beforeAll(async () => {
  server = await startPrivateNats();
});
afterAll(() => server.dispose());
beforeEach(() => {
  stream = uniqueName('test');
});
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

function open(options: Partial<Parameters<typeof nats>[0]> = {}): Bus {
  const bus = nats({ url: server.url, stream, ackWait: 1_000, ...options });
  buses.push(bus);
  return bus;
}

/** Another program on the same server. */
async function stranger() {
  const connection = await connect({ servers: `127.0.0.1:${server.port}` });
  return { connection, manager: await jetstreamManager(connection) };
}

test('a message published twice under one id is stored once', async () => {
  const bus = open();
  const recorder = new Recorder();
  await bus.subscribe(['#'], recorder.handler, { pool: 'once' });
  const first = message('a', { id: 'the-same' });
  await bus.publish(first);
  await bus.publish(first);
  await bus.publish(message('a', { id: 'last' }));
  await recorder.atLeast(2);
  expect(recorder.ids).toEqual(['the-same', 'last']);
});

test('an ephemeral subscription to a stream that was made anew begins at its start, and says so', async () => {
  const bus = open();
  const recorder = new Recorder();
  let missed = 0;
  const onMissed = (): void => {
    missed += 1;
    throw new Error('a listener that fails');
  };
  await bus.subscribe(['#'], recorder.handler, { onMissed });
  for (const each of sequence('a', 'k', 5)) await bus.publish(each);
  await recorder.atLeast(5);
  const { connection, manager } = await stranger();
  await manager.streams.delete(stream);
  await connection.close();
  // Published before the subscription can know, and under a place that it has passed.
  await eventually(() => bus.publish(message('a', { id: 'into the new one' })));
  await recorder.atLeast(6);
  await bus.publish(message('a', { id: 'last' }));
  await recorder.atLeast(7);
  expect(recorder.ids.slice(5)).toEqual(['into the new one', 'last']);
  expect(missed).toBe(1);
});

test('a dead letter that another program wrote hides no other', async () => {
  const bus = open();
  const refuse = (): void => {
    throw new DeadLetterError('not now');
  };
  await bus.subscribe(['#'], refuse, { pool: 'mixed' });
  await bus.publish(message('a', { id: 'ours' }));
  await eventually(async () => expect(await bus.deadLetters?.read('mixed')).toHaveLength(1));
  const { connection, manager } = await stranger();
  await manager.jetstream().publish(`${stream}-dead.mixed`, 'of somebody');
  await connection.close();
  const read = (await bus.deadLetters?.read('mixed')) ?? [];
  expect(read.map(({ reason }) => reason)).toEqual(['not now', 'unknown']);
});

test('a server that is killed under load and comes back has what it confirmed, in order', async () => {
  const bus = open({ publishTimeout: 20_000 });
  const recorder = new Recorder();
  await bus.subscribe(['#'], recorder.handler, { pool: 'survivor' });
  const confirmed: string[] = [];
  let publishing = true;
  const work = (async () => {
    for (const each of sequence('a.b', 'k', 10_000)) {
      if (!publishing) break;
      for (;;) {
        const done = await bus.publish(each).then(
          () => true,
          (error: { readonly code?: string }) => {
            expect(error.code).toBe('BUS_UNAVAILABLE');
            return false;
          },
        );
        if (done) break;
        await new Promise((retry) => setTimeout(retry, 50));
      }
      confirmed.push(each.id);
    }
  })();
  await eventually(() => expect(confirmed.length).toBeGreaterThan(50));
  await server.kill();
  await server.start();
  const before = confirmed.length;
  await eventually(() => expect(confirmed.length).toBeGreaterThan(before + 50), {
    deadline: 30_000,
  });
  publishing = false;
  await work;
  await eventually(() => expect(new Set(recorder.ids).size).toBe(confirmed.length), {
    deadline: 30_000,
  });
  expect([...new Set(recorder.ids)]).toEqual(confirmed);
});

test('the active member of an ordered pool is killed: another goes on with what it had, in order', async () => {
  const member = resolve(import.meta.dirname, 'member.ts');
  const bus = open();
  await bus.connect();
  await using first = startNode(member, [server.url, stream, 'ordered']);
  await first.line('subscribed');
  const messages = sequence('a', 'k', 400);
  const publishing = (async () => {
    for (const each of messages) await bus.publish(each);
  })();
  await first.line('handled k/20');
  const recorder = new Recorder();
  await bus.subscribe(['#'], recorder.handler, { pool: 'ordered', prefetch: 20 });
  expect(recorder.ids).toEqual([]);
  first.kill('SIGKILL');
  const { stdout } = await first.exited;
  await publishing;
  await eventually(() => expect(recorder.ids.at(-1)).toBe('k/399'), { deadline: 30_000 });
  const handled = [...stdout.matchAll(/^handled (.+)$/gm)].map(([, id]) => id);
  const inAll = [...handled, ...recorder.ids];
  expect([...new Set(inAll)]).toEqual(messages.map(({ id }) => id));
  // What the dead one had in hand comes again, in its place; nothing comes twice to the second.
  expect(new Set(recorder.ids).size).toBe(recorder.ids.length);
});

test('what the server hands out again in another order than before is handled in its own', async () => {
  const recorder = new Recorder();
  const bus = open();
  const { pool, consumer } = { pool: 'again', consumer: natsNames(stream).consumer('again') };
  await (await bus.subscribe(['#'], recorder.handler, { pool })).unsubscribe();
  // Who is active, takes two messages, renews the first once more, and is not heard of again.
  const { connection, manager } = await stranger();
  const record = natsNames(stream).poolSubject(pool);
  const holder = { order: 'pool', holder: 'somebody' };
  await manager.jetstream().publish(record, JSON.stringify(holder));
  const source = await manager.jetstream().consumers.get(stream, consumer);
  const taken: (JsMsg | null)[] = [];
  for (const each of sequence('a.b', 'k', 2)) {
    await bus.publish(each);
    taken.push(await source.next());
  }
  await delay(200);
  taken[0]?.working();
  await connection.flush();
  await bus.subscribe(['#'], recorder.handler, { pool });
  await bus.publish(message('a.b', { id: 'k/2', partitionKey: 'k' }));
  await recorder.atLeast(3);
  await connection.close();
  expect(recorder.ids).toEqual(['k/0', 'k/1', 'k/2']);
});

test('whoever leaves an ordered pool hands over all it had at once, in its order', async () => {
  // Whatever gets lost on the way would come again long after this test.
  const bus = open({ ackWait: 60_000 });
  const [gate, begun, pool] = [new Gate(), new Recorder(), 'left'];
  const handler = async (delivery: Delivery): Promise<void> => {
    begun.handler(delivery);
    await gate.pass();
    throw new Error('not handled');
  };
  const active = await bus.subscribe(['#'], handler, { pool, prefetch: 20 });
  const messages = sequence('a.b', 'k', 10);
  await Promise.all(messages.map((each) => bus.publish(each)));
  await begun.atLeast(1);
  const { connection, manager } = await stranger();
  const consumer = natsNames(stream).consumer(pool);
  await eventually(async () => {
    expect((await manager.consumers.info(stream, consumer)).num_ack_pending).toBe(10);
  });
  await connection.close();
  const leaving = active.unsubscribe();
  gate.open();
  await leaving;
  const recorder = new Recorder();
  await bus.subscribe(['#'], recorder.handler, { pool, prefetch: 20 });
  await recorder.atLeast(10);
  expect(recorder.ids).toEqual(messages.map(({ id }) => id));
});

test('a message that was handed out often and never begun is handled, and its key goes on', async () => {
  const bus = open({ deliveryLimit: 3 });
  const [recorder, pool] = [new Recorder(), 'held'];
  await (await bus.subscribe(['#'], recorder.handler, { pool })).unsubscribe();
  await bus.publish(message('a.b', { id: 'held', partitionKey: 'k' }));
  const { connection, manager } = await stranger();
  const source = await manager.jetstream().consumers.get(stream, natsNames(stream).consumer(pool));
  for (let times = 0; times < 4; times += 1) (await source.next())?.nak();
  await connection.flush();
  await connection.close();
  await bus.publish(message('a.b', { id: 'next', partitionKey: 'k' }));
  await bus.subscribe(['#'], recorder.handler, { pool });
  await recorder.atLeast(2);
  expect(recorder.ids).toEqual(['held', 'next']);
  expect(await bus.deadLetters?.read(pool)).toEqual([]);
});

test('a message that ends its process, again and again, is put aside alone', async () => {
  const [limit, pool] = [2, 'p'];
  const bus = open();
  await (await bus.subscribe(['#'], () => {}, { pool })).unsubscribe();
  const ids = ['one', 'two', 'culprit', 'three', 'four'];
  for (const id of ids) await bus.publish(message('a', { id }));
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-nats-crash-'));
  const task: CrashingTask = {
    bus: 'nats',
    url: server.url,
    exchange: stream,
    deliveryLimit: limit,
    concurrency: 1,
    order: 'pool',
    handled: join(directory, 'handled'),
  };
  const member = resolve(import.meta.dirname, '../amqp/crashing-member.ts');
  for (let crashes = 0; crashes <= limit; crashes += 1) {
    const { code, stderr } = await startNode(member, [JSON.stringify(task)]).exited;
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  }
  await using last = startNode(member, [JSON.stringify(task)]);
  await last.line('handled four');
  const letters = (await bus.deadLetters?.read(pool)) ?? [];
  expect(letters.map(({ message: { id }, attempts }) => [id, attempts])).toEqual([
    ['culprit', limit],
  ]);
  const handled = (await readFile(task.handled, 'utf8')).trim().split('\n');
  expect(new Set(handled)).toEqual(new Set(ids.filter((id) => id !== 'culprit')));
  await rm(directory, { recursive: true });
});

test('nobody waits for a member that left before it had begun', async () => {
  const bus = open({ ackWait: 60_000 });
  const [recorder, pool] = [new Recorder(), 'brief'];
  for (let times = 0; times < 5; times += 1) {
    const brief = await bus.subscribe(['#'], recorder.handler, { pool });
    await delay(times);
    await brief.unsubscribe();
  }
  await bus.publish(message('a', { id: 'next' }));
  await bus.subscribe(['#'], recorder.handler, { pool });
  await recorder.atLeast(1);
  expect(recorder.ids).toEqual(['next']);
});

test('what is handled is not waited for by whoever comes next', async () => {
  const bus = open({ ackWait: 60_000 });
  const [first, second, pool] = [new Recorder(), new Recorder(), 'done'];
  const active = await bus.subscribe(['#'], first.handler, { pool });
  for (let round = 0; round < 20; round += 1) {
    const messages = sequence(`a.${round}`, `k${round}`, 5);
    await Promise.all(messages.map((each) => bus.publish(each)));
  }
  await first.atLeast(100);
  await active.unsubscribe();
  await bus.subscribe(['#'], second.handler, { pool });
  await bus.publish(message('a', { id: 'next' }));
  await second.atLeast(1);
  expect(second.ids).toEqual(['next']);
});

describe('an ordered pool keeps its order, under load,', () => {
  let line: TcpProxy;
  let recorder: Recorder;
  beforeEach(async () => {
    line = await startTcpProxy({ host: '127.0.0.1', port: server.port });
    recorder = new Recorder();
    const far = open({ url: `nats://127.0.0.1:${line.port}` });
    await far.subscribe(['#'], recorder.handler, { pool: 'ordered', prefetch: 1000 });
  });
  afterEach(() => line.close());

  /** Publishes from a place of its own, at a pace, while `faults` go on; then everything must have come, in its order. */
  async function expectOrder(pace: number, faults: () => Promise<void>): Promise<void> {
    const bus = open();
    await bus.connect();
    const published: string[] = [];
    let publishing = true;
    const work = (async () => {
      for (const each of sequence('a.b', 'k', 100_000)) {
        if (!publishing) break;
        await bus.publish(each);
        published.push(each.id);
        await delay(pace);
      }
    })();
    await recorder.atLeast(20);
    await faults();
    publishing = false;
    await work;
    await eventually(() => expect(new Set(recorder.ids).size).toBe(published.length), {
      deadline: 30_000,
    });
    expect([...new Set(recorder.ids)]).toEqual(published);
  }

  /** Resolves when so many more have come. */
  async function more(count: number): Promise<void> {
    const target = recorder.ids.length + count;
    await eventually(() => expect(recorder.ids.length).toBeGreaterThan(target), {
      deadline: 30_000,
    });
  }

  test('when its active member is cut off while the server hands out to it', async () => {
    await open().subscribe(['#'], recorder.handler, { pool: 'ordered', prefetch: 1000 });
    // So slowly that what was asked for lasts until the other one is active.
    await expectOrder(10, async () => {
      line.swallow();
      await more(100);
    });
  });

  test('when what was handed out is lost with the connection', async () => {
    await expectOrder(1, async () => {
      for (let round = 0; round < 3; round += 1) {
        line.swallow();
        await delay(100);
        line.open();
        line.cut();
        await more(200);
      }
    });
  });
});

describe('what somebody deletes is made again', () => {
  test('the stream, by the next publish', async () => {
    const notices: BusNotice[] = [];
    const bus = open({ on: (notice) => notices.push(notice) });
    await bus.publish(message('a'));
    const { connection, manager } = await stranger();
    await manager.streams.delete(stream);
    await connection.close();
    await bus.publish(message('a'));
    expect(notices).toContainEqual({ kind: 'redeclared', exchange: stream });
  });

  test('the consumers of a pool, by its members, in their place', async () => {
    const notices: BusNotice[] = [];
    const bus = open({ on: (notice) => notices.push(notice) });
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler, { pool: 'gone' });
    await bus.publish(message('a', { id: 'before' }));
    await recorder.atLeast(1);
    const { connection, manager } = await stranger();
    for await (const { name } of manager.consumers.list(stream)) {
      await manager.consumers.delete(stream, name);
    }
    // While there is none, and before the members have made them again.
    await bus.publish(message('a', { id: 'meanwhile' }));
    expect((await manager.streams.info(stream)).state.consumer_count).toBe(0);
    await connection.close();
    await eventually(() => expect(notices.map(({ kind }) => kind)).toContain('resubscribed'));
    await bus.publish(message('a', { id: 'after' }));
    const once = (): readonly string[] => [...new Set(recorder.ids)];
    await eventually(() => expect(once()).toEqual(['before', 'meanwhile', 'after']));
  });
});

test('a server that has lost what it confirmed is found out; a stream made anew is not taken for that', async () => {
  const forgetful = await startPrivateNats();
  const copy = await mkdtemp(join(tmpdir(), 'signalbox-nats-copy-'));
  const notices: BusNotice[] = [];
  const bus = open({ url: forgetful.url, on: (notice) => notices.push(notice) });
  const reused = (): readonly BusNotice[] =>
    notices.filter(({ kind }) => kind === 'sequenceReused');
  try {
    const handler = ({ id }: Delivery): void => {
      if (id === 'dead') throw new DeadLetterError('no');
    };
    const member = await bus.subscribe(['#'], handler, { pool: 'p' });
    await bus.publish(message('a', { id: 'kept' }));
    // It is the first in a stream of its own.
    await bus.publish(message('a', { id: 'dead' }));
    await eventually(async () => expect(await bus.deadLetters?.read('p')).toHaveLength(1));
    await member.unsubscribe();
    await forgetful.stop();
    await cp(forgetful.data, copy, { recursive: true });
    await forgetful.start();
    await eventually(() => bus.publish(message('a', { id: 'lost' })));
    await forgetful.stop();
    await rm(forgetful.data, { recursive: true });
    await cp(copy, forgetful.data, { recursive: true });
    await forgetful.start();
    await eventually(() => bus.publish(message('a', { id: 'in its place' })));
    const told = {
      kind: 'sequenceReused',
      stream,
      sequence: 3,
      id: 'in its place',
      former: 'lost',
    };
    await eventually(() => expect(reused()).toEqual([told]));

    const other = await connect({ servers: `127.0.0.1:${forgetful.port}` });
    await (await jetstreamManager(other)).streams.delete(stream);
    await other.close();
    for (const id of ['first', 'second', 'third']) await bus.publish(message('a', { id }));
    await bus.close();
    expect(reused()).toEqual([told]);
  } finally {
    await bus.close();
    await forgetful.dispose();
    await rm(copy, { recursive: true });
  }
});

test('a message in the place of one that is being handled, in a stream made anew, is handled too', async () => {
  const bus = open();
  const [begun, gate] = [new Gate(), new Gate()];
  const recorder = new Recorder();
  const handler = async (delivery: Delivery): Promise<void> => {
    begun.open();
    if (delivery.id === 'before') await gate.pass();
    recorder.handler(delivery);
  };
  await bus.subscribe(['#'], handler, { pool: 'remade', concurrency: 2 });
  await bus.publish(message('a', { id: 'before' }));
  const { connection, manager } = await stranger();
  await begun.pass();
  await manager.streams.delete(stream);
  await connection.close();
  await bus.publish(message('a', { id: 'after' }));
  // Under the identity of the other it would wait for it, and be acknowledged with it.
  try {
    await eventually(() => expect(recorder.ids).toEqual(['after']));
  } finally {
    gate.open();
  }
  await recorder.atLeast(2);
});

test.each(['pool', 'member'] as const)(
  'whoever leaves a pool with order "%s" acknowledges nothing in a stream made anew',
  async (order) => {
    const bus = open();
    const [begun, gate, recorder] = [new Recorder(), new Gate(), new Recorder()];
    const handler = async (delivery: Delivery): Promise<void> => {
      begun.handler(delivery);
      if (delivery.id === 'before') return;
      await gate.pass();
      throw new Error('not handled');
    };
    const first = await bus.subscribe(['#'], handler, { pool: 'renewed', order });
    await bus.publish(message('a', { id: 'before' }));
    await begun.atLeast(1);
    const { connection, manager } = await stranger();
    await manager.streams.delete(stream);
    await connection.close();
    await bus.publish(message('a', { id: 'after' }));
    await begun.atLeast(2);
    const leaving = first.unsubscribe();
    gate.open();
    await leaving;
    await bus.subscribe(['#'], recorder.handler, { pool: 'renewed', order });
    await recorder.atLeast(1);
    expect(recorder.ids).toEqual(['after']);
  },
);

test('a dead letter that would exceed the server’s limit says less, and its key goes on', async () => {
  const bus = open();
  const recorder = new Recorder();
  const handler = (delivery: Delivery): void => {
    if (delivery.id === 'large') throw new DeadLetterError('x'.repeat(2_000));
    recorder.handler(delivery);
  };
  await bus.subscribe(['#'], handler, { pool: 'large' });
  const limit = 8 * 1024 * 1024;
  const body = Buffer.alloc(limit - 1_500);
  await bus.publish(message('a', { id: 'large', partitionKey: 'k', body }));
  await bus.publish(message('a', { id: 'next', partitionKey: 'k' }));
  await recorder.atLeast(1);
  const [letter] = (await bus.deadLetters?.read('large')) ?? [];
  expect(letter?.message.body.byteLength).toBe(body.length);
  expect(letter?.reason).toMatch(/^x{20,80}…$/);
});

test('a message of another program reaches a subscription with what NATS knows of it', async () => {
  const bus = open();
  const recorder = new Recorder();
  await bus.subscribe(['plain.#'], recorder.handler);
  const { connection } = await stranger();
  connection.publish(`${stream}.key.plain.text`, 'hello');
  await connection.flush();
  await recorder.atLeast(1);
  expect(recorder.deliveries[0]).toMatchObject({ key: 'plain.text', id: '', contentType: '' });
  await connection.close();
});

describe('bad input', () => {
  const canary = 'c4n4ry-s3cret';

  test('a message over the server’s limit is refused for good, and the others go on', async () => {
    const bus = open();
    const [small, large] = await Promise.allSettled([
      bus.publish(message('a')),
      bus.publish(message('a', { body: Buffer.alloc(9 * 1024 * 1024) })),
    ]);
    expect(small.status).toBe('fulfilled');
    expect(large).toMatchObject({ reason: { code: 'PUBLISH_REFUSED' } });
  });

  test('a stream that keeps other subjects is a conflict', async () => {
    const { connection, manager } = await stranger();
    await manager.streams.add({ name: stream, subjects: [`${stream}.else`] });
    await connection.close();
    await expect(open().connect()).rejects.toMatchObject({ code: 'TOPOLOGY_CONFLICT' });
  });

  test.each([
    ['no address', { url: 'nowhere' }],
    ['another scheme', { url: `http://root:${canary}@127.0.0.1` }],
    ['a stream with a dot', { url: 'nats://127.0.0.1', stream: 'a.b' }],
    ['no window', { url: 'nats://127.0.0.1', publishWindow: 0 }],
  ])('%s is refused without the address', (_, options) => {
    let error: unknown;
    try {
      nats(options);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'CONFIG_VALUE_INVALID' });
    expect(inspect(error, { depth: 9 })).not.toContain(canary);
  });

  test('a server that is away, or refuses the password, is a typed error without it', async () => {
    const secured = await startPrivateNats([
      'authorization { user: "signalbox", password: "right" }',
    ]);
    try {
      const wrong = open({ url: `nats://signalbox:${canary}@127.0.0.1:${secured.port}` });
      const refused = await wrong.connect().catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'BUS_CREDENTIALS_REFUSED' });
      const right = open({ url: `nats://signalbox:right@127.0.0.1:${secured.port}` });
      await right.connect();
      const away = open({ url: `nats://signalbox:${canary}@127.0.0.1:1` });
      const unavailable = await away.publish(message('a')).catch((error: unknown) => error);
      expect(unavailable).toMatchObject({ code: 'BUS_UNAVAILABLE' });
      for (const error of [refused, unavailable]) {
        expect(inspect(error, { depth: 9 })).not.toContain(canary);
      }
    } finally {
      await Promise.all(buses.splice(0).map((bus) => bus.close()));
      await secured.dispose();
    }
  });

  test.each(['a.b', 'has space', '*', '>', 'ü/💥', '%', 'x'.repeat(100)])(
    'a pool may be called %j',
    async (pool) => {
      const bus = open();
      const recorder = new Recorder();
      await bus.subscribe(['#'], recorder.handler, { pool });
      await bus.publishToPool(pool, message('to.it'));
      await bus.publish(message('to.all'));
      await recorder.atLeast(2);
      expect(recorder.deliveries.map(({ key }) => key).toSorted()).toEqual(['to.all', 'to.it']);
    },
  );
});

test('the demo runs over NATS, and tail sees its events', async () => {
  const address = `${server.url}/${stream}`;
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-nats-demo-'));
  await using tail = startSignalbox(['tail', '--bus', address, '--count', '5', '--format', 'json']);
  const bus = open();
  await bus.connect();
  const { connection, manager } = await stranger();
  await eventually(
    async () => expect((await manager.streams.info(stream)).state.consumer_count).toBe(1),
    { deadline: 30_000 },
  );
  await connection.close();
  const database = `sqlite:${join(directory, 'demo.sqlite')}`;
  const demo = await runSignalbox(['demo', '--database', database, '--bus', address, '--json']);
  expect(demo.stderr).toBe('');
  expect(demo.code).toBe(0);
  const summary = JSON.parse(demo.stdout.trim().split('\n').at(-1) ?? '') as {
    readonly summary: { readonly journal: number; readonly received: number };
  };
  expect(summary.summary.received).toBe(summary.summary.journal);
  const { stdout } = await tail.exited;
  expect(stdout.trim().split('\n')).toHaveLength(5);
  await rm(directory, { recursive: true });
});
