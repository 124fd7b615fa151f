import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConflictError, RefusedError, SignalboxError } from '../../src/core/errors/errors.js';
import { RowLocked } from '../../src/core/planning/row-locked.js';
import { journalEntry } from '../../src/core/planning/announcement.js';
import type {
  TransitionRequest,
  TransitionResult,
} from '../../src/core/planning/transition-request.js';
import { eachDatabase } from '../support/databases.js';
import {
  type GuardedDatabase,
  LegacyServer,
  Tank,
  guardedDatabase,
  tank,
} from './guarded-database.js';
import { request } from './pump-database.js';

/** What every writer does alike, whatever its database. */
eachDatabase((kind) => {
  let db: GuardedDatabase;
  beforeAll(async () => {
    db = await guardedDatabase(kind);
  });
  afterAll(() => db[Symbol.asyncDispose]());

  const newTanks = (count: number): Promise<Tank[]> =>
    Promise.all(Array.from({ length: count }, () => db.newTank()));

  describe('a batch', () => {
    test('moves every resource in one commit and tells each caller its own result', async () => {
      const [one, two, three] = (await newTanks(3)) as [Tank, Tank, Tank];
      const gone = randomUUID();
      const outcomes = await db.store.transition(db.tanks, [
        request(one.uuid, 'StartRequested', { reason: 'because' }),
        request(two.uuid, 'Started'),
        request(gone, 'StartRequested'),
        request(three.uuid, 'StartRequested', { expectedRevision: 7 }),
      ]);
      expect(outcomes[0]).toEqual({
        uuid: one.uuid,
        old: 'Idle',
        new: 'Starting',
        revision: 2,
        changed: true,
        events: [expect.any(String)],
      });
      expect(outcomes[1]).toBeInstanceOf(RefusedError);
      expect((outcomes[1] as RefusedError).code).toBe('EVENT_NOT_LAWFUL');
      // A row that a batch does not find may be missing or held: asked for alone it is known.
      if (!(outcomes[2] instanceof RowLocked)) expect(outcomes[2]).toBeInstanceOf(RefusedError);
      const [alone] = await db.store.transition(db.tanks, [request(gone, 'StartRequested')]);
      expect(alone).toMatchObject({ code: 'UNKNOWN_RESOURCE' });
      expect(outcomes[3]).toBeInstanceOf(ConflictError);
      expect(await db.tank(one.uuid)).toMatchObject({ state: 'Starting', revision: 2 });
      expect(await db.tank(two.uuid)).toMatchObject({ state: 'Idle', revision: 1 });
      expect(await db.tank(three.uuid)).toMatchObject({ state: 'Idle', revision: 1 });
      const [, told] = await db.told(one.uuid);
      expect(told?.event['id']).toBe((outcomes[0] as TransitionResult).events[0]);
      expect(told?.data).toMatchObject({ event: 'StartRequested', reason: 'because' });
    });

    test('with several requests of a resource does what they do one by one', async () => {
      const asked = fc.record({
        place: fc.nat(2),
        event: fc.constantFrom(...tank.events.filter((event) => event !== 'Drain')),
        expectedRevision: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined, freq: 3 }),
      });
      const deadlinesOf = (uuid: string) =>
        db.dataSource
          .createQueryBuilder()
          .select(['d.deadline AS deadline', 'd.revision AS revision'])
          .from('signalbox_deadline', 'd')
          .where('d.uuid = :uuid', { uuid })
          .getRawMany<{ deadline: string; revision: string | number }>();
      const seen = async ({ uuid }: Tank) => {
        const { state, revision, stateSince, lifecycleVersion } = await db.tank(uuid);
        // Requests have later times than births, of which each has its own.
        const since = stateSince < new Date('2026-06-01') ? 'creation' : stateSince;
        return {
          row: { state, revision, since, lifecycleVersion },
          journal: (await db.told(uuid)).map(({ type, revision: at, data }) => ({
            type,
            at,
            old: data['old'],
            new: data['new'],
          })),
          deadlines: (await deadlinesOf(uuid)).map((armed) => ({
            deadline: armed.deadline,
            revision: Number(armed.revision),
          })),
        };
      };
      const told = (outcome: unknown) =>
        outcome instanceof SignalboxError
          ? outcome.code
          : { ...(outcome as TransitionResult), uuid: '', events: [] };
      await fc.assert(
        fc.asyncProperty(fc.array(asked, { minLength: 2, maxLength: 24 }), async (steps) => {
          const [together, apart] = [await newTanks(3), await newTanks(3)];
          const requests = steps.map(({ place, event, expectedRevision }) =>
            request(
              (together[place] as Tank).uuid,
              event,
              expectedRevision === undefined ? {} : { expectedRevision },
            ),
          );
          const outcomes = await db.store.transition(db.tanks, requests);
          const expected = [];
          for (const [index, { place }] of steps.entries()) {
            const { uuid } = apart[place] as Tank;
            const one = { ...(requests[index] as TransitionRequest), uuid };
            expected.push(...(await db.store.transition(db.tanks, [one])));
          }
          expect(outcomes.map(told)).toEqual(expected.map(told));
          expect(await Promise.all(together.map(seen))).toEqual(await Promise.all(apart.map(seen)));
        }),
        { numRuns: 20 },
      );
    });

    test('journal and outbox rows pair up, one share for each resource', async () => {
      const tanks = await newTanks(40);
      const requests = tanks.map(({ uuid }) => request(uuid, 'StartRequested'));
      await db.store.transition(db.tanks, requests);
      const started = tanks.map(({ uuid }) => request(uuid, 'Started'));
      await db.store.transition(db.tanks, started);
      const rows = await db.store.outbox.read({
        partitions: 'all',
        bus: null,
        except: [],
        limit: 10_000,
      });
      for (const { uuid } of tanks) {
        const own = rows.filter((row) => row.uuid === uuid);
        expect(own.map(({ type }) => type)).toEqual([
          'Created',
          'StartRequested',
          'Started',
          'PUMP.START',
          'ALERT.PUMP',
          'ALERT.PUMP',
          'PUMP.STARTED',
        ]);
        expect(new Set(own.map(({ partition: share }) => share)).size).toBe(1);
      }
    });

    test('many rows with times and states of their own each get their own', async () => {
      const tanks = await newTanks(30);
      const half = tanks.slice(0, 15);
      await db.store.transition(
        db.tanks,
        half.map(({ uuid }) => request(uuid, 'StartRequested')),
      );
      const requests = tanks.map(({ uuid }, index) =>
        request(uuid, index < 15 ? (index % 2 === 0 ? 'Started' : 'Tick') : 'StartRequested'),
      );
      await db.store.transition(db.tanks, requests);
      for (const [index, { uuid }] of tanks.entries()) {
        const row = await db.tank(uuid);
        const told = (await db.told(uuid)).filter((t) => t.category === 'ResourceStateEvent');
        expect(row.state).toBe(told.at(-1)?.data['new']);
        expect(row.revision).toBe(told.at(-1)?.revision);
        expect(row.state).toBe(index < 15 && index % 2 === 0 ? 'Running' : 'Starting');
        const entered = told.findLast(({ data }) => data['changed'] === true);
        expect(row.stateSince.toISOString()).toBe(entered?.event['time']);
      }
    });

    test('one row the database refuses fails the batch whole', async () => {
      const [good, bad] = (await newTanks(2)) as [Tank, Tank];
      await db.dataSource.query(poison[kind](bad.uuid));
      try {
        const moving = db.store.transition(db.tanks, [
          request(good.uuid, 'StartRequested'),
          request(bad.uuid, 'StartRequested'),
        ]);
        await expect(moving).rejects.toMatchObject({ code: 'CONSTRAINT_VIOLATED' });
      } finally {
        await db.dataSource.query(antidote[kind]);
      }
      expect(await db.tank(good.uuid)).toMatchObject({ state: 'Idle', revision: 1 });
      expect(await db.told(good.uuid)).toHaveLength(1);
      // The connection is in order again.
      const [outcome] = await db.store.transition(db.tanks, [request(bad.uuid, 'StartRequested')]);
      expect(outcome).toMatchObject({ new: 'Starting' });
    });

    test('guards read the row under its lock', async () => {
      const full = await db.newTank({ state: 'Starting', level: 5 });
      const empty = await db.newTank({ state: 'Starting', level: 0 });
      const both = [full, empty];
      await db.store.transition(
        db.tanks,
        both.map(({ uuid }) => request(uuid, 'Started')),
      );
      const outcomes = await db.store.transition(
        db.tanks,
        both.map(({ uuid }) => request(uuid, 'Drain')),
      );
      expect(outcomes[0]).toMatchObject({ code: 'GUARD_REFUSED' });
      expect(outcomes[1]).toMatchObject({ new: 'Drained', revision: 3 });
    });
  });

  describe('deadlines', () => {
    test('are armed and cancelled in the transition’s own commit', async () => {
      const { uuid } = await db.newTank();
      await db.store.transition(db.tanks, [request(uuid, 'StartRequested')]);
      expect(await db.armed(uuid)).toEqual(['Starting/1000']);
      await db.store.transition(db.tanks, [request(uuid, 'Tick')]);
      expect(await db.armed(uuid)).toEqual(['Starting/1000']);
      await db.store.transition(db.tanks, [request(uuid, 'Started')]);
      expect(await db.armed(uuid)).toEqual(['Running/60000']);
      await db.store.transition(db.tanks, [request(uuid, 'StopRequested')]);
      expect(await db.armed(uuid)).toEqual([]);
    });

    test('fire once, at the revision that armed them', async () => {
      const { uuid } = await db.newTank();
      await db.store.transition(db.tanks, [request(uuid, 'StartRequested')]);
      const fire = (revision: number) =>
        db.store.transition(db.tanks, [
          request(uuid, 'DeadlineExceeded', { deadline: { id: 'Starting/1000', revision } }),
        ]);
      expect((await fire(1))[0]).toMatchObject({ code: 'DEADLINE_STALE' });
      expect((await fire(2))[0]).toMatchObject({ old: 'Starting', new: 'Idle' });
      expect((await fire(2))[0]).toMatchObject({ code: 'DEADLINE_STALE' });
      const told = (await db.told(uuid)).slice(2);
      expect(told.map(({ type }) => type)).toEqual(['DeadlineExceeded', 'ALERT.RESOURCE.STUCK']);
      expect(await db.armed(uuid)).toEqual([]);
    });

    test('are due by the database’s clock', async () => {
      const { uuid } = await db.newTank();
      const before = await db.store.deadlines.nextDue(['Pump']);
      expect(before).toBeNull();
      await db.store.transition(db.tanks, [request(uuid, 'StartRequested')]);
      const next = await db.store.deadlines.nextDue(['Tank']);
      expect(next).not.toBeNull();
      expect(next).toBeLessThanOrEqual(1000);
      await db.store.transition(db.tanks, [request(uuid, 'Failed')]);
    });
  });

  describe('in the caller’s transaction', () => {
    test('a transition commits and rolls back with it', async () => {
      const { uuid } = await db.newTank();
      const failing = db.dataSource.transaction(async (manager) => {
        await db.store.transitionWithin(manager, db.tanks, request(uuid, 'StartRequested'));
        await db.store.transitionWithin(manager, db.tanks, request(uuid, 'Started'));
        throw new Error('changed my mind');
      });
      await expect(failing).rejects.toThrow('changed my mind');
      expect(await db.told(uuid)).toHaveLength(1);
      await db.dataSource.transaction(async (manager) => {
        await db.store.transitionWithin(manager, db.tanks, request(uuid, 'StartRequested'));
        await db.store.transitionWithin(manager, db.tanks, request(uuid, 'Started'));
      });
      expect(await db.tank(uuid)).toMatchObject({ state: 'Running', revision: 3 });
    });

    test('a transition that fails halfway leaves no half of it', async () => {
      const { uuid } = await db.newTank();
      await db.dataSource.query(gag[kind]);
      try {
        const caught = db.dataSource.transaction(async (manager) => {
          const moving = db.store.transitionWithin(
            manager,
            db.tanks,
            request(uuid, 'StartRequested'),
          );
          await expect(moving).rejects.toThrow();
        });
        // PostgreSQL lets a transaction with a failed statement only roll back.
        await caught.catch((error: unknown) => {
          if (kind !== 'postgres') throw error;
        });
      } finally {
        await db.dataSource.query(ungag[kind]);
      }
      expect(await db.tank(uuid)).toMatchObject({ state: 'Idle', revision: 1 });
      expect(await db.told(uuid)).toHaveLength(1);
    });

    test('a refusal leaves the transaction usable', async () => {
      const { uuid } = await db.newTank();
      await db.dataSource.transaction(async (manager) => {
        const refused = await db.store.transitionWithin(
          manager,
          db.tanks,
          request(uuid, 'Started'),
        );
        expect(refused).toMatchObject({ code: 'EVENT_NOT_LAWFUL' });
        await db.store.transitionWithin(manager, db.tanks, request(uuid, 'StartRequested'));
      });
      expect(await db.tank(uuid)).toMatchObject({ state: 'Starting', revision: 2 });
    });
  });

  describe('append', () => {
    const entry = (id: string, uuid: string, payload = '') =>
      journalEntry({
        id,
        origin: { source: 'management-server', time: '2026-01-01T00:00:00.000Z' },
        category: 'UsageEvent',
        type: 'TANK.METER',
        subject: { resource: 'Tank', uuid },
        data: { details: { payload } },
      });

    test('is all or nothing', async () => {
      const [uuid, id] = [randomUUID(), randomUUID()];
      await db.store.append([entry(randomUUID(), uuid), entry(randomUUID(), uuid)]);
      expect(await db.told(uuid)).toHaveLength(2);
      const twice = [entry(id, uuid), entry(id, uuid)];
      await expect(db.store.append(twice)).rejects.toMatchObject({ code: 'CONSTRAINT_VIOLATED' });
      expect(await db.told(uuid)).toHaveLength(2);
    });

    test('that fails in the caller’s transaction leaves no half of it', async () => {
      const [uuid, id] = [randomUUID(), randomUUID()];
      const caught = db.dataSource.transaction(async (manager) => {
        const twice = [entry(randomUUID(), uuid), entry(id, uuid), entry(id, uuid)];
        await db.store.appendWithin(manager, twice).catch(() => undefined);
      });
      // PostgreSQL lets a transaction with a failed statement only roll back.
      await caught.catch((error: unknown) => {
        if (kind !== 'postgres') throw error;
      });
      expect(await db.told(uuid)).toEqual([]);
    });

    test('takes many large events, with every character', async () => {
      const uuid = randomUUID();
      const text = 'a "b" \\ \' ` \u0000\n\t ü 漢 \u2028 \u{1F600} ? :x $1 %s'.repeat(1_500);
      const entries = Array.from({ length: 60 }, () => entry(randomUUID(), uuid, text));
      await db.store.append(entries);
      const told = await db.told(uuid);
      expect(told).toHaveLength(60);
      expect(
        told.every(({ data }) => (data['details'] as { payload: string }).payload === text),
      ).toBe(true);
      expect(told.map(({ event }) => event['id'])).toEqual(entries.map(({ id }) => id));
    });
  });

  describe('an existing entity mapped to a lifecycle', () => {
    const newServer = (columns: Partial<LegacyServer> = {}) =>
      db.dataSource.manager.save(db.dataSource.manager.create(LegacyServer, columns));
    const read = (externalId: string) =>
      db.dataSource.manager.findOneByOrFail(LegacyServer, { externalId });

    test('is created, moved both ways and removed under its own column names', async () => {
      const created = await newServer({ hostname: 'a', tenant: 'acme' });
      const { externalId } = created;
      const [outcome] = await db.store.transition(db.servers, [
        request(externalId, 'StartRequested'),
      ]);
      expect(outcome).toMatchObject({ old: 'Idle', new: 'Starting', revision: 2 });
      const loaded = await read(externalId);
      expect(Number(loaded.version)).toBe(2);
      db.subscriber.send(loaded, 'Started');
      loaded.hostname = 'b';
      await db.dataSource.manager.save(loaded);
      const row = await read(externalId);
      expect(row).toMatchObject({ status: 'Running', hostname: 'b' });
      expect(Number(row.version)).toBe(3);
      const told = await db.told(externalId);
      const states = told.filter(({ category }) => category === 'ResourceStateEvent');
      expect(states.map(({ type }) => type)).toEqual(['Created', 'StartRequested', 'Started']);
      expect(told.every(({ event }) => event['account'] === 'acme')).toBe(true);
      expect(row.statusChangedAt.toISOString()).toBe(states.at(-1)?.event['time']);
      expect(loaded.statusChangedAt).toEqual(row.statusChangedAt);
      await db.dataSource.manager.remove(row);
      expect((await db.told(externalId)).at(-1)).toMatchObject({ type: 'Removed', revision: 4 });
    });

    test('a batch writes its times as TypeORM reads them', async () => {
      const servers = await Promise.all(Array.from({ length: 6 }, () => newServer()));
      await db.store.transition(
        db.servers,
        servers.map(({ externalId }) => request(externalId, 'StartRequested')),
      );
      for (const { externalId } of servers) {
        const row = await read(externalId);
        const told = (await db.told(externalId)).at(-1);
        expect(row.statusChangedAt.toISOString()).toBe(told?.event['time']);
      }
    });

    test('its direct and bulk writes are refused by its own names', async () => {
      const created = await newServer();
      created.status = 'Running';
      await expect(db.dataSource.manager.save(created)).rejects.toMatchObject({
        code: 'STATE_WRITTEN_DIRECTLY',
        parameters: { property: 'status' },
      });
      const { externalId } = created;
      const bulk = db.dataSource.manager.update(LegacyServer, { externalId }, { version: 9 });
      await expect(bulk).rejects.toMatchObject({ code: 'WRITE_BYPASSES_LIFECYCLE' });
    });
  });
});

describe.each(['postgres', 'mariadb'] as const)('on %s, where callers have connections', (kind) => {
  let db: GuardedDatabase;
  beforeAll(async () => {
    db = await guardedDatabase(kind);
  });
  afterAll(() => db[Symbol.asyncDispose]());

  test('a transaction moves the row as committed now, not as it once read it', async () => {
    const { uuid } = await db.newTank();
    await db.dataSource.transaction(async (manager) => {
      await manager.findOneByOrFail(Tank, { uuid });
      await db.store.transition(db.tanks, [request(uuid, 'StartRequested')]);
      const outcome = await db.store.transitionWithin(manager, db.tanks, request(uuid, 'Started'));
      expect(outcome).toMatchObject({ old: 'Starting', new: 'Running', revision: 3 });
    });
    expect(await db.tank(uuid)).toMatchObject({ state: 'Running', revision: 3 });
  });

  test('a row that somebody else holds does not hold up its batch', async () => {
    const [held, free] = await Promise.all([db.newTank(), db.newTank()]);
    await db.dataSource.transaction(async (manager) => {
      await db.store.lockWithin(manager, db.tanks, [held.uuid]);
      const outcomes = await db.store.transition(db.tanks, [
        request(held.uuid, 'StartRequested'),
        request(free.uuid, 'StartRequested'),
      ]);
      expect(outcomes[0]).toBeInstanceOf(RowLocked);
      expect(outcomes[1]).toMatchObject({ new: 'Starting' });
    });
    expect(await db.tank(held.uuid)).toMatchObject({ state: 'Idle', revision: 1 });
  });
});

const poison = {
  sqlite: (uuid: string) => `CREATE TRIGGER poison BEFORE UPDATE ON tank WHEN NEW.uuid = '${uuid}'
    BEGIN SELECT RAISE(ABORT, 'poisoned'); END`,
  postgres: (uuid: string) => `ALTER TABLE tank ADD CONSTRAINT poison
    CHECK (uuid <> '${uuid}' OR revision < 2)`,
  mariadb: (uuid: string) => `ALTER TABLE tank ADD CONSTRAINT poison
    CHECK (uuid <> '${uuid}' OR revision < 2)`,
};

const antidote = {
  sqlite: 'DROP TRIGGER poison',
  postgres: 'ALTER TABLE tank DROP CONSTRAINT poison',
  mariadb: 'ALTER TABLE tank DROP CONSTRAINT poison',
};

/** Lets the journal refuse an event after the row was moved. */
const gag = {
  sqlite: `CREATE TRIGGER gag BEFORE INSERT ON signalbox_journal WHEN NEW.type = 'StartRequested'
    BEGIN SELECT RAISE(ABORT, 'gagged'); END`,
  postgres: `ALTER TABLE signalbox_journal ADD CONSTRAINT gag
    CHECK (type <> 'StartRequested') NOT VALID`,
  mariadb: `CREATE TRIGGER gag BEFORE INSERT ON signalbox_journal FOR EACH ROW
    IF NEW.type = 'StartRequested' THEN SIGNAL SQLSTATE '45000'; END IF`,
};

const ungag = {
  sqlite: 'DROP TRIGGER gag',
  postgres: 'ALTER TABLE signalbox_journal DROP CONSTRAINT gag',
  mariadb: 'DROP TRIGGER gag',
};
