import { randomUUID } from 'node:crypto';
import type { EntityManager, Logger } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BoundColumn } from '../../src/persistence/resource/binding.js';
import { planStep, type LockedRow, type PlannedTransition } from '../../src/core/planning/plan.js';
import { waitingForLock } from '../support/waiting-for-lock.js';
import { type GuardedDatabase, guardedDatabase, LegacyServer, Tank } from './guarded-database.js';

const statements: string[] = [];
const nothing = (): void => undefined;
const logger: Logger = {
  logQuery: (query) => void statements.push(query),
  logQueryError: nothing,
  logQuerySlow: nothing,
  logSchemaBuild: nothing,
  logMigration: nothing,
  log: nothing,
};

let db: GuardedDatabase;
beforeAll(async () => {
  db = await guardedDatabase('postgres', () => ({ logger }));
});
afterAll(() => db[Symbol.asyncDispose]());

/** Statements that name a table of ours or move a tank. */
const ours = (): string[] => statements.filter((text) => /signalbox_|"state" =/.test(text));

const started = (tank: Tank): void => {
  db.subscriber.send(tank, 'StartRequested', { reason: 'needed' });
  tank.label = 'started';
};

/** Starts a tank whose row another transaction changes, and commits while the save waits for it. */
async function savedBehind(
  tank: Tank,
  change: (manager: EntityManager) => Promise<unknown>,
): Promise<unknown> {
  let saving: Promise<unknown> | undefined;
  await db.dataSource.transaction(async (manager) => {
    await change(manager);
    started(tank);
    saving = db.dataSource.manager.save(tank).catch((error: unknown) => error);
    await waitingForLock(db.dataSource);
  });
  return saving;
}

describe('a save of a sent transition', () => {
  test('takes one statement of ours, which the connection has prepared', async () => {
    const tank = await db.newTank();
    await db.dataSource.transaction(async (manager) => {
      db.subscriber.send(tank, 'StartRequested');
      db.subscriber.send(tank, 'Failed');
      await manager.save(tank);
      db.subscriber.send(tank, 'StartRequested');
      await manager.save(tank);
      statements.length = 0;
      db.subscriber.send(tank, 'Tick');
      await manager.save(tank);
      expect(ours()).toEqual([expect.stringContaining('WITH moved')]);
      const prepared = await manager.query<{ statement: string }[]>(
        `SELECT statement FROM pg_prepared_statements WHERE name LIKE 'signalbox_%'`,
      );
      expect(prepared.map(({ statement }) => statement)).toContain(ours()[0]);
    });
    expect((await db.told(tank.uuid)).map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5]);
    expect(await db.armed(tank.uuid)).toEqual(['Starting/1000']);
  });

  test('announces what the state change causes behind it, and re-arms its deadlines', async () => {
    const tank = await db.newTank({ state: 'Starting' });
    db.subscriber.send(tank, 'Started');
    await db.dataSource.manager.save(tank);
    const told = (await db.told(tank.uuid)).slice(2);
    expect(told.map(({ type, revision }) => [type, revision])).toEqual([
      ['Started', 2],
      ['PUMP.START', 2],
      ['ALERT.PUMP', 2],
      ['ALERT.PUMP', 2],
      ['PUMP.STARTED', 2],
    ]);
    expect(new Set(told.slice(1).map(({ event }) => event['causationid']))).toEqual(
      new Set([told[0]?.event['id']]),
    );
    expect(await db.armed(tank.uuid)).toEqual(['Running/60000']);
  });

  test('works on columns of other names and types', async () => {
    const externalId = randomUUID();
    const server = db.dataSource.manager.create(LegacyServer, { externalId, tenant: 'acme' });
    await db.dataSource.manager.save(server);
    db.subscriber.send(server, 'StartRequested');
    statements.length = 0;
    await db.dataSource.manager.save(server);
    expect(statements.filter((text) => text.includes('FOR NO KEY UPDATE'))).toEqual([]);
    expect(await db.dataSource.manager.findOneByOrFail(LegacyServer, { externalId })).toMatchObject(
      { status: 'Starting', version: '2', statusChangedAt: server.statusChangedAt },
    );
    expect((await db.told(externalId)).at(-1)?.event).toMatchObject({ account: 'acme' });
  });

  test('announces the owner that the row has when it is moved', async () => {
    const tank = await db.newTank({ account: 'old', project: 'p' });
    const saved = await savedBehind(tank, (manager) =>
      manager.query('UPDATE tank SET account = $1 WHERE uuid = $2', ['new', tank.uuid]),
    );
    expect(saved).toBe(tank);
    expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Starting', account: 'new' });
    const [, told, ...others] = await db.told(tank.uuid);
    expect(others).toEqual([]);
    expect(told).toMatchObject({ revision: 2, event: { account: 'new', project: 'p' } });
  });

  test('is a conflict where the row moved while it waited', async () => {
    const tank = await db.newTank();
    const failure = await savedBehind(tank, async (manager) => {
      const own = await manager.findOneByOrFail(Tank, { uuid: tank.uuid });
      started(own);
      await manager.save(own);
    });
    expect(failure).toMatchObject({
      code: 'REVISION_CONFLICT',
      parameters: { expected: 1, actual: 2 },
    });
    expect(await db.told(tank.uuid)).toHaveLength(2);
    expect(tank).toMatchObject({ state: 'Idle', revision: 1 });
  });

  test('refuses a row that a trigger keeps as it was', async () => {
    const tank = await db.newTank({ label: 'kept' });
    await db.dataSource.query(`CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN RETURN NULL; END $$`);
    await db.dataSource.query(`CREATE TRIGGER keep BEFORE UPDATE ON tank
      FOR EACH ROW WHEN (OLD.label = 'kept') EXECUTE FUNCTION keep()`);
    started(tank);
    await expect(db.dataSource.manager.save(tank)).rejects.toMatchObject({
      code: 'DATABASE_ERROR',
    });
    expect(await db.told(tank.uuid)).toHaveLength(1);
    expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Idle', revision: 1 });
  });
});

describe('a row as seen', () => {
  const seenOf = (tank: Tank): LockedRow => ({
    uuid: tank.uuid,
    state: 'Idle',
    revision: 1,
    tenancy: { account: 'a', domain: null, project: 'p' },
  });
  const planOf = (seen: LockedRow, id: string): PlannedTransition => {
    const row = db.tanks.lifecycle.table.rows.get('Idle')?.get('StartRequested')?.[0];
    const time = '2026-01-01T00:00:00.000Z';
    const origin = { source: 'management-server', time };
    return planStep(db.tanks, seen, { uuid: seen.uuid, origin }, row as never, () => id);
  };
  const write = (manager: EntityManager, seen: LockedRow, binding = db.tanks): Promise<boolean> =>
    db.store.applySeenWithin?.(manager, binding, seen, planOf(seen, randomUUID())) ??
    Promise.reject(new Error('absent'));

  test.each<[string, Partial<LockedRow>]>([
    ['uuid', { uuid: randomUUID() }],
    ['state', { state: 'Running' }],
    ['revision', { revision: 2 }],
    ['account', { tenancy: { account: null, domain: null, project: 'p' } }],
    ['domain', { tenancy: { account: 'a', domain: '', project: 'p' } }],
    ['project', { tenancy: { account: 'a', domain: null, project: 'P' } }],
  ])('of another %s is left alone, and wakes nobody', async (_, difference) => {
    const tank = await db.newTank({ account: 'a', project: 'p' });
    const pending = await db.pending();
    const wakes = db.wakes.count;
    await db.dataSource.transaction(async (manager) => {
      expect(await write(manager, { ...seenOf(tank), ...difference })).toBe(false);
    });
    expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Idle', revision: 1 });
    expect(await db.pending()).toBe(pending);
    expect(db.wakes.count).toBe(wakes);
  });

  test('is not compared where a transformer stands between the row and what was seen', async () => {
    const tank = await db.newTank({ account: 'a', project: 'p' });
    const { columns } = db.tanks;
    const account = columns.account as BoundColumn;
    const metadata = Object.create(account.metadata, { transformer: { value: {} } }) as never;
    const binding = { ...db.tanks, columns: { ...columns, account: { ...account, metadata } } };
    await db.dataSource.transaction(async (manager) => {
      expect(await write(manager, seenOf(tank), binding)).toBe(false);
    });
    expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Idle', revision: 1 });
  });

  test('is written as planned where nothing differs', async () => {
    const tank = await db.newTank({ account: 'a', project: 'p' });
    const wakes = db.wakes.count;
    await db.dataSource.transaction(async (manager) => {
      expect(await write(manager, seenOf(tank))).toBe(true);
    });
    expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Starting', revision: 2 });
    const records = await db.store.journal.read({ uuid: tank.uuid, limit: 9 });
    const { entries } = planOf(seenOf(tank), records[1]?.id as string);
    expect(records.slice(1)).toMatchObject(entries);
    expect(db.wakes.count).toBe(wakes + 1);
  });

  test('is not written on a connection that was given back', async () => {
    const tank = await db.newTank({ account: 'a', project: 'p' });
    const runner = db.dataSource.createQueryRunner();
    await runner.startTransaction();
    // Behind TypeORM's back, which takes the transaction for open: a write would commit by itself.
    await runner.query('ROLLBACK');
    await runner.release();
    await expect(write(runner.manager, seenOf(tank))).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    });
    expect(await db.tank(tank.uuid)).toMatchObject({ state: 'Idle', revision: 1 });
    expect(await db.told(tank.uuid)).toHaveLength(1);
  });
});
