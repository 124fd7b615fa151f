import { DataSource, type DataSourceOptions } from 'typeorm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bindResource } from '../../src/persistence/resource/binding.js';
import { openStore } from '../../src/persistence/open-store.js';
import type { TransitionOutcome } from '../../src/core/planning/transition-request.js';
import { eventually } from '../support/eventually.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { type GuardedDatabase, LegacyServer, Tank, guardedDatabase } from './guarded-database.js';
import { request } from './pump-database.js';

let db: GuardedDatabase;
let proxy: TcpProxy;
/** Another process's view of the same database, over connections that can be cut. */
let remote: DataSource;
beforeAll(async () => {
  db = await guardedDatabase('mariadb');
  const url = new URL((db.dataSource.options as { url: string }).url);
  proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
  url.port = String(proxy.port);
  remote = await new DataSource({
    type: 'mariadb',
    url: url.href,
    entities: [Tank, LegacyServer],
  } as DataSourceOptions).initialize();
});
afterAll(async () => {
  await remote.destroy();
  await proxy.close();
  await db[Symbol.asyncDispose]();
});

/** The server's thread that waits for a lock in this database, as soon as there is one. */
function waitingThread(): Promise<number> {
  // InnoDB tells what it told before to whoever asks again within 100 ms.
  return eventually(lockWaiter, { every: 150 });
}

async function lockWaiter(): Promise<number> {
  const rows = await db.dataSource.query<{ thread: string }[]>(
    `SELECT p.ID AS thread FROM information_schema.INNODB_TRX t
      JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id
      WHERE t.trx_state = 'LOCK WAIT' AND p.DB = DATABASE()`,
  );
  expect(rows).toHaveLength(1);
  return Number(rows[0]?.thread);
}

/**
 * Starts a transition whose last flight, the one that commits, waits on the server; cuts its
 * connection then, and lets `end` decide what becomes of it there.
 */
async function cutDuringCommit(
  uuid: string,
  end: (thread: number) => Promise<unknown>,
): Promise<TransitionOutcome | undefined> {
  const store = openStore(remote);
  const holder = db.dataSource.createQueryRunner();
  try {
    await holder.startTransaction();
    await holder.query(
      `INSERT INTO signalbox_deadline (resource, uuid, deadline, revision, due_at)
        VALUES ('Tank', ?, 'Starting/1000', 1, UTC_TIMESTAMP(3))`,
      [uuid],
    );
    const moving = store.transition(bindResource(remote, Tank), [request(uuid, 'StartRequested')]);
    moving.catch(() => undefined);
    const thread = await waitingThread();
    proxy.cut();
    await end(thread);
    await holder.rollbackTransaction();
    const [outcome] = await moving;
    return outcome;
  } finally {
    await holder.release();
  }
}

test('a connection cut while the commit is under way is settled by the journal', async () => {
  const { uuid } = await db.newTank();
  const outcome = await cutDuringCommit(uuid, () => Promise.resolve());
  expect(outcome).toMatchObject({ new: 'Starting', revision: 2 });
  expect(await db.tank(uuid)).toMatchObject({ state: 'Starting', revision: 2 });
  expect(await db.told(uuid)).toHaveLength(2);
});

test('one that did not commit says so', async () => {
  const { uuid } = await db.newTank();
  const moving = cutDuringCommit(uuid, (thread) => db.dataSource.query(`KILL ${thread}`));
  await expect(moving).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  expect(await db.tank(uuid)).toMatchObject({ state: 'Idle', revision: 1 });
  expect(await db.told(uuid)).toHaveLength(1);
});

test('a connection lost before anything was written is an error that says so', async () => {
  const { uuid } = await db.newTank();
  const store = openStore(remote);
  const binding = bindResource(remote, Tank);
  await store.transition(binding, [request(uuid, 'StartRequested')]);
  proxy.refuse();
  proxy.cut();
  try {
    const moving = store.transition(binding, [request(uuid, 'Started')]);
    await expect(moving).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  } finally {
    proxy.open();
  }
  const [outcome] = await store.transition(binding, [request(uuid, 'Started')]);
  expect(outcome).toMatchObject({ new: 'Running', revision: 3 });
});

test('a transaction that the database gives up for another is tried again', async () => {
  const { uuid } = await db.newTank();
  const other = db.dataSource.createQueryRunner();
  await other.startTransaction();
  // The deadlock's victim is whoever has written less: not this one.
  const many = Array.from(
    { length: 200 },
    (_, index) => `('Tank', '${uuid}', 'x${index}', 1, NOW())`,
  );
  await other.query(
    `INSERT INTO signalbox_deadline (resource, uuid, deadline, revision, due_at)
      VALUES ('Tank', '${uuid}', 'Starting/1000', 1, NOW()), ${many.join(', ')}`,
  );
  const moving = db.store.transition(db.tanks, [request(uuid, 'StartRequested')]);
  await waitingThread();
  // It holds the row and waits for the deadline; this holds the deadline and asks for the row.
  await other.query(`SELECT 1 FROM tank WHERE uuid = '${uuid}' FOR UPDATE`);
  await other.rollbackTransaction();
  await other.release();
  const [outcome] = await moving;
  expect(outcome).toMatchObject({ new: 'Starting', revision: 2 });
  expect(await db.told(uuid)).toHaveLength(2);
});
