import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { originSource } from '../../src/context/origin-source.js';
import { GroupCommit } from '../../src/persistence/commit/group-commit.js';
import { exclusive } from '../../src/persistence/sqlite/exclusive.js';
import { refuseInsideTransaction } from '../../src/persistence/commit/transaction-context.js';
import {
  installTransactionGate,
  transactionGate,
} from '../../src/persistence/sqlite/transaction-gate.js';
import { Transitions } from '../../src/signalbox/transitions.js';
import { type GuardedDatabase, Tank, guardedDatabase } from './guarded-database.js';
import { request } from './pump-database.js';

// TypeORM gives all callers of a SQLite DataSource one connection and one query runner.
let db: GuardedDatabase;
beforeAll(async () => {
  db = await guardedDatabase('sqlite');
});
afterAll(() => db[Symbol.asyncDispose]());

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('concurrent transactions on one connection', () => {
  test('four at once all commit, none sees another', async () => {
    const tanks = await Promise.all(Array.from({ length: 4 }, () => db.newTank()));
    let open = 0;
    await Promise.all(
      tanks.map((tank) =>
        db.dataSource.transaction(async (manager) => {
          open += 1;
          expect(open).toBe(1);
          db.subscriber.send(tank, 'StartRequested');
          await manager.save(tank);
          await turn();
          open -= 1;
        }),
      ),
    );
    for (const { uuid } of tanks) {
      expect(await db.tank(uuid)).toMatchObject({ state: 'Starting', revision: 2 });
      expect(await db.told(uuid)).toHaveLength(2);
    }
  });

  test('a rollback of one takes nothing of the others', async () => {
    const tanks = await Promise.all(Array.from({ length: 4 }, () => db.newTank()));
    const results = await Promise.allSettled(
      tanks.map((tank, index) =>
        db.dataSource.transaction(async (manager) => {
          db.subscriber.send(tank, 'StartRequested');
          await manager.save(tank);
          await turn();
          if (index % 2 === 0) throw new Error('rolled back');
        }),
      ),
    );
    expect(results.map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    for (const [index, { uuid }] of tanks.entries()) {
      expect((await db.tank(uuid)).state).toBe(index % 2 === 0 ? 'Idle' : 'Starting');
    }
  });

  test('what is written outside does not fall into a transaction that is rolled back', async () => {
    const saved = await db.newTank();
    const updated = await db.newTank();
    const moved = await db.newTank();
    let outside: Promise<unknown> = Promise.resolve();
    let entered: () => void = () => undefined;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    const failing = db.dataSource.transaction(async (manager) => {
      await manager.update(Tank, { uuid: saved.uuid }, { level: 1 });
      entered();
      await turn();
      await turn();
      throw new Error('rolled back');
    });
    // Called from here, and so by another caller.
    await inside;
    saved.label = 'saved';
    outside = Promise.all([
      db.dataSource.manager.save(saved),
      db.dataSource.manager.update(Tank, { uuid: updated.uuid }, { label: 'updated' }),
      db.store.transition(db.tanks, [request(moved.uuid, 'StartRequested')]),
      db.dataSource.query(`UPDATE tank SET level = 5 WHERE uuid = '${moved.uuid}'`),
    ]);
    await expect(failing).rejects.toThrow('rolled back');
    await outside;
    expect(await db.tank(saved.uuid)).toMatchObject({ label: 'saved', level: 0 });
    expect(await db.tank(updated.uuid)).toMatchObject({ label: 'updated' });
    expect(await db.tank(moved.uuid)).toMatchObject({ state: 'Starting', level: 5 });
  });

  test('an insert outside is refused although somebody else’s transaction is open', async () => {
    let entered: () => void = () => undefined;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    let leave: () => void = () => undefined;
    const left = new Promise<void>((resolve) => (leave = resolve));
    const other = db.dataSource.transaction(async () => {
      entered();
      await left;
    });
    await inside;
    const inserting = db.dataSource.manager.insert(Tank, { label: 'sneaked in' });
    await expect(inserting).rejects.toMatchObject({ code: 'WRITE_BYPASSES_LIFECYCLE' });
    leave();
    await other;
    expect(await db.dataSource.manager.countBy(Tank, { label: 'sneaked in' })).toBe(0);
  });

  test('a nested transaction passes through and becomes a savepoint', async () => {
    const tank = await db.newTank();
    await db.dataSource.transaction(async (manager) => {
      await manager.update(Tank, { uuid: tank.uuid }, { label: 'outer' });
      const inner = manager.transaction(async (nested) => {
        await nested.update(Tank, { uuid: tank.uuid }, { label: 'inner' });
        throw new Error('inner');
      });
      await expect(inner).rejects.toThrow('inner');
    });
    expect((await db.tank(tank.uuid)).label).toBe('outer');
  });

  test('a query runner’s own transaction holds up the others until it ends', async () => {
    const tank = await db.newTank();
    const runner = db.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.manager.update(Tank, { uuid: tank.uuid }, { label: 'held' });
    const order: string[] = [];
    const other = db.dataSource.transaction(async (manager) => {
      order.push('other');
      expect((await manager.findOneByOrFail(Tank, { uuid: tank.uuid })).label).toBe('');
    });
    await turn();
    order.push('rollback');
    await runner.rollbackTransaction();
    await other;
    expect(order).toEqual(['rollback', 'other']);
  });

  test('a failed begin lets the next caller in', async () => {
    const broken = db.dataSource.transaction('REPEATABLE READ', () => Promise.resolve());
    await expect(broken).rejects.toThrow();
    await db.dataSource.transaction(() => Promise.resolve());
  });

  test('turns are given first come, first served', async () => {
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        index % 2 === 0
          ? db.dataSource.transaction(async () => {
              order.push(index);
            })
          : exclusive(db.dataSource, () => order.push(index)),
      ),
    );
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('a call inside a transaction that would wait for it', () => {
  test('is refused with the remedy, and the transaction goes on', async () => {
    const tank = await db.newTank();
    await db.dataSource.transaction(async (manager) => {
      const moving = db.store.transition(db.tanks, [request(tank.uuid, 'StartRequested')]);
      await expect(moving).rejects.toMatchObject({ code: 'TRANSACTION_WAITS_FOR_ITSELF' });
      expect(() => refuseInsideTransaction(db.dataSource)).toThrow(/Pass \{ manager \}/);
      await db.store.transitionWithin(manager, db.tanks, request(tank.uuid, 'StartRequested'));
    });
    expect((await db.tank(tank.uuid)).state).toBe('Starting');
    expect(() => refuseInsideTransaction(db.dataSource)).not.toThrow();
  });

  test('is refused by itself, and not those who share its commit from outside', async () => {
    const [inside, outside] = await Promise.all([db.newTank(), db.newTank()]);
    const transitions = new Transitions({
      dataSource: db.dataSource,
      store: db.store,
      groupCommit: new GroupCommit(db.store),
      origin: originSource('management-server'),
      maxPayload: 262_144,
    });
    let entered: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (entered = resolve));
    const own = db.dataSource.transaction(async () => {
      entered();
      await turn();
      const moving = transitions.transition(db.tanks, inside.uuid, 'StartRequested', {});
      await expect(moving).rejects.toMatchObject({ code: 'TRANSACTION_WAITS_FOR_ITSELF' });
      await turn();
    });
    await opened;
    await transitions.transition(db.tanks, outside.uuid, 'StartRequested', {});
    await own;
    expect((await db.tank(inside.uuid)).state).toBe('Idle');
    expect((await db.tank(outside.uuid)).state).toBe('Starting');
  });

  test('is let through once the transaction it was started in is over', async () => {
    const tank = await db.newTank();
    let late: Promise<unknown> = Promise.resolve();
    await db.dataSource.transaction(async () => {
      late = new Promise((resolve) => setImmediate(resolve)).then(async () => {
        while (transactionGate(db.dataSource)?.within === true) await turn();
        return db.store.transition(db.tanks, [request(tank.uuid, 'StartRequested')]);
      });
    });
    await late;
    expect((await db.tank(tank.uuid)).state).toBe('Starting');
  });
});

test('installing the gate twice is installing it once', () => {
  expect(installTransactionGate(db.dataSource)).toBe(transactionGate(db.dataSource));
});
