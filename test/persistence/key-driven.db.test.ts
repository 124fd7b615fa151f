import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { originSource } from '../../src/context/origin-source.js';
import { defineEventTypes } from '../../src/core/events/event-types.js';
import { Jobs } from '../../src/operations/jobs/jobs.js';
import { EventWriter } from '../../src/persistence/event-writer.js';
import { openInbox } from '../../src/persistence/open-inbox.js';
import { eachDatabase } from '../support/databases.js';
import { type GuardedDatabase, guardedDatabase } from './guarded-database.js';
import { request } from './pump-database.js';
import {
  analyseEmpty,
  fillTables,
  fullTable,
  type Meter,
  meter,
  pretend,
  uuidOf,
} from './stale-statistics.js';

/** Rows that one call of a batch concerns. */
const batch = 8;

interface Call {
  /** Rows that it may look up or write. */
  readonly rows: number;
  /** Uses `rows` rows from this number on, odd ones `Starting` and even ones `Idle`. */
  readonly run: (db: GuardedDatabase, from: number) => Promise<unknown>;
}

const within = <T>(db: GuardedDatabase, work: (manager: EntityManager) => Promise<T>): Promise<T> =>
  db.dataSource.transaction(work);

const numbers = (from: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => from + 2 * index);

const transitions =
  (which: 'tanks' | 'servers', event: string, odd: boolean, count: number): Call['run'] =>
  (db, from) =>
    db.store.transition(
      db[which],
      numbers(from + (odd ? 1 : 0), count).map((row) => request(uuidOf(row), event)),
    );

const jobs = ({ dataSource, store }: GuardedDatabase): Jobs =>
  new Jobs({
    dataSource,
    eventWriter: new EventWriter({
      dataSource,
      store,
      origin: originSource('test'),
      eventTypes: defineEventTypes(),
      maxPayload: 262_144,
      validate: undefined,
    }),
    assertOpen: () => {},
    application: 0,
  });

/** Each statement of ours that looks rows up, by what it is for. `from` is even, and used once. */
const calls: Readonly<Record<string, Call>> = {
  'a batch that starts deadlines': {
    rows: batch,
    run: transitions('tanks', 'StartRequested', false, batch),
  },
  'a batch that cancels deadlines': {
    rows: batch,
    run: transitions('tanks', 'Failed', true, batch),
  },
  'a batch of a table with text uuids': {
    rows: batch,
    run: transitions('servers', 'Failed', true, batch),
  },
  'a batch of refusals': { rows: batch, run: transitions('tanks', 'Started', false, batch) },
  'a batch of unknown resources': {
    rows: batch,
    run: (db, from) =>
      db.store.transition(
        db.tanks,
        numbers(from + 50_000_000, batch).map((row) => request(uuidOf(row), 'Failed')),
      ),
  },
  'a single transition': { rows: 1, run: transitions('tanks', 'StartRequested', false, 1) },
  'a single transition that cancels': { rows: 1, run: transitions('tanks', 'Failed', true, 1) },
  'a single transition of a table with text uuids': {
    rows: 1,
    run: transitions('servers', 'Failed', true, 1),
  },
  'a batch that is planned': {
    rows: batch,
    run: (db, from) =>
      db.store.transition(
        db.tanks,
        numbers(from + 1, batch).flatMap((row) => [
          request(uuidOf(row), 'Tick'),
          request(uuidOf(row), 'Failed'),
        ]),
      ),
  },
  'a guarded transition': {
    rows: 2,
    run: async (db, from) => {
      const uuid = uuidOf(from + 1);
      await db.store.transition(db.tanks, [request(uuid, 'Started')]);
      await db.store.transition(db.tanks, [request(uuid, 'Drain')]);
    },
  },
  'a timeout': {
    rows: 1,
    run: (db, from) =>
      db.store.transition(db.tanks, [
        request(uuidOf(from + 1), [...db.tanks.lifecycle.table.deadlines.keys()][0] as string, {
          deadline: { id: 'Starting/1000', revision: 1 },
        }),
      ]),
  },
  'a transition within a transaction': {
    rows: 1,
    run: (db, from) =>
      within(db, (manager) =>
        db.store.transitionWithin(manager, db.tanks, request(uuidOf(from + 1), 'Failed')),
      ),
  },
  'a creation and a removal': {
    rows: 2,
    run: async (db) => {
      const tank = await db.newTank({ state: 'Starting' });
      await db.dataSource.manager.remove(tank);
    },
  },
  'a save of a sent step': {
    rows: 1,
    run: (db, from) =>
      within(db, async (manager) => {
        const tank = await manager.findOneByOrFail(db.tanks.entity, { uuid: uuidOf(from + 1) });
        db.subscriber.send(tank, 'Failed');
        await manager.save(tank);
      }),
  },
  'reading the outbox': {
    rows: batch,
    run: (db) => db.store.outbox.read({ partitions: 'all', bus: null, except: [], limit: batch }),
  },
  'reading the outbox of one bus, but for much': {
    rows: 300,
    run: (db) =>
      db.store.outbox.read({
        partitions: 'all',
        bus: 'main',
        except: Array.from({ length: 300 }, (_, index) => index + 1),
        limit: batch,
      }),
  },
  'removing from the outbox': {
    rows: batch,
    run: (db, from) =>
      db.store.outbox.remove(numbers(from, batch).map((position) => ({ position, bus: 'main' }))),
  },
  'a row for each bus': {
    rows: 3 * batch,
    run: (db) => db.store.outbox.fanOut({ partitions: 'all', buses: ['one', 'two'], limit: batch }),
  },
  parking: {
    rows: 1,
    run: (db, from) => db.store.outbox.park({ position: from, bus: 'main' }, 'refused', null),
  },
  holding: {
    rows: batch,
    run: (db, from) =>
      db.store.outbox.hold(numbers(from, batch).map((position) => ({ position, bus: 'main' }))),
  },
  'retrying a parked row': {
    rows: 2,
    run: (db, from) => db.store.outbox.retry({ position: from, bus: 'other' }),
  },
  'dropping a parked row': {
    rows: 2,
    run: (db, from) => db.store.outbox.drop({ position: from, bus: 'other' }),
  },
  'listing parked rows': {
    rows: 2 * batch,
    run: (db, from) =>
      db.store.outbox.listParked({ limit: batch, after: { position: from, bus: 'other' } }),
  },
  'whether a bus is waited for': { rows: 2, run: (db) => db.store.outbox.waitsFor('main') },
  'due deadlines': {
    rows: batch,
    run: (db) => db.store.deadlines.due({ resources: ['Tank', 'Server'], limit: batch }),
  },
  'the next deadline': { rows: 1, run: (db) => db.store.deadlines.nextDue(['Tank', 'Server']) },
  'postponing and removing a deadline': {
    rows: 3,
    run: (db, from) =>
      within(db, async (manager) => {
        const due = {
          resource: 'Tank',
          uuid: uuidOf(from + 1),
          deadline: 'Starting/1000',
          revision: 1,
        };
        await db.store.deadlines.postponeWithin(manager, due, 60_000);
        await db.store.deadlines.removeWithin(manager, due);
      }),
  },
  'the deadlines of some resources': {
    rows: batch,
    run: (db, from) =>
      within(db, (manager) =>
        db.store.deadlines.armedWithin(manager, 'Tank', numbers(from + 1, batch).map(uuidOf)),
      ),
  },
  'deadlines behind a key': {
    rows: batch,
    run: (db, from) =>
      db.store.deadlines.list({
        limit: batch,
        after: { uuid: uuidOf(from + 1), resource: 'Tank', deadline: 'Starting/1000' },
      }),
  },
  'the progress of a job': { rows: 4, run: (db, from) => jobs(db).update(uuidOf(from), 50) },
  'the end of a job': { rows: 4, run: (db, from) => jobs(db).complete(uuidOf(from)) },
  'purging the journal': {
    rows: 4 * batch,
    run: (db) =>
      db.store.journal.purge({ before: new Date(Date.now() - 60_000).toISOString(), limit: batch }),
  },
  'the journal of a resource': {
    rows: 2,
    run: (db, from) => db.store.journal.read({ uuid: uuidOf(from), limit: 100 }),
  },
  'the journal of several resources': {
    rows: 2 * batch,
    run: (db, from) =>
      db.store.journal.read({ uuid: numbers(from, batch).map(uuidOf), limit: 100 }),
  },
  'the journal from a position on': {
    rows: batch,
    run: (db, from) => db.store.journal.read({ after: from, limit: batch, resource: 'Tank' }),
  },
  'the end of the journal': { rows: batch, run: (db) => db.store.journal.tail(batch) },
  'how far the journal reaches': { rows: 2, run: (db) => db.store.journal.extent() },
  'claiming in the inbox': {
    rows: 2,
    run: (db) =>
      within(db, async (manager) => {
        const ref = { consumer: 'pool', id: v7() };
        await openInbox(db.dataSource).claimWithin(manager, ref);
        await openInbox(db.dataSource).holdsWithin(manager, ref);
      }),
  },
  'what a consumer has seen': {
    rows: 3,
    run: (db, from) =>
      within(db, async (manager) => {
        const ref = { consumer: 'pool', resource: 'Tank', uuid: uuidOf(from) };
        const inbox = openInbox(db.dataSource);
        await inbox.seenWithin(manager, ref);
        await inbox.noteSeenWithin(manager, ref, 2);
        await inbox.noteSeenWithin(manager, ref, undefined);
      }),
  },
  'purging the inbox': {
    rows: 3 * batch,
    run: (db) => openInbox(db.dataSource).purge({ olderThan: 1000, limit: batch }),
  },
  leases: {
    rows: 64 * 4,
    run: async (db) => {
      const { partitions: shares } = await db.store.leases.acquire('relay', 10_000);
      await db.store.leases.release('relay', shares.slice(0, 4));
      await db.store.leases.leave('relay', []);
    },
  },
};

/** What one call may read: for each row some levels of some indexes, and as much again for itself. */
const allowed = (kind: GuardedDatabase['kind'], rows: number): number =>
  kind === 'postgres' ? 150 + 60 * rows : 60 + 12 * rows;

eachDatabase((kind) => {
  const beliefs = [
    { belief: 'empty', planned: 'before' },
    { belief: 'empty', planned: 'after' },
    { belief: 'huge', planned: 'after' },
  ] as const;

  describe.each(beliefs)('believed $belief and planned $planned they were filled', (regime) => {
    let db: GuardedDatabase;
    let counts: Meter;

    beforeAll(async () => {
      // One session: what it has planned it uses, and what it reads it counts.
      db = await guardedDatabase(kind, () => ({ poolSize: 1 }) as never);
      const { dataSource } = db;
      if (kind === 'postgres') {
        const mode = regime.planned === 'before' ? 'force_generic_plan' : 'force_custom_plan';
        await dataSource.query(`SET plan_cache_mode = ${mode}`);
        await dataSource.query('CREATE INDEX tank_by_account ON tank (account, uuid)');
        await dataSource.query('CREATE INDEX tank_by_state ON tank (state)');
      }
      await analyseEmpty(db);
      if (regime.planned === 'before') {
        for (const { run } of Object.values(calls)) await run(db, 2).catch(() => undefined);
      }
      await fillTables(db);
      if (regime.planned === 'after') await pretend(db, regime.belief);
      counts = meter(db);
    }, 120_000);
    afterAll(() => db?.[Symbol.asyncDispose]());

    // Of each call its own rows; none of the first, which the calls by order use.
    let next = 1000;

    test.each(Object.entries(calls))('%s reads no more than its rows', async (_, { rows, run }) => {
      next += 40;
      expect(next + 40).toBeLessThan(fullTable);
      await counts.read();
      await run(db, next);
      const read = Object.entries(await counts.read()).filter(([, number]) => number > 0);
      const sum = read.reduce((total, [, number]) => total + number, 0);
      expect(
        sum,
        JSON.stringify(
          read.toSorted(([, a], [, b]) => b - a),
          null,
          1,
        ),
      ).toBeLessThan(allowed(kind, rows));
    });
  });
});

describe('on postgres, with entries that a snapshot keeps', () => {
  const rounds = 60;
  const resources = 64;
  let db: GuardedDatabase;

  beforeAll(async () => {
    db = await guardedDatabase('postgres', () => ({ poolSize: 2 }) as never);
    await analyseEmpty(db);
    await fillTables(db);
  }, 60_000);
  afterAll(() => db?.[Symbol.asyncDispose]());

  test('a transition passes over the dead entries of its own deadline alone', async () => {
    const { dataSource, store, tanks } = db;
    const uuids = numbers(2000, resources).map(uuidOf);
    const move = async (event: string) => {
      const outcomes = await store.transition(
        tanks,
        uuids.map((uuid) => request(uuid, event)),
      );
      expect(outcomes.filter((outcome) => outcome instanceof Error)).toEqual([]);
    };
    const snapshot = dataSource.createQueryRunner();
    await snapshot.startTransaction('REPEATABLE READ');
    await snapshot.query('SELECT 1 FROM tank LIMIT 1');
    try {
      for (let round = 0; round < rounds; round += 1) {
        await move('StartRequested');
        await move('Failed');
      }
      const counts = meter(db);
      await counts.read();
      await move('StartRequested');
      await move('Failed');
      const read = await counts.read();
      const entries = Object.entries(read)
        .filter(([name]) => name.startsWith('signalbox_deadline') && !name.endsWith('blocks'))
        .reduce((sum, [, number]) => sum + number, 0);
      // Arming and cancelling look each row's deadline up once, and find one that each round left.
      expect(entries).toBeGreaterThan(0);
      expect(entries).toBeLessThan(3 * resources * (rounds + 2));
    } finally {
      await snapshot.rollbackTransaction();
      await snapshot.release();
    }
  });
});
