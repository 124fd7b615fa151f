import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { EntityManager } from 'typeorm';
import type { BusMessage, Delivery } from '../../../src/delivery/bus/bus.js';
import { DeadLetterError } from '../../../src/delivery/bus/dead-letter-error.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { connectDatabase } from '../../../src/config/connect-database.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import { idempotent } from '../../../src/consuming/inbox/idempotent.js';
import { purgeInbox, purgeInboxRegularly } from '../../../src/consuming/inbox/purge-inbox.js';
import type { RevisionGap } from '../../../src/consuming/inbox/revisions.js';
import { Gate, message } from '../../../src/testing/bus-conformance/recorder.js';
import { type Cloud, openCloud } from '../../e2e/support/cloud.js';
import { Probe } from '../../e2e/support/probe.js';
import { eachDatabase } from '../../support/databases.js';
import { waitingForLock } from '../../support/waiting-for-lock.js';
import { eventually } from '../../support/eventually.js';

/** A message as a handler in the pool `billing` gets it. */
function delivered(id: string, change: Partial<Delivery> = {}): Delivery {
  return { ...message('a', { id }), attempt: 1, redelivered: false, pool: 'billing', ...change };
}

/** Handles a message until its transaction is not given up for another one, as a bus delivers it again. */
async function settled(handling: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await handling();
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== 'LOCK_CONFLICT') throw error;
    }
  }
}

/** A transaction that the database gives up for another one is done again: each is counted once. */
const once = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

eachDatabase((kind) => {
  let cloud: Cloud;

  beforeAll(async () => {
    cloud = await openCloud(kind);
    await cloud.dataSource.query('CREATE TABLE ledger (entry varchar(255) NOT NULL)');
  });
  beforeEach(async () => {
    for (const table of ['ledger', 'signalbox_inbox', 'signalbox_outbox', 'signalbox_journal'])
      await cloud.dataSource.query(`DELETE FROM ${table}`);
  });
  afterAll(() => cloud[Symbol.asyncDispose]());

  const write = async (manager: EntityManager, { id }: { readonly id: string }): Promise<void> => {
    await manager.query(`INSERT INTO ledger (entry) VALUES ('${id}')`);
  };

  async function entries(): Promise<readonly string[]> {
    const rows: { entry: string }[] = await cloud.dataSource.query(
      'SELECT entry FROM ledger ORDER BY entry',
    );
    return rows.map(({ entry }) => entry);
  }

  async function notes(): Promise<readonly string[]> {
    const rows: { consumer: string; id: string }[] = await cloud.dataSource.query(
      'SELECT consumer, id FROM signalbox_inbox ORDER BY consumer, id',
    );
    return rows.map(({ consumer, id }) => `${consumer}: ${id}`);
  }

  test('a message that comes again has no effect, whatever came between', async () => {
    let runs = 0;
    const handle = idempotent(cloud.dataSource, async (manager, delivery: Delivery) => {
      runs += 1;
      await write(manager, delivery);
    });
    for (const id of ['a', 'b', 'a', 'c', 'b', 'a']) await handle(delivered(id));
    expect(await entries()).toEqual(['a', 'b', 'c']);
    expect(runs).toBe(3);
    expect(await notes()).toEqual(['billing: a', 'billing: b', 'billing: c']);
  });

  test('each consumer has an inbox of its own', async () => {
    const handle = idempotent(cloud.dataSource, write);
    await handle(delivered('a'));
    await handle(delivered('a', { pool: 'audit' }));
    const named = idempotent(cloud.dataSource, write, { consumer: 'Ünïcode 名' });
    await named(delivered('a'));
    await named(delivered('a', { pool: 'audit' }));
    expect(await entries()).toEqual(['a', 'a', 'a']);
  });

  test('a handler that throws leaves neither write nor note, and its message is handled later', async () => {
    let broken = true;
    const handle = idempotent(cloud.dataSource, async (manager, delivery: Delivery) => {
      await write(manager, delivery);
      if (broken) throw new TypeError('broken');
    });
    // Its own error, as it was thrown.
    await expect(handle(delivered('a'))).rejects.toThrow(new TypeError('broken'));
    expect([await entries(), await notes()]).toEqual([[], []]);
    broken = false;
    await handle(delivered('a'));
    expect(await entries()).toEqual(['a']);
  });

  test.each(['commits', 'fails'])(
    'of two members that get a message at once one waits, when the first %s',
    async (outcome) => {
      // SQLite has one connection in a process; members of another process wait for its write lock.
      const other =
        kind === 'sqlite'
          ? cloud.dataSource
          : await connectDatabase(cloud.url, { entities: [], poolSize: 2 });
      const gate = new Gate();
      const runs: string[] = [];
      const first = idempotent(cloud.dataSource, async (manager, delivery: Delivery) => {
        await write(manager, delivery);
        runs.push('first');
        await gate.pass();
        if (outcome === 'fails') throw new Error('too bad');
      });
      const second = idempotent(other, async (manager, delivery: Delivery) => {
        await write(manager, delivery);
        runs.push('second');
      });
      const one = first(delivered('a'));
      await eventually(() => expect(runs).toEqual(['first']));
      const two = second(delivered('a', { redelivered: true }));
      if (kind === 'postgres') await waitingForLock(cloud.dataSource);
      expect(runs).toEqual(['first']);
      gate.open();
      const [settled] = await Promise.allSettled([one, two]);
      expect(settled.status).toBe(outcome === 'fails' ? 'rejected' : 'fulfilled');
      await two;
      expect(once(runs)).toEqual(outcome === 'fails' ? ['first', 'second'] : ['first']);
      expect(await entries()).toEqual(['a']);
      if (other !== cloud.dataSource) await other.destroy();
    },
  );

  test('many members that get the same messages at once handle each of them once', async () => {
    const handle = idempotent(cloud.dataSource, write);
    const ids = Array.from({ length: 10 }, (_, index) => `id-${index}`);
    await Promise.all(
      Array.from({ length: 4 }, () => ids.map((id) => settled(() => handle(delivered(id))))).flat(),
    );
    expect(await entries()).toEqual([...ids].sort());
  });

  test('a transaction that was rolled back beneath its handler is no success', async () => {
    // TypeORM shares one connection on SQLite, and would count a transaction that is not there.
    if (kind === 'sqlite') return;
    const handle = idempotent(cloud.dataSource, async (manager, delivery: Delivery) => {
      await write(manager, delivery);
      await manager.query('ROLLBACK');
    });
    await expect(handle(delivered('a'))).rejects.toMatchObject({ code: 'TRANSACTION_LOST' });
    expect([await entries(), await notes()]).toEqual([[], []]);
  });

  test('a handler that hides the failure of a statement commits all or nothing', async () => {
    const handle = idempotent(cloud.dataSource, async (manager, delivery: Delivery) => {
      await write(manager, delivery);
      await manager.query('SELECT nothing FROM nowhere').catch(() => undefined);
    });
    const outcome = await handle(delivered('a')).then(
      () => 'handled',
      (error: { readonly code?: string }) => error.code,
    );
    // PostgreSQL commits nothing after a statement that failed; the others go on.
    expect(outcome).toBe(kind === 'postgres' ? 'TRANSACTION_LOST' : 'handled');
    expect(await entries()).toEqual(kind === 'postgres' ? [] : ['a']);
    expect(await notes()).toEqual(kind === 'postgres' ? [] : ['billing: a']);
  });

  test('transitions that a handler makes are part of it, and are announced once', async () => {
    await using bus = memoryBus();
    const signalbox = await cloud.open({ bus });
    const { uuid } = await signalbox.create(Probe);
    let failures = 0;
    const handled: string[] = [];
    await signalbox.subscribe(
      { category: 'AlertEvent' },
      idempotent(cloud.dataSource, async (manager, event, { attempt }) => {
        await signalbox.transition(Probe, uuid, 'Begin', { manager });
        handled.push(`${event.type}#${attempt}`);
        if (attempt === 1) {
          failures += 1;
          throw new Error('not yet');
        }
      }),
      { pool: 'workers', retry: { delay: 1 } },
    );
    await signalbox.raiseAlert('ALERT.USERVM', 'look');
    await eventually(() => expect(once(handled)).toEqual(['ALERT.USERVM#1', 'ALERT.USERVM#2']));
    await eventually(async () => {
      const begun = (await cloud.journal()).filter(({ event }) => event.type === 'Begin');
      expect(begun.length).toBe(1);
    });
    expect(failures).toBeGreaterThan(0);
    await signalbox.close();
  });

  test('it fits subscribe and bus.subscribe, and a second helping from the bus is a no-op', async () => {
    await using bus = memoryBus();
    const signalbox = await cloud.open({ bus });
    const events: string[] = [];
    const deliveries: string[] = [];
    const messages: BusMessage[] = [];
    await bus.subscribe(['#'], (each) => void messages.push(each));
    await signalbox.subscribe(
      { category: 'UsageEvent' },
      idempotent(cloud.dataSource, async (manager, event, delivery) => {
        await write(manager, event);
        events.push(`${event.id} ${delivery.attempt}`);
      }),
      { pool: 'billing' },
    );
    await bus.subscribe(
      ['*.UsageEvent.#'],
      idempotent(cloud.dataSource, async (manager, delivery, signal) => {
        await write(manager, delivery);
        deliveries.push(`${delivery.id} ${signal.aborted}`);
      }),
      { pool: 'raw' },
    );
    const id = await signalbox.recordUsage('VM.START');
    await eventually(() => {
      expect([events, deliveries, messages].map((each) => once<unknown>(each).length)).toEqual([
        1, 1, 1,
      ]);
    });
    for (const pool of ['billing', 'raw', 'billing', 'raw']) {
      await bus.publishToPool(pool, messages[0] as BusMessage);
    }
    await signalbox.recordUsage('VM.STOP');
    await eventually(() => {
      expect([events, deliveries].map((each) => once<string>(each).length)).toEqual([2, 2]);
    });
    expect((await entries()).filter((entry) => entry === id)).toEqual([id, id]);
    await signalbox.close();
  });

  test('a message without an id is poison, and a consumer without a name is refused', async () => {
    const handle = idempotent(cloud.dataSource, write);
    await expect(handle(delivered(''))).rejects.toBeInstanceOf(DeadLetterError);
    await expect(handle(delivered('x'.repeat(256)))).rejects.toThrow(/exceeds 255/);
    await handle(delivered('é'.repeat(255)));
    const { pool: _, ...alone } = delivered('a');
    await expect(handle(alone)).rejects.toMatchObject({ code: 'CONFIG_VALUE_INVALID' });
    expect(() => idempotent(cloud.dataSource, write, { consumer: '' })).toThrow(/1 to 255/);
    expect((await notes()).length).toBe(1);
  });

  test('notes are purged when they are older than the retention, and then a message counts anew', async () => {
    const handle = idempotent(cloud.dataSource, write);
    for (const id of ['a', 'b']) await handle(delivered(id));
    expect(await purgeInbox(cloud.dataSource, { retention: 3_600_000 })).toBe(0);
    expect((await notes()).length).toBe(2);
    const purge = purgeInboxRegularly(cloud.dataSource, { retention: 0, interval: 20 });
    await eventually(async () => expect(await notes()).toEqual([]));
    await purge.stop();
    await purge.stop();
    await handle(delivered('a'));
    expect(await entries()).toEqual(['a', 'a', 'b']);
    await expect(purgeInbox(cloud.dataSource, { retention: -1 })).rejects.toThrow(/milliseconds/);
  });

  test('a gap, and a step back, is told in the transaction and remembered over processes', async () => {
    const signalbox = await cloud.open();
    const { uuid } = await signalbox.create(Probe);
    for (const event of ['Rest', 'Woke', 'Rest', 'Woke'] as const) {
      await signalbox.transition(Probe, uuid, event);
    }
    const events = (await cloud.journal())
      .map(({ event }) => event)
      .filter(
        ({ category, partitionkey }) => category === 'ResourceStateEvent' && partitionkey === uuid,
      );
    await signalbox.close();
    const told: string[] = [];
    const makeHandler = () =>
      idempotent(cloud.dataSource, (manager, event: SignalboxEvent) => write(manager, event), {
        consumer: 'cmdb',
        onGap: ({ kind: what, known, revision, ...gap }: RevisionGap) => {
          expect(gap).toEqual({ resource: 'Probe', uuid });
          told.push(`${what} ${known} → ${revision}`);
        },
      });
    const [r1, r2, r3, r4, r5] = events as [SignalboxEvent, ...SignalboxEvent[]];
    for (const each of [r1, r2, r4]) await makeHandler()(each as SignalboxEvent);
    const gap = `gap ${r2?.revision} → ${r4?.revision}`;
    expect(told).toEqual([gap]);
    await makeHandler()(r3 as SignalboxEvent);
    expect(told).toEqual([gap, `back ${r4?.revision} → ${r3?.revision}`]);
    await makeHandler()(r5 as SignalboxEvent);
    expect(told.length).toBe(2);
  });
});

describe('on any history of deliveries', () => {
  test('each message takes effect once, however often and in whatever order it comes and fails', async () => {
    await using cloud = await openCloud('sqlite');
    await cloud.dataSource.query('CREATE TABLE ledger (entry varchar(64) NOT NULL)');
    let fails = false;
    const handle = idempotent(cloud.dataSource, async (manager, { id }: Delivery) => {
      await manager.query(`INSERT INTO ledger (entry) VALUES ('${id}')`);
      if (fails) throw new Error('not now');
    });
    const history = fc.array(
      fc.record({ id: fc.integer({ min: 0, max: 9 }), fails: fc.boolean() }),
      {
        maxLength: 30,
      },
    );
    let round = 0;
    await fc.assert(
      fc.asyncProperty(history, async (deliveries) => {
        round += 1;
        const expected = new Set<string>();
        for (const each of deliveries) {
          const id = `${round}/${each.id}`;
          fails = each.fails;
          await handle(delivered(id)).catch(() => undefined);
          if (!each.fails) expected.add(id);
        }
        const rows: { entry: string }[] = await cloud.dataSource.query(
          `SELECT entry FROM ledger WHERE entry LIKE '${round}/%'`,
        );
        expect(rows.map(({ entry }) => entry).sort()).toEqual([...expected].sort());
      }),
      { numRuns: 40 },
    );
  });
});
