import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Bus, Delivery } from '../../../src/delivery/bus/bus.js';
import { NatsConnector, type NatsLink } from '../../../src/delivery/nats/connection.js';
import { nats } from '../../../src/delivery/nats/index.js';
import { natsNames } from '../../../src/delivery/nats/names.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import { Gate, message, Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { type PrivateNats, startPrivateNats } from '../../support/private-nats.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { uniqueName } from '../../support/unique-name.js';

const ackWait = 1_000;
let server: PrivateNats;
let stream: string;
const buses: Bus[] = [];

beforeAll(async () => {
  server = await startPrivateNats([
    `authorization {
      users = [
        { user: "all", password: "all" }
        { user: "deaf", password: "deaf", permissions: { subscribe: { deny: "$JS.EVENT.>" } } }
      ]
    }`,
  ]);
});
afterAll(() => server.dispose());
beforeEach(() => {
  stream = uniqueName('test');
});
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

function open({
  user = 'all',
  port = server.port,
  ...options
}: Partial<Parameters<typeof nats>[0]> & { user?: string; port?: number } = {}): Bus {
  const bus = nats({
    url: `nats://${user}:${user}@127.0.0.1:${port}`,
    stream,
    ackWait,
    ...options,
  });
  buses.push(bus);
  return bus;
}

/** Lets another program do something on the server. */
async function asStranger(work: (manager: JetStreamManager) => Promise<unknown>): Promise<void> {
  const connection = await connect({
    servers: `127.0.0.1:${server.port}`,
    user: 'all',
    pass: 'all',
  });
  try {
    await work(await jetstreamManager(connection));
  } finally {
    await connection.close();
  }
}

/** Takes every message, and handles none but those named. */
class Failing {
  readonly taken = new Recorder();
  readonly #handles: readonly string[];
  readonly #gate = new Gate();

  constructor(handles: readonly string[] = []) {
    this.#handles = handles;
  }

  readonly handler = async (delivery: Delivery): Promise<void> => {
    if (this.#handles.includes(delivery.id)) return;
    this.taken.handler(delivery);
    await this.#gate.pass();
    throw new Error('not handled');
  };

  fail(): void {
    this.#gate.open();
  }
}

describe('an ordered pool goes on', () => {
  test('on a server that was away for longer than its record, and came back empty', async () => {
    const forgetful = await startPrivateNats();
    const bus = nats({ url: forgetful.url, stream, ackWait });
    const recorder = new Recorder();
    try {
      await bus.subscribe(['#'], recorder.handler, { pool: 'p' });
      await bus.publish(message('a', { id: 'before' }));
      await recorder.atLeast(1);
      await forgetful.stop();
      // The member must have given up by its own clock.
      await delay(2.5 * ackWait);
      await rm(forgetful.data, { recursive: true });
      await forgetful.start();
      await eventually(() => bus.publish(message('a', { id: 'after' })));
      await eventually(() => expect(recorder.ids).toEqual(['before', 'after']), {
        deadline: 20_000,
      });
    } finally {
      await bus.close();
      await forgetful.dispose();
    }
  }, 60_000);

  test('when somebody deletes the records of all pools, and nobody else is active before its member knows', async () => {
    const [bus, other] = [open(), open()];
    const [begun, gate, recorder] = [new Recorder(), new Gate(), new Recorder()];
    const slow = async (delivery: Delivery): Promise<void> => {
      begun.handler(delivery);
      if (delivery.id === 'during') await gate.pass();
      recorder.handler(delivery);
    };
    await bus.subscribe(['#'], slow, { pool: 'p' });
    await other.subscribe(['#'], recorder.handler, { pool: 'p' });
    await bus.publish(message('a', { id: 'during' }));
    await begun.atLeast(1);
    await asStranger((manager) => manager.streams.delete(natsNames(stream).poolStream));
    await bus.publish(message('a', { id: 'after' }));
    // A record that is free would be taken at once, and what is behind it with it.
    await delay(ackWait / 2);
    expect(recorder.ids).toEqual([]);
    gate.open();
    await eventually(() => expect(recorder.ids.at(-1)).toBe('after'), { deadline: 20_000 });
    await asStranger((manager) =>
      eventually(() => manager.streams.info(natsNames(stream).poolStream), { deadline: 20_000 }),
    );
    await bus.publish(message('a', { id: 'later' }));
    await eventually(
      () => expect([...new Set(recorder.ids)]).toEqual(['during', 'after', 'later']),
      { deadline: 20_000 },
    );
  }, 60_000);

  test('when somebody deletes the records of all pools and another member joins, which overtakes nobody', async () => {
    const [begun, gate] = [new Recorder(), new Gate()];
    const handled: string[] = [];
    await open().subscribe(
      ['#'],
      async (delivery) => {
        begun.handler(delivery);
        if (delivery.id === 'first') await gate.pass();
        handled.push(delivery.id);
      },
      { pool: 'p', prefetch: 1 },
    );
    const bus = open();
    await bus.publish(message('a', { id: 'first', partitionKey: 'k' }));
    await begun.atLeast(1);
    await asStranger((manager) => manager.streams.delete(natsNames(stream).poolStream));
    await bus.subscribe(['#'], ({ id }) => void handled.push(id), { pool: 'p' });
    await bus.publish(message('a', { id: 'second', partitionKey: 'k' }));
    // It would have begun at once.
    await delay(ackWait / 2);
    gate.open();
    await eventually(() => expect(handled).toContain('second'), { deadline: 20_000 });
    expect(handled[0]).toBe('first');
  }, 60_000);

  test('when somebody deletes its consumers while its member is cut off', async () => {
    const line = await startTcpProxy({ host: '127.0.0.1', port: server.port });
    const far = open({ port: line.port });
    const recorder = new Recorder();
    try {
      await far.subscribe(['#'], recorder.handler, { pool: 'p' });
      const bus = open();
      await bus.publish(message('a', { id: 'before' }));
      await recorder.atLeast(1);
      line.swallow();
      await delay(2 * ackWait);
      await asStranger(async (manager) => {
        for await (const { name } of manager.consumers.list(stream)) {
          await manager.consumers.delete(stream, name);
        }
      });
      line.open();
      line.cut();
      await bus.publish(message('a', { id: 'after' }));
      await eventually(() => expect(recorder.ids).toContain('after'), { deadline: 20_000 });
    } finally {
      await far.close();
      await line.close();
    }
  }, 60_000);
});

test('what is in a stream made anew is for a pool that was there before, also where a new member makes its consumers', async () => {
  const recorder = new Recorder();
  const options = { pool: 'p', order: 'member' } as const;
  const bus = open();
  const before = await bus.subscribe(['#'], recorder.handler, options);
  await bus.publish(message('a', { id: 'old' }));
  await recorder.atLeast(1);
  await before.unsubscribe();
  await asStranger((manager) => manager.streams.delete(stream));
  await bus.publish(message('a', { id: 'new' }));
  await open().subscribe(['#'], recorder.handler, options);
  await bus.publish(message('a', { id: 'last' }));
  await eventually(() => expect(recorder.ids).toContain('last'));
  expect(recorder.ids).toEqual(['old', 'new', 'last']);
});

test('a stream that is made again while the server removes the files of the former keeps what it confirms', async () => {
  const forgetful = await startPrivateNats();
  const notices: BusNotice[] = [];
  const bus = nats({ url: forgetful.url, stream, on: (notice) => notices.push(notice) });
  const made = (): number => notices.filter(({ kind }) => kind === 'redeclared').length;
  const confirmed: string[] = [];
  let publishing = true;
  await bus.connect();
  const work = (async () => {
    for (let number = 1; publishing; number += 1) {
      const id = `${number}`;
      await eventually(() => bus.publish(message('a', { id, body: Buffer.alloc(1_000) })));
      confirmed.push(id);
    }
  })();
  try {
    for (let round = 1; round <= 3; round += 1) {
      const before = confirmed.length;
      await eventually(() => expect(confirmed.length).toBeGreaterThan(before + 100));
      const connection = await connect({ servers: `127.0.0.1:${forgetful.port}` });
      await (await jetstreamManager(connection)).streams.delete(stream);
      await connection.close();
      await eventually(() => expect(made()).toBe(round));
      const since = confirmed.length;
      await eventually(() => expect(confirmed.length).toBeGreaterThan(since + 100));
      // What it has in memory only is gone.
      await forgetful.stop();
      await forgetful.start();
      const again = await connect({ servers: `127.0.0.1:${forgetful.port}` });
      const manager = await jetstreamManager(again);
      const { state } = await eventually(() => manager.streams.info(stream));
      await again.close();
      expect(state.messages).toBeGreaterThan(100);
    }
  } finally {
    publishing = false;
    await work;
    await bus.close();
    await forgetful.dispose();
  }
}, 60_000);

test('a subscription that was refused handles nothing, whatever is deleted later', async () => {
  const bus = open();
  const recorder = new Recorder();
  const { ready } = NatsConnector.prototype as {
    readonly ready: (this: NatsConnector) => Promise<NatsLink>;
  };
  let [asked, heard] = [0, Infinity];
  await bus.connect();
  const broken = vi.spyOn(NatsConnector.prototype, 'ready').mockImplementation(function (
    this: NatsConnector,
  ) {
    asked += 1;
    if (asked > heard) return Promise.reject(new Error('the line broke'));
    return ready.call(this);
  });
  try {
    const options = { pool: 'p', order: 'member' } as const;
    const trial = await bus.subscribe(['#'], () => {}, options);
    await trial.unsubscribe();
    const all = asked;
    // The line breaks at each of the moments at which it is needed.
    for (heard = 1; heard < all; heard += 1) {
      asked = 0;
      await bus.subscribe(['#'], recorder.handler, options).then(
        (member) => member.unsubscribe(),
        () => undefined,
      );
    }
  } finally {
    broken.mockRestore();
  }
  await asStranger((manager) => manager.streams.delete(stream));
  await bus.publish(message('a', { id: 'x' }));
  const other = new Recorder();
  await bus.subscribe(['#'], other.handler);
  await bus.publish(message('a', { id: 'y' }));
  await other.atLeast(1);
  await delay(ackWait);
  expect(recorder.ids).toEqual([]);
});

describe('in a stream made anew nothing is acknowledged that nobody has handled,', () => {
  test.each([
    // A server of 2.9 may lose what it would tell: then the member finds out as one that is deaf.
    ['all', /^the (stream was deleted|consumers are gone)$/],
    ['deaf', /^the consumers are gone$/],
  ])(
    'by a member with its hands full, that asks for nothing, as the user %s',
    async (user, reason) => {
      const notices: BusNotice[] = [];
      const bus = open({ user, on: (notice) => notices.push(notice) });
      const begun = new Recorder();
      const gates = [new Gate(), new Gate(), new Gate()];
      const handler = async (delivery: Delivery): Promise<void> => {
        begun.handler(delivery);
        if (delivery.id.startsWith('old')) await gates[Number(delivery.id.at(-1))]?.pass();
      };
      const options = { pool: 'p', prefetch: 3, concurrency: 3 };
      await bus.subscribe(['#'], handler, options);
      for (const each of [0, 1, 2]) {
        await bus.publish(message('a', { id: `old ${each}`, partitionKey: `k${each}` }));
      }
      await begun.atLeast(3);
      await asStranger(async (manager) => {
        // Who has asked for something is told of the deletion in answer.
        const names = natsNames(stream);
        await eventually(async () => {
          for (const name of [names.consumer('p'), names.directConsumer('p')])
            expect((await manager.consumers.info(stream, name)).num_waiting).toBe(0);
        });
        await manager.streams.delete(stream);
      });
      const standby = new Recorder();
      // Makes the stream and the consumers.
      await open().subscribe(['#'], standby.handler, options);
      for (const each of [0, 1, 2]) await bus.publish(message('a', { id: `new ${each}` }));
      try {
        await eventually(() =>
          expect(notices).toContainEqual({
            kind: 'resubscribing',
            subscription: 'p',
            reason: expect.stringMatching(reason) as string,
          }),
        );
      } finally {
        for (const gate of gates) gate.open();
      }
      await eventually(
        () =>
          expect([...begun.ids, ...standby.ids]).toEqual(
            expect.arrayContaining(['new 0', 'new 1', 'new 2']),
          ),
        { deadline: 20_000 },
      );
    },
    60_000,
  );

  test('by whoever was the active member once, and leaves', async () => {
    const line = await startTcpProxy({ host: '127.0.0.1', port: server.port });
    const far = open({ port: line.port });
    const [first, recorder] = [new Recorder(), new Recorder()];
    const failing = new Failing(['before', 'between']);
    const consumer = natsNames(stream).consumer('p');
    try {
      const once = await far.subscribe(['#'], first.handler, { pool: 'p' });
      const bus = open();
      await bus.publish(message('a', { id: 'before' }));
      await first.atLeast(1);
      const second = await bus.subscribe(['#'], failing.handler, { pool: 'p' });
      line.swallow();
      await bus.publish(message('a', { id: 'between' }));
      await asStranger((manager) =>
        eventually(
          async () =>
            expect((await manager.consumers.info(stream, consumer)).ack_floor.stream_seq).toBe(2),
          { deadline: 20_000 },
        ),
      );
      line.open();
      line.cut();
      await asStranger((manager) => manager.streams.delete(stream));
      await bus.publish(message('a', { id: 'after' }));
      await failing.taken.atLeast(1);
      await once.unsubscribe();
      const leaving = second.unsubscribe();
      failing.fail();
      await leaving;
      await bus.subscribe(['#'], recorder.handler, { pool: 'p' });
      await eventually(() => expect(recorder.ids).toEqual(['after']), { deadline: 20_000 });
    } finally {
      await far.close();
      await line.close();
    }
  }, 60_000);
});
