import { afterAll, beforeAll, expect, test } from 'vitest';
import { nextEventId } from '../../../src/core/identity/event-id.js';
import { MysqlWriter } from '../../../src/persistence/mysql/mysql-writer.js';
import { type GuardedDatabase, guardedDatabase } from '../guarded-database.js';
import { request } from '../pump-database.js';

/** The way of MySQL and of old servers: one statement a round trip, no rows skipped. */
let db: GuardedDatabase;
let writer: MysqlWriter;
beforeAll(async () => {
  db = await guardedDatabase('mariadb');
  writer = new MysqlWriter(db.dataSource, nextEventId, { compound: false, skipLocked: false });
});
afterAll(() => db[Symbol.asyncDispose]());

test('a batch moves each resource and tells each caller its own result', async () => {
  const [one, two] = await Promise.all([db.newTank(), db.newTank()]);
  const outcomes = await writer.transition(db.tanks, [
    request(one.uuid, 'StartRequested'),
    request(two.uuid, 'Started'),
    request('00000000-0000-4000-8000-000000000000', 'StartRequested'),
  ]);
  expect(outcomes).toMatchObject([
    { new: 'Starting', revision: 2 },
    { code: 'EVENT_NOT_LAWFUL' },
    { code: 'UNKNOWN_RESOURCE' },
  ]);
  expect(await db.tank(one.uuid)).toMatchObject({ state: 'Starting', revision: 2 });
  expect(await db.told(one.uuid)).toHaveLength(2);
  expect(await db.armed(one.uuid)).toEqual(['Starting/1000']);
});

test('a step within the caller’s transaction is Signalbox’s own write and no bypass', async () => {
  const { uuid } = await db.newTank();
  await db.dataSource.transaction((manager) =>
    writer.transitionWithin(manager, db.tanks, request(uuid, 'StartRequested')),
  );
  expect(await db.tank(uuid)).toMatchObject({ state: 'Starting', revision: 2 });
  expect(await db.told(uuid)).toHaveLength(2);
});

test('a step that fails halfway within the caller’s transaction leaves no half of it', async () => {
  const { uuid } = await db.newTank();
  await db.dataSource.query(
    `CREATE TRIGGER gag BEFORE INSERT ON signalbox_journal FOR EACH ROW
      IF NEW.type = 'StartRequested' THEN SIGNAL SQLSTATE '45000'; END IF`,
  );
  try {
    await db.dataSource.transaction(async (manager) => {
      const moving = writer.transitionWithin(manager, db.tanks, request(uuid, 'StartRequested'));
      await expect(moving).rejects.toThrow();
    });
  } finally {
    await db.dataSource.query('DROP TRIGGER gag');
  }
  expect(await db.tank(uuid)).toMatchObject({ state: 'Idle', revision: 1 });
  expect(await db.told(uuid)).toHaveLength(1);
});
