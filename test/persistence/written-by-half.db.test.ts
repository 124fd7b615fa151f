import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eachDatabase } from '../support/databases.js';
import { type GuardedDatabase, Tank, guardedDatabase } from './guarded-database.js';

/** Row and event are one commit also where a save fails and its caller goes on. */
eachDatabase((kind) => {
  let db: GuardedDatabase;
  beforeAll(async () => {
    db = await guardedDatabase(kind);
    // Refuses what the last one of its kind may do; a foreign key of the schema would do the same.
    await db.dataSource.query(refuseRemovals[kind]);
  });
  afterAll(() => db[Symbol.asyncDispose]());

  const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => 'resolved',
      (error: { code?: string }) => error.code ?? error,
    );

  /** A transaction whose caller catches what fails, and goes on. */
  const goingOn = (work: (manager: EntityManager) => Promise<unknown>) =>
    codeOf(
      db.dataSource.transaction(async (manager) => {
        await expect(work(manager)).rejects.toThrow();
      }),
    );

  const oversized = (label: string): Tank => {
    const tank = db.dataSource.manager.create(Tank, { label });
    db.subscriber.describe(tank, { reason: 'x'.repeat(300_000) });
    return tank;
  };

  /** While it lasts, a hook of somebody else fails after each insert, before ours is called. */
  const failingHook = (): Disposable => {
    const { subscribers } = db.dataSource;
    subscribers.unshift({
      afterInsert() {
        throw new Error('hook');
      },
    });
    return { [Symbol.dispose]: () => void subscribers.shift() };
  };

  test('a creation that could not be announced is not committed', async () => {
    const tank = oversized('unannounced');
    expect(await goingOn((manager) => manager.save(tank))).toBe('TRANSACTION_LOST');
    expect(await db.dataSource.manager.countBy(Tank, { label: 'unannounced' })).toBe(0);
    expect(await db.told(tank.uuid)).toEqual([]);
  });

  test('a creation whose announcement another hook prevented is not committed', async () => {
    using _ = failingHook();
    const tank = db.dataSource.manager.create(Tank, { label: 'prevented' });
    expect(await goingOn((manager) => manager.save(tank))).toBe('TRANSACTION_LOST');
    expect(await db.dataSource.manager.countBy(Tank, { label: 'prevented' })).toBe(0);
  });

  test('a step whose save fails behind it is not committed alone', async () => {
    const tank = await db.newTank({ label: 'stays' });
    const { uuid, state } = tank;
    const saving = goingOn((manager) => {
      db.subscriber.send(tank, 'StartRequested');
      tank.label = null as never;
      return manager.save(tank);
    });
    // PostgreSQL itself takes nothing more of such a transaction.
    expect(await saving).toBe('TRANSACTION_LOST');
    expect(await db.told(uuid)).toHaveLength(1);
    expect(await db.tank(uuid)).toMatchObject({ state, revision: 1, label: 'stays' });
    // What is saved is complete, and so is what a savepoint takes back.
    const again = await db.tank(uuid);
    await db.dataSource.transaction(async (manager) => {
      db.subscriber.send(again, 'StartRequested');
      again.label = 'moved';
      await manager.save(again);
    });
    expect(await db.told(uuid)).toHaveLength(2);
  });

  test('a removal that the database refused is not announced', async () => {
    const tank = await db.newTank({ label: 'kept' });
    const { uuid } = tank;
    expect(await goingOn((manager) => manager.remove(tank))).toBe('TRANSACTION_LOST');
    expect(await db.told(uuid)).toHaveLength(1);
    expect(tank.uuid).toBe(uuid);
  });

  test('in a savepoint each is taken back, and what is around it is committed', async () => {
    const kept = await db.newTank({ label: 'kept' });
    const [tank, around] = [oversized('savepoint'), await db.newTank()];
    await db.dataSource.transaction(async (manager) => {
      const removing = manager.transaction((inner) => inner.remove(kept));
      await expect(removing).rejects.toThrow();
      const saving = manager.transaction((inner) => inner.save(tank));
      expect(await codeOf(saving)).toBe('PAYLOAD_TOO_LARGE');
      db.subscriber.send(around, 'StartRequested');
      await manager.save(around);
    });
    expect(await db.told(kept.uuid)).toHaveLength(1);
    expect(await db.told(tank.uuid)).toEqual([]);
    expect(await db.told(around.uuid)).toHaveLength(2);
  });

  test('objects of one row that are removed together end it once', async () => {
    const { uuid } = await db.newTank();
    const objects = [await db.tank(uuid), await db.tank(uuid)];
    await db.dataSource.manager.remove(objects);
    expect((await db.told(uuid)).map(({ type, revision }) => [type, revision])).toEqual([
      ['Created', 1],
      ['Removed', 2],
    ]);
  });

  // On PostgreSQL nothing of a transaction is committed when one of its statements failed.
  describe.skipIf(kind === 'postgres')('an insert that wrote nothing', () => {
    test('lets what is around it be committed, and no insert without listeners pass', async () => {
      const [taken, around] = [await db.newTank(), await db.newTank()];
      const outcome = await goingOn(async (manager) => {
        db.subscriber.send(around, 'StartRequested');
        await manager.save(around);
        await manager.insert(Tank, { uuid: taken.uuid });
      });
      expect(outcome).toBe('resolved');
      expect(await db.told(taken.uuid)).toHaveLength(1);
      expect(await db.told(around.uuid)).toHaveLength(2);
      const quiet = Object.assign(new Tank(), taken, { uuid: taken.uuid.replace(/^./, 'f') });
      const inserting = db.dataSource
        .createQueryBuilder()
        .insert()
        .into(Tank)
        .values(quiet)
        .callListeners(false)
        .execute();
      expect(await codeOf(inserting)).toBe('WRITE_BYPASSES_LIFECYCLE');
    });
  });
});

const refuseRemovals = {
  sqlite: `CREATE TRIGGER keep BEFORE DELETE ON tank WHEN OLD.label = 'kept'
    BEGIN SELECT RAISE(ABORT, 'kept'); END`,
  mariadb: `CREATE TRIGGER keep BEFORE DELETE ON tank FOR EACH ROW
    BEGIN IF OLD.label = 'kept' THEN SIGNAL SQLSTATE '45000'; END IF; END`,
  postgres: `CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF OLD.label = 'kept' THEN RAISE 'kept'; END IF; RETURN OLD; END $$;
    CREATE TRIGGER keep BEFORE DELETE ON tank FOR EACH ROW EXECUTE FUNCTION keep()`,
} as const;
