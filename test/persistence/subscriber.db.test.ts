import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConflictError, RefusedError } from '../../src/core/errors/errors.js';
import { eachDatabase } from '../support/databases.js';
import { type GuardedDatabase, Tank, guardedDatabase } from './guarded-database.js';

eachDatabase((kind) => {
  let db: GuardedDatabase;
  beforeAll(async () => {
    db = await guardedDatabase(kind);
  });
  afterAll(() => db[Symbol.asyncDispose]());

  const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => 'resolved',
      (error: { code?: string }) => error.code ?? error,
    );

  describe('creation', () => {
    test('a saved entity gets uuid, initial state and revision 1, and is announced', async () => {
      const tank = await db.newTank({ account: 'acme' });
      expect(tank.uuid).toMatch(/^[0-9a-f-]{36}$/);
      expect(await db.tank(tank.uuid)).toMatchObject({
        state: 'Idle',
        revision: 1,
        lifecycleVersion: 3,
        account: 'acme',
      });
      const [told, ...others] = await db.told(tank.uuid);
      expect(others).toEqual([]);
      expect(told).toMatchObject({ type: 'Created', category: 'ResourceStateEvent', revision: 1 });
      expect(told?.data).toEqual({
        event: 'Created',
        old: null,
        new: 'Idle',
        lifecycleVersion: 3,
        changed: true,
      });
      expect(told?.event).toMatchObject({ account: 'acme', subject: `Tank/${tank.uuid}` });
      expect((await db.tank(tank.uuid)).stateSince.toISOString()).toBe(told?.event['time']);
    });

    test('an initial state announces its effects and arms its deadlines', async () => {
      const tank = await db.newTank({ state: 'Starting' });
      const told = await db.told(tank.uuid);
      expect(told.map(({ type }) => type)).toEqual(['Created', 'TANK.CREATE']);
      expect(told[1]?.event['causationid']).toBe(told[0]?.event['id']);
      expect(await db.armed(tank.uuid)).toEqual(['Starting/1000']);
    });

    test('a state nothing is created in is refused and writes nothing', async () => {
      const before = await db.pending();
      const saving = db.newTank({ label: 'unborn', state: 'Running' });
      await expect(saving).rejects.toMatchObject({ code: 'UNKNOWN_INITIAL_STATE' });
      expect(await db.dataSource.manager.countBy(Tank, { label: 'unborn' })).toBe(0);
      expect(await db.pending()).toBe(before);
    });

    test('a malformed uuid is refused, an upper-case one is written in lower case', async () => {
      // PostgreSQL refuses such a uuid by itself where a save looks for its row.
      const inserting = db.dataSource.transaction((manager) =>
        manager.insert(Tank, { uuid: 'nonsense' }),
      );
      expect(await codeOf(inserting)).toBe('MALFORMED_UUID');
      const tank = await db.newTank({ uuid: '9D827485-0F46-4DB8-BD39-FEDE97CBAC0C' });
      expect(tank.uuid).toBe('9d827485-0f46-4db8-bd39-fede97cbac0c');
      expect(await db.told(tank.uuid)).toHaveLength(1);
    });

    test('several entities of one save are each announced', async () => {
      const tanks = await db.dataSource.manager.save(
        Array.from({ length: 5 }, () => db.dataSource.manager.create(Tank, {})),
      );
      for (const { uuid } of tanks) {
        expect(await db.told(uuid)).toHaveLength(1);
      }
    });

    test('a rolled back creation announces nothing, and the entity can be saved again', async () => {
      const tank = db.dataSource.manager.create(Tank, {});
      const wakes = db.wakes.count;
      const failing = db.dataSource.transaction(async (manager) => {
        await manager.save(tank);
        throw new Error('changed my mind');
      });
      await expect(failing).rejects.toThrow('changed my mind');
      expect(await db.told(tank.uuid)).toEqual([]);
      expect(db.wakes.count).toBe(wakes);
      await db.dataSource.manager.save(tank);
      expect(await db.told(tank.uuid)).toHaveLength(1);
    });

    test('an inserted entity is announced inside a transaction and refused outside', async () => {
      const uuid = await db.dataSource.transaction(async (manager) => {
        const tank = manager.create(Tank, { label: 'inserted' });
        await manager.insert(Tank, tank);
        return tank.uuid;
      });
      expect(await db.told(uuid)).toHaveLength(1);
      const inserting = db.dataSource.manager.insert(Tank, { label: 'autocommitted' });
      expect(await codeOf(inserting)).toBe('WRITE_BYPASSES_LIFECYCLE');
      expect(await db.dataSource.manager.countBy(Tank, { label: 'autocommitted' })).toBe(0);
    });

    test('an event over the size limit is refused and nothing is written', async () => {
      const tank = db.dataSource.manager.create(Tank, { label: 'talkative' });
      db.subscriber.describe(tank, { reason: 'x'.repeat(300_000) });
      expect(await codeOf(db.dataSource.manager.save(tank))).toBe('PAYLOAD_TOO_LARGE');
      expect(await db.dataSource.manager.countBy(Tank, { label: 'talkative' })).toBe(0);
    });

    test('who and why said beforehand goes into the event', async () => {
      const tank = db.dataSource.manager.create(Tank, {});
      db.subscriber.describe(tank, { actor: 'alice', reason: 'asked for' });
      await db.dataSource.manager.save(tank);
      const [told] = await db.told(tank.uuid);
      expect(told?.event['actor']).toBe('alice');
      expect(told?.data['reason']).toBe('asked for');
    });
  });

  describe('send and save', () => {
    test('state, the own columns, journal, outbox and deadline are one commit', async () => {
      const { uuid } = await db.newTank();
      const wakes = db.wakes.count;
      await db.dataSource.transaction(async (manager) => {
        const tank = await manager.findOneByOrFail(Tank, { uuid });
        db.subscriber.send(tank, 'StartRequested', { actor: 'bob', reason: 'boot' });
        tank.level = 7;
        await manager.save(tank);
        expect(tank).toMatchObject({ state: 'Starting', revision: 2, level: 7 });
        expect(db.wakes.count).toBe(wakes);
      });
      expect(db.wakes.count).toBe(wakes + 1);
      const row = await db.tank(uuid);
      expect(row).toMatchObject({ state: 'Starting', revision: 2, level: 7 });
      const [, told] = await db.told(uuid);
      expect(told?.data).toEqual({
        event: 'StartRequested',
        old: 'Idle',
        new: 'Starting',
        lifecycleVersion: 3,
        changed: true,
        reason: 'boot',
      });
      expect(told?.event['actor']).toBe('bob');
      expect(row.stateSince.toISOString()).toBe(told?.event['time']);
      expect(await db.armed(uuid)).toEqual(['Starting/1000']);
    });

    test('a save without a transaction takes its own', async () => {
      const tank = await db.newTank();
      db.subscriber.send(tank, 'StartRequested');
      await db.dataSource.manager.save(tank);
      expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Starting', revision: 2 });
      expect(await db.told(tank.uuid)).toHaveLength(2);
    });

    test('a save that is told to take no transaction is refused and leaves the entity as read', async () => {
      const tank = await db.newTank();
      db.subscriber.send(tank, 'StartRequested');
      const saving = db.dataSource.manager.save(tank, { transaction: false });
      expect(await codeOf(saving)).toBe('WRITE_BYPASSES_LIFECYCLE');
      expect(tank).toMatchObject({ state: 'Idle', revision: 1 });
      expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Idle', revision: 1 });
    });

    test('several sends before one save are each a revision and an event', async () => {
      const tank = await db.newTank();
      db.subscriber.send(tank, 'StartRequested');
      db.subscriber.send(tank, 'Started');
      db.subscriber.send(tank, 'Tick');
      await db.dataSource.manager.save(tank);
      expect(tank).toMatchObject({ state: 'Running', revision: 4 });
      expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Running', revision: 4 });
      const states = (await db.told(tank.uuid)).filter(
        ({ category }) => category === 'ResourceStateEvent',
      );
      expect(states.map(({ type, revision }) => [type, revision])).toEqual([
        ['Created', 1],
        ['StartRequested', 2],
        ['Started', 3],
        ['Tick', 4],
      ]);
      expect(await db.armed(tank.uuid)).toEqual(['Running/60000']);
    });

    test('a lawful self-transition is a revision and an event, not a change', async () => {
      const tank = await db.newTank({ state: 'Starting' });
      const since = tank.stateSince;
      db.subscriber.send(tank, 'Tick');
      await db.dataSource.manager.save(tank);
      const row = await db.tank(tank.uuid);
      expect(row).toMatchObject({ state: 'Starting', revision: 2 });
      expect(row.stateSince).toEqual(since);
      expect((await db.told(tank.uuid)).at(-1)?.data['changed']).toBe(false);
    });

    test('an unlawful event is refused at once and leaves the entity alone', async () => {
      const tank = await db.newTank();
      expect(() => db.subscriber.send(tank, 'Started')).toThrow(RefusedError);
      expect(() => db.subscriber.send(tank, 'Nonsense')).toThrow(/no event 'Nonsense'/);
      expect(tank).toMatchObject({ state: 'Idle', revision: 1 });
      await db.dataSource.manager.save(tank);
      expect(await db.told(tank.uuid)).toHaveLength(1);
    });

    test('a guard reads the entity as it is in memory', async () => {
      const tank = await db.newTank({ state: 'Starting', level: 5 });
      db.subscriber.send(tank, 'Started');
      expect(() => db.subscriber.send(tank, 'Drain')).toThrow(/guards refused: isEmpty/);
      tank.level = 0;
      db.subscriber.send(tank, 'Drain');
      await db.dataSource.manager.save(tank);
      expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Drained', revision: 3, level: 0 });
    });

    test('an event to an entity that was never saved is refused', () => {
      const tank = db.dataSource.manager.create(Tank, {});
      expect(() => db.subscriber.send(tank, 'StartRequested')).toThrow(/save it first/);
    });

    test('a stale entity conflicts, writes nothing and is as it was read', async () => {
      const tank = await db.newTank();
      const stale = await db.tank(tank.uuid);
      db.subscriber.send(tank, 'StartRequested');
      await db.dataSource.manager.save(tank);
      db.subscriber.send(stale, 'StartRequested');
      stale.level = 99;
      // The row is by now in the very state, at the very revision, that the stale entity would write.
      const saving = db.dataSource.manager.save(stale);
      await expect(saving).rejects.toBeInstanceOf(ConflictError);
      await expect(saving).rejects.toMatchObject({
        code: 'REVISION_CONFLICT',
        parameters: { expected: 1, actual: 2 },
      });
      expect(stale).toMatchObject({ state: 'Idle', revision: 1 });
      expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Starting', revision: 2, level: 0 });
      expect(await db.told(tank.uuid)).toHaveLength(2);
    });

    test('of racing saves exactly one wins', async () => {
      const { uuid } = await db.newTank();
      const racers = await Promise.all(Array.from({ length: 6 }, () => db.tank(uuid)));
      const results = await Promise.allSettled(
        racers.map(async (tank) => {
          db.subscriber.send(tank, 'StartRequested');
          await db.dataSource.manager.save(tank);
        }),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ConflictError);
      }
      expect(await db.tank(uuid)).toMatchObject({ state: 'Starting', revision: 2 });
      expect(await db.told(uuid)).toHaveLength(2);
    });

    test('one stale entity among several rolls all of them back', async () => {
      const tanks = await Promise.all([db.newTank(), db.newTank(), db.newTank()]);
      const mover = await db.tank(tanks[1].uuid);
      db.subscriber.send(mover, 'StartRequested');
      await db.dataSource.manager.save(mover);
      for (const tank of tanks) db.subscriber.send(tank, 'StartRequested');
      expect(await codeOf(db.dataSource.manager.save(tanks))).toBe('REVISION_CONFLICT');
      expect((await db.tank(tanks[0].uuid)).state).toBe('Idle');
      expect((await db.tank(tanks[2].uuid)).state).toBe('Idle');
      expect(await db.told(tanks[0].uuid)).toHaveLength(1);
      expect(await db.told(tanks[2].uuid)).toHaveLength(1);
      expect(tanks[0]).toMatchObject({ state: 'Idle', revision: 1 });
    });

    test('a rollback announces nothing, and the entity can be sent to again', async () => {
      const tank = await db.newTank();
      const failing = db.dataSource.transaction(async (manager) => {
        db.subscriber.send(tank, 'StartRequested');
        await manager.save(tank);
        throw new Error('changed my mind');
      });
      await expect(failing).rejects.toThrow('changed my mind');
      expect(await db.told(tank.uuid)).toHaveLength(1);
      expect(await db.armed(tank.uuid)).toEqual([]);
      expect(tank).toMatchObject({ state: 'Idle', revision: 1 });
      db.subscriber.send(tank, 'StartRequested');
      await db.dataSource.manager.save(tank);
      expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Starting', revision: 2 });
      expect(await db.told(tank.uuid)).toHaveLength(2);
    });

    test('a failing update of the own columns takes the transition back with it', async () => {
      const tank = await db.newTank();
      const other = await db.newTank();
      db.subscriber.send(tank, 'StartRequested');
      tank.label = null as unknown as string;
      await expect(db.dataSource.manager.save([other, tank])).rejects.toThrow();
      expect(tank).toMatchObject({ state: 'Idle', revision: 1 });
      expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Idle', revision: 1 });
      expect(await db.told(tank.uuid)).toHaveLength(1);
    });
  });

  describe('saves that are no transition', () => {
    test('a save of other columns passes and announces nothing', async () => {
      const tank = await db.newTank();
      const wakes = db.wakes.count;
      tank.label = 'renamed';
      await db.dataSource.manager.save(tank);
      expect(await db.tank(tank.uuid)).toMatchObject({ label: 'renamed', revision: 1 });
      expect(await db.told(tank.uuid)).toHaveLength(1);
      expect(db.wakes.count).toBe(wakes);
    });

    test('a stale save of other columns writes neither state nor revision back', async () => {
      const tank = await db.newTank();
      const stale = await db.tank(tank.uuid);
      db.subscriber.send(tank, 'StartRequested');
      await db.dataSource.manager.save(tank);
      stale.label = 'late';
      await db.dataSource.manager.save(stale);
      expect(await db.tank(tank.uuid)).toMatchObject({
        label: 'late',
        state: 'Starting',
        revision: 2,
      });
      // It still decides on what it read: its next event is a conflict.
      db.subscriber.send(stale, 'StartRequested');
      expect(await codeOf(db.dataSource.manager.save(stale))).toBe('REVISION_CONFLICT');
    });

    test('a partial save by uuid passes', async () => {
      const { uuid } = await db.newTank();
      await db.dataSource.getRepository(Tank).save({ uuid, label: 'partial' });
      expect(await db.tank(uuid)).toMatchObject({ label: 'partial', state: 'Idle', revision: 1 });
    });

    test.each([
      ['state', 'Running'],
      ['revision', 9],
      ['lifecycleVersion', 9],
      ['stateSince', new Date(0)],
    ] as const)('a save that changes %s by itself is refused', async (property, value) => {
      const tank = await db.newTank();
      Object.assign(tank, { [property]: value, label: 'smuggled' });
      const saving = db.dataSource.manager.save(tank);
      await expect(saving).rejects.toMatchObject({
        code: 'STATE_WRITTEN_DIRECTLY',
        parameters: { resource: 'Tank', property },
      });
      expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Idle', revision: 1, label: '' });
    });

    test('a state changed by itself before or after a send is refused', async () => {
      const before = await db.newTank();
      before.state = 'Starting';
      db.subscriber.send(before, 'Started');
      expect(await codeOf(db.dataSource.manager.save(before))).toBe('STATE_WRITTEN_DIRECTLY');
      const after = await db.newTank();
      db.subscriber.send(after, 'StartRequested');
      after.state = 'Running';
      expect(await codeOf(db.dataSource.manager.save(after))).toBe('STATE_WRITTEN_DIRECTLY');
      expect((await db.tank(after.uuid)).state).toBe('Idle');
      expect(await db.told(after.uuid)).toHaveLength(1);
    });
  });

  describe('removal', () => {
    test('a removed entity is announced at its next revision, its deadlines cancelled', async () => {
      const tank = await db.newTank({ state: 'Starting' });
      const { uuid } = tank;
      db.subscriber.describe(tank, { reason: 'gone' });
      await db.dataSource.manager.remove(tank);
      expect(await db.dataSource.manager.countBy(Tank, { uuid })).toBe(0);
      const told = (await db.told(uuid)).at(-1);
      expect(told).toMatchObject({ type: 'Removed', revision: 2 });
      expect(told?.data).toEqual({
        event: 'Removed',
        old: 'Starting',
        new: null,
        lifecycleVersion: 3,
        changed: true,
        reason: 'gone',
      });
      expect(await db.armed(uuid)).toEqual([]);
    });

    test('a sent transition is announced before the removal', async () => {
      const tank = await db.newTank({ state: 'Starting' });
      const { uuid } = tank;
      db.subscriber.send(tank, 'Failed');
      await db.dataSource.manager.remove(tank);
      const told = await db.told(uuid);
      expect(told.slice(2).map(({ type, revision }) => [type, revision])).toEqual([
        ['Failed', 2],
        ['Removed', 3],
      ]);
    });

    test('a stale entity is not removed', async () => {
      const tank = await db.newTank();
      const stale = await db.tank(tank.uuid);
      db.subscriber.send(tank, 'StartRequested');
      await db.dataSource.manager.save(tank);
      await expect(db.dataSource.manager.remove(stale)).rejects.toBeInstanceOf(ConflictError);
      expect(await db.dataSource.manager.countBy(Tank, { uuid: tank.uuid })).toBe(1);
      expect(await db.told(tank.uuid)).toHaveLength(2);
    });

    test('a rolled back removal announces nothing, and the entity keeps its uuid', async () => {
      const tank = await db.newTank();
      const { uuid } = tank;
      const failing = db.dataSource.transaction(async (manager) => {
        await manager.remove(tank);
        throw new Error('changed my mind');
      });
      await expect(failing).rejects.toThrow('changed my mind');
      expect(tank.uuid).toBe(uuid);
      expect(await db.told(uuid)).toHaveLength(1);
      await db.dataSource.manager.remove(tank);
      expect(await db.told(uuid)).toHaveLength(2);
    });

    test('a removed resource does not come back by a late save or removal', async () => {
      const tank = await db.newTank();
      const late = await db.tank(tank.uuid);
      const later = await db.tank(tank.uuid);
      await db.dataSource.manager.remove(tank);
      late.label = 'back';
      expect(await codeOf(db.dataSource.manager.save(late))).toBe('UNKNOWN_RESOURCE');
      expect(await codeOf(db.dataSource.manager.remove(later))).toBe('UNKNOWN_RESOURCE');
      expect(await db.told(late.uuid)).toHaveLength(2);
    });
  });
});
