import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCloud } from '../../e2e/support/cloud.js';
import { type GuardedDatabase, guardedDatabase } from '../guarded-database.js';

let db: GuardedDatabase;
beforeAll(async () => {
  db = await guardedDatabase('mariadb');
});
afterAll(() => db[Symbol.asyncDispose]());

test.each([
  ['tank', 'MyISAM'],
  ['tank', 'Aria'],
  ['tank', 'MEMORY'],
  ['signalbox_outbox', 'MyISAM'],
  ['signalbox_deadline', 'Aria'],
  ['signalbox_lease', 'MEMORY'],
])('a table without transactions is refused at the start: %s of %s', async (table, engine) => {
  await db.dataSource.query(`ALTER TABLE ${table} ENGINE = ${engine}`);
  await expect(db.store.verifyServer?.([db.tanks])).rejects.toMatchObject({
    code: 'TABLE_NOT_TRANSACTIONAL',
    parameters: { table, engine },
  });
  await db.dataSource.query(`ALTER TABLE ${table} ENGINE = InnoDB`);
});

test('no Signalbox is created on such a table', async () => {
  await using cloud = await openCloud('mariadb');
  await cloud.dataSource.query('ALTER TABLE demo_volume ENGINE = Aria');
  await expect(cloud.open()).rejects.toMatchObject({ code: 'TABLE_NOT_TRANSACTIONAL' });
});

test('so is one of CSV, and one in another database', async () => {
  const other = `${String(db.dataSource.driver.database)}_other`;
  await db.dataSource.query('ALTER TABLE tank RENAME tank_of_before');
  await db.dataSource.query(
    'CREATE TABLE tank (uuid varchar(36) NOT NULL, state varchar(9) NOT NULL, revision int NOT NULL) ENGINE = CSV',
  );
  const refused = { code: 'TABLE_NOT_TRANSACTIONAL', parameters: { table: 'tank', engine: 'CSV' } };
  await expect(db.store.verifyServer?.([db.tanks])).rejects.toMatchObject(refused);
  await db.dataSource.query('DROP TABLE tank');
  await db.dataSource.query('ALTER TABLE tank_of_before RENAME tank');
  await db.dataSource.query(`CREATE DATABASE ${other}`);
  try {
    await db.dataSource.query(`CREATE TABLE ${other}.tank (a int) ENGINE = MyISAM`);
    const elsewhere = Object.create(db.tanks.metadata, { database: { value: other } });
    await expect(
      db.store.verifyServer?.([{ ...db.tanks, metadata: elsewhere as typeof db.tanks.metadata }]),
    ).rejects.toMatchObject({ parameters: { table: 'tank', engine: 'MyISAM' } });
    await db.store.verifyServer?.([db.tanks, db.servers]);
  } finally {
    await db.dataSource.query(`DROP DATABASE ${other}`);
  }
});

test('a server that is no node of a Galera cluster is not told how the cluster is written to', async () => {
  await expect(db.store.verifyServer?.([], 'single-writer')).rejects.toMatchObject({
    code: 'CONFIG_VALUE_INVALID',
    parameters: { key: 'galera' },
  });
});
