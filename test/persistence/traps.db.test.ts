import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type EntityManager,
  EventSubscriber,
  type EntitySubscriberInterface,
  type InsertQueryBuilder,
} from 'typeorm';
import { LifecycleSubscriber } from '../../src/persistence/guard/subscriber.js';
import { eachDatabase } from '../support/databases.js';
import { type GuardedDatabase, Tank, guardedDatabase } from './guarded-database.js';
import { request } from './pump-database.js';

/** What TypeORM does that a lifecycle must not rest on, each held down by a test. */
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

  describe('writes that bypass the entity', () => {
    test.each(['state', 'revision', 'stateSince', 'lifecycleVersion', 'uuid'] as const)(
      'a bulk update of %s is refused',
      async (property) => {
        const { uuid } = await db.newTank();
        const values = {
          state: 'Running',
          revision: 9,
          stateSince: new Date(),
          lifecycleVersion: 9,
          uuid: '9d827485-0f46-4db8-bd39-000000000000',
        };
        const updating = db.dataSource.manager.update(
          Tank,
          { uuid },
          { [property]: values[property] },
        );
        expect(await codeOf(updating)).toBe('WRITE_BYPASSES_LIFECYCLE');
        const raw = db.dataSource
          .createQueryBuilder()
          .update(Tank)
          .set({ [property]: () => "'1'" })
          .where({ uuid })
          .execute();
        expect(await codeOf(raw)).toBe('WRITE_BYPASSES_LIFECYCLE');
        expect(await db.tank(uuid)).toMatchObject({ state: 'Idle', revision: 1 });
      },
    );

    test('an increment of the revision is refused', async () => {
      const { uuid } = await db.newTank();
      const incrementing = db.dataSource.manager.increment(Tank, { uuid }, 'revision', 1);
      expect(await codeOf(incrementing)).toBe('WRITE_BYPASSES_LIFECYCLE');
    });

    test('a bulk update of other columns passes', async () => {
      const { uuid } = await db.newTank();
      await db.dataSource.manager.update(Tank, { uuid }, { label: 'bulk' });
      await db.dataSource.manager.increment(Tank, { uuid }, 'level', 3);
      expect(await db.tank(uuid)).toMatchObject({ label: 'bulk', level: 3, revision: 1 });
    });

    test('an upsert is refused, in a transaction too, of a new row and of an old one', async () => {
      const { uuid } = await db.newTank();
      const upsert = () => db.dataSource.manager.upsert(Tank, { uuid, state: 'Running' }, ['uuid']);
      expect(await codeOf(upsert())).toBe('WRITE_BYPASSES_LIFECYCLE');
      const within = db.dataSource.transaction((manager) =>
        manager.upsert(Tank, { uuid, label: 'upserted' }, ['uuid']),
      );
      expect(await codeOf(within)).toBe('WRITE_BYPASSES_LIFECYCLE');
      const fresh = db.dataSource.transaction((manager) =>
        manager.upsert(Tank, { label: 'upserted' }, ['uuid']),
      );
      expect(await codeOf(fresh)).toBe('WRITE_BYPASSES_LIFECYCLE');
      const ignoring = db.dataSource.transaction((manager) =>
        manager.createQueryBuilder().insert().into(Tank).values({ uuid }).orIgnore().execute(),
      );
      expect(await codeOf(ignoring)).toBe('WRITE_BYPASSES_LIFECYCLE');
      expect(await db.dataSource.manager.countBy(Tank, { label: 'upserted' })).toBe(0);
      expect(await db.told(uuid)).toHaveLength(1);
    });

    test('a bulk delete is refused', async () => {
      const { uuid } = await db.newTank();
      expect(await codeOf(db.dataSource.manager.delete(Tank, { uuid }))).toBe(
        'WRITE_BYPASSES_LIFECYCLE',
      );
      const within = db.dataSource.transaction((manager) => manager.delete(Tank, { uuid }));
      expect(await codeOf(within)).toBe('WRITE_BYPASSES_LIFECYCLE');
      expect(await db.dataSource.manager.countBy(Tank, { uuid })).toBe(1);
    });

    test('saves and removals that turn listeners off are refused', async () => {
      const tank = await db.newTank();
      const { uuid } = tank;
      const quiet = { listeners: false };
      const inserting = db.dataSource.manager.save(
        db.dataSource.manager.create(Tank, {
          uuid: uuid.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
          state: 'Idle',
          revision: 1,
          stateSince: tank.stateSince,
          lifecycleVersion: 1,
          label: 'quiet',
        }),
        quiet,
      );
      expect(await codeOf(inserting)).toBe('WRITE_BYPASSES_LIFECYCLE');
      expect(await codeOf(db.dataSource.manager.remove(await db.tank(uuid), quiet))).toBe(
        'WRITE_BYPASSES_LIFECYCLE',
      );
      db.subscriber.send(tank, 'StartRequested');
      expect(await codeOf(db.dataSource.manager.save(tank, quiet))).toBe(
        'WRITE_BYPASSES_LIFECYCLE',
      );
      const building = db.dataSource
        .createQueryBuilder()
        .update(Tank)
        .set({ state: 'Running' })
        .where({ uuid })
        .callListeners(false)
        .execute();
      expect(await codeOf(building)).toBe('WRITE_BYPASSES_LIFECYCLE');
      expect(await db.tank(uuid)).toMatchObject({ state: 'Idle', revision: 1 });
      expect(await db.told(uuid)).toHaveLength(1);
    });

    test('an alias, a comment or a common table expression hides no upsert', async () => {
      const { uuid } = await db.newTank();
      const upsert = (within: (manager: EntityManager) => InsertQueryBuilder<Tank>) =>
        codeOf(
          db.dataSource.transaction((manager) =>
            within(manager)
              .values({ uuid, label: 'hidden' })
              .orUpdate(['state', 'revision', 'label'], ['uuid'])
              .execute(),
          ),
        );
      const refused = [
        await upsert((manager) => manager.createQueryBuilder(Tank, 't').insert()),
        await upsert((manager) =>
          manager.createQueryBuilder().insert().into(Tank).comment('nightly import'),
        ),
        await upsert((manager) =>
          manager
            .createQueryBuilder()
            .insert()
            .into(Tank)
            .addCommonTableExpression('SELECT 1 AS one', 'x'),
        ),
      ];
      expect(refused).toEqual(refused.map(() => 'WRITE_BYPASSES_LIFECYCLE'));
      expect(await db.tank(uuid)).toMatchObject({ revision: 1, label: '' });
      expect(await db.told(uuid)).toHaveLength(1);
    });

    test('a builder without listeners is refused however its statement is worded', async () => {
      const { uuid } = await db.newTank();
      const quiet = () => db.dataSource.createQueryBuilder();
      const update = () => quiet().update(Tank).where({ uuid }).callListeners(false);
      const remove = () => quiet().delete().from(Tank).callListeners(false);
      const refused = [
        await codeOf(update().set({ state: 'Running' }).comment('by hand').execute()),
        await codeOf(
          update()
            .set({ state: 'Running' })
            .addCommonTableExpression('SELECT 1 AS one', 'x')
            .execute(),
        ),
        await codeOf(
          update()
            .set({ label: () => `(SELECT ' WHERE ' WHERE 1 = 1)`, state: 'Running' })
            .execute(),
        ),
        await codeOf(remove().where({ uuid }).comment('by hand').execute()),
        await codeOf(remove().execute()),
      ];
      expect(refused).toEqual(refused.map(() => 'WRITE_BYPASSES_LIFECYCLE'));
      expect(await db.tank(uuid)).toMatchObject({ state: 'Idle', revision: 1 });
    });

    test('a condition on the state is no write of it', async () => {
      const { uuid } = await db.newTank();
      const updating = (label: () => string) =>
        db.dataSource
          .createQueryBuilder()
          .update(Tank)
          .set({ label })
          .where({ uuid, state: 'Idle', revision: 1 })
          .comment('by hand')
          .execute();
      await updating(() => `(SELECT 'it''s WHERE' WHERE 1 = 1)`);
      expect(await db.tank(uuid)).toMatchObject({ label: `it's WHERE`, revision: 1 });
    });

    test('SQL written by hand is not seen (a documented limit)', async () => {
      const { uuid } = await db.newTank();
      await db.dataSource.query(`UPDATE tank SET state = 'Running' WHERE uuid = '${uuid}'`);
      expect((await db.tank(uuid)).state).toBe('Running');
      expect(await db.told(uuid)).toHaveLength(1);
    });
  });

  describe('transactions within transactions', () => {
    test('a released savepoint wakes nobody before the outermost commit', async () => {
      const tank = await db.newTank();
      const wakes = db.wakes.count;
      await db.dataSource.transaction(async (outer) => {
        await outer.transaction(async (inner) => {
          db.subscriber.send(tank, 'StartRequested');
          await inner.save(tank);
        });
        expect(db.wakes.count).toBe(wakes);
      });
      expect(db.wakes.count).toBe(wakes + 1);
      expect(await db.told(tank.uuid)).toHaveLength(2);
    });

    test('an inner rollback announces nothing of the inner part', async () => {
      const kept = await db.newTank();
      const dropped = await db.newTank();
      await db.dataSource.transaction(async (outer) => {
        db.subscriber.send(kept, 'StartRequested');
        await outer.save(kept);
        const inner = outer.transaction(async (manager) => {
          db.subscriber.send(dropped, 'StartRequested');
          await manager.save(dropped);
          throw new Error('inner');
        });
        await expect(inner).rejects.toThrow('inner');
        expect(dropped).toMatchObject({ state: 'Idle', revision: 1 });
      });
      expect(await db.told(kept.uuid)).toHaveLength(2);
      expect(await db.told(dropped.uuid)).toHaveLength(1);
      expect(kept).toMatchObject({ state: 'Starting', revision: 2 });
    });

    test('an outer rollback undoes what a released savepoint did, in memory too', async () => {
      const tank = await db.newTank();
      const wakes = db.wakes.count;
      const outer = db.dataSource.transaction(async (manager) => {
        await manager.transaction(async (inner) => {
          db.subscriber.send(tank, 'StartRequested');
          await inner.save(tank);
        });
        throw new Error('outer');
      });
      await expect(outer).rejects.toThrow('outer');
      expect(tank).toMatchObject({ state: 'Idle', revision: 1 });
      expect(await db.told(tank.uuid)).toHaveLength(1);
      expect(db.wakes.count).toBe(wakes);
    });

    test('a transaction that announces nothing wakes nobody', async () => {
      const tank = await db.newTank();
      const wakes = db.wakes.count;
      tank.label = 'quiet';
      await db.dataSource.transaction((manager) => manager.save(tank));
      expect(db.wakes.count).toBe(wakes);
    });

    test('an append and a transition in the caller’s transaction wake after its commit', async () => {
      const { uuid } = await db.newTank();
      const wakes = db.wakes.count;
      await db.dataSource.transaction(async (manager) => {
        await db.store.transitionWithin(manager, db.tanks, request(uuid, 'StartRequested'));
        expect(db.wakes.count).toBe(wakes);
      });
      expect(db.wakes.count).toBe(wakes + 1);
    });

    test('an in-transaction call without a transaction is refused before anything is written', async () => {
      const { uuid } = await db.newTank();
      const moving = db.store.transitionWithin(
        db.dataSource.manager,
        db.tanks,
        request(uuid, 'StartRequested'),
      );
      expect(await codeOf(moving)).toBe('TRANSACTION_MISSING');
      expect((await db.tank(uuid)).state).toBe('Idle');
    });
  });

  describe('other subscribers', () => {
    test('a wake that throws does not reject a committed save', async () => {
      const other = await guardedDatabase(kind);
      try {
        Object.defineProperty(other.wakes, 'count', {
          get: () => 0,
          set: () => {
            throw new Error('wake failed');
          },
        });
        const tank = await other.newTank();
        expect(await other.told(tank.uuid)).toHaveLength(1);
      } finally {
        await other[Symbol.asyncDispose]();
      }
    });

    test('a hook that throws before the commit takes everything back', async () => {
      const tank = await db.newTank();
      const veto: EntitySubscriberInterface = {
        beforeTransactionCommit() {
          throw new Error('veto');
        },
      };
      db.dataSource.subscribers.push(veto);
      try {
        db.subscriber.send(tank, 'StartRequested');
        await expect(db.dataSource.manager.save(tank)).rejects.toThrow('veto');
      } finally {
        db.dataSource.subscribers.splice(db.dataSource.subscribers.indexOf(veto), 1);
      }
      expect(tank).toMatchObject({ state: 'Idle', revision: 1 });
      expect((await db.tank(tank.uuid)).state).toBe('Idle');
      expect(await db.told(tank.uuid)).toHaveLength(1);
    });

    test('a hook that fails while ours is at work leaves nothing behind the rollback', async () => {
      const tanks = await Promise.all(Array.from({ length: 4 }, () => db.newTank()));
      const veto: EntitySubscriberInterface = {
        beforeUpdate: () => Promise.reject(new Error('veto')),
      };
      db.dataSource.subscribers.unshift(veto);
      try {
        for (const tank of tanks) db.subscriber.send(tank, 'StartRequested');
        await expect(db.dataSource.manager.save(tanks)).rejects.toThrow('veto');
      } finally {
        db.dataSource.subscribers.shift();
      }
      for (const { uuid } of tanks) {
        expect(await db.tank(uuid)).toMatchObject({ state: 'Idle', revision: 1 });
        expect(await db.told(uuid)).toHaveLength(1);
      }
    });

    test.each([
      ['state', 'Running'],
      ['revision', 7],
      ['uuid', '9d827485-0f46-4db8-bd39-fede97cbac0c'],
      ['lifecycleVersion', 9],
    ])(
      'a hook that changes %s behind ours makes no creation that was not told',
      async (role, to) => {
        const late: EntitySubscriberInterface<Tank> = {
          listenTo: () => Tank,
          beforeInsert: ({ entity }) => void Object.assign(entity, { [role]: to }),
        };
        const tank = db.dataSource.manager.create(Tank, { label: `late ${role}` });
        db.dataSource.subscribers.push(late);
        try {
          expect(await codeOf(db.dataSource.manager.save(tank))).toBe('STATE_WRITTEN_DIRECTLY');
        } finally {
          db.dataSource.subscribers.pop();
        }
        expect(await db.dataSource.manager.countBy(Tank, { label: `late ${role}` })).toBe(0);
        expect(await db.told(tank.uuid)).toEqual([]);
      },
    );

    test('a second guard of the same resource on one DataSource is refused', () => {
      const second = new LifecycleSubscriber({
        bindings: [db.tanks],
        store: db.store,
        origin: () => ({ source: 'x', time: new Date(0).toISOString() }),
      });
      expect(() => second.install(db.dataSource)).toThrow(/guarded by another/);
    });

    test('the guard works although it is no decorated class in the DataSource’s options', async () => {
      // TypeORM ignores an undecorated class there without a word.
      class Undecorated implements EntitySubscriberInterface {}
      @EventSubscriber()
      class Decorated implements EntitySubscriberInterface {}
      const other = await guardedDatabase(kind, () => ({
        subscribers: [Undecorated, Decorated],
      }));
      try {
        expect(other.dataSource.subscribers).toHaveLength(2);
        const tank = await other.newTank();
        expect(await other.told(tank.uuid)).toHaveLength(1);
      } finally {
        await other[Symbol.asyncDispose]();
      }
    });
  });
});
