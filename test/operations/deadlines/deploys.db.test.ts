import type { DataSource } from 'typeorm';
import { v4 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';
import { eachDatabase, freshDatabase, type FreshDatabase } from '../../support/databases.js';
import { Box, deploy, type Deployed, openBoxes, version } from './deployed-version.js';

const hour = 3_600_000;
const minute = 60_000;

eachDatabase((kind) => {
  let database: FreshDatabase;
  const sources: DataSource[] = [];

  beforeAll(async () => {
    database = await freshDatabase(kind);
    sources.push(await openBoxes(database.options, { make: true }));
    sources.push(await openBoxes(database.options));
  });

  afterAll(async () => {
    for (const dataSource of sources) await dataSource.destroy();
    await database?.dispose();
  });

  beforeEach(async () => {
    for (const table of ['signalbox_deadline', 'box']) await at(0).query(`DELETE FROM ${table}`);
  });

  const at = (index: number): DataSource => sources[index] as DataSource;
  const on = (lifecycle: AnyLifecycle, index = 0): Deployed => deploy(at(index), lifecycle);

  /** A row that was there before Signalbox. */
  const put = async (state: string): Promise<string> => {
    const uuid = v4();
    await at(0).manager.insert(Box, { uuid, state, revision: 1 });
    return uuid;
  };

  const stateOf = async (uuid: string): Promise<string> =>
    (await at(0).manager.findOneByOrFail(Box, { uuid })).state;

  const armed = async ({ store }: Deployed, uuid?: string): Promise<readonly string[]> =>
    (await store.deadlines.list({ limit: 100, ...(uuid === undefined ? {} : { uuid }) })).map(
      ({ deadline }) => deadline,
    );

  /** Alerts and timeouts of a box. */
  const told = async ({ store }: Deployed, uuid: string): Promise<readonly string[]> =>
    (await store.journal.read({ uuid, limit: 1000 }))
      .filter(({ type }) => type.startsWith('ALERT') || type === 'DeadlineExceeded')
      .map(({ type, payload }) => {
        const { data } = JSON.parse(payload) as {
          readonly data: {
            readonly details?: { readonly deadline?: string };
            readonly reason?: string;
          };
        };
        return type.startsWith('ALERT') ? String(data.details?.deadline) : String(data.reason);
      });

  /** As if so many milliseconds had passed for the deadlines. */
  const pass = async (milliseconds: number): Promise<void> => {
    const earlier = {
      postgres: `due_at - ${milliseconds} * interval '1 millisecond'`,
      mariadb: `due_at - INTERVAL ${milliseconds * 1000} MICROSECOND`,
      sqlite: `due_at - ${milliseconds}`,
    }[kind];
    await at(0).query(`UPDATE signalbox_deadline SET due_at = ${earlier}`);
  };

  const idle = { Idle: undefined };

  test('a longer delay holds for what waits, from when it was armed', async () => {
    const v1 = on(version(1, { ...idle, X: { delays: [2 * minute] } }));
    const v2 = on(version(2, { ...idle, X: { delays: [3 * minute] } }));
    const uuid = await put('Idle');
    await v1.move(uuid, 'X');
    await pass(2 * minute);
    await v2.sweep();
    expect(await told(v2, uuid)).toEqual([]);
    expect(await armed(v2)).toEqual([`X/${3 * minute}`]);
    await pass(minute - 5000);
    await v2.sweep();
    expect(await told(v2, uuid)).toEqual([]);
    await pass(5000);
    await v2.sweep();
    expect(await told(v2, uuid)).toEqual([`X/${3 * minute}`]);
    expect(await armed(v2)).toEqual([]);
  });

  test('a shorter delay holds for what waits as soon as its version runs', async () => {
    const v1 = on(version(1, { ...idle, X: { delays: [hour], target: 'Idle' } }));
    const v2 = on(version(2, { ...idle, X: { delays: [minute], target: 'Idle' } }));
    const uuid = await put('Idle');
    await v1.move(uuid, 'X');
    await pass(2 * minute);
    expect(await v2.reconcile()).toBe(1);
    await v2.sweep();
    expect(await stateOf(uuid)).toBe('Idle');
    expect(await armed(v2)).toEqual([]);
  });

  test('a state that was renamed beneath the resource keeps its deadline', async () => {
    const v1 = on(version(1, { ...idle, X: { delays: [hour] } }));
    const v2 = on(version(2, { ...idle, Y: { delays: [hour] } }));
    const uuid = await put('Idle');
    await v1.move(uuid, 'X');
    await pass(hour / 2);
    await at(0).query("UPDATE box SET state = 'Y'");
    await v2.reconcile();
    expect(await armed(v2)).toEqual([`Y/${hour}`]);
    await pass(hour / 2);
    await v2.sweep();
    expect(await told(v2, uuid)).toEqual([`Y/${hour}`]);
  });

  test('a deadline that is not declared any more is cancelled, and one that is new is armed', async () => {
    const v1 = on(version(1, { ...idle, X: { delays: [hour] }, Y: undefined }));
    const v2 = on(version(2, { ...idle, X: undefined, Y: { delays: [hour] } }));
    const [x, y] = [await put('Idle'), await put('Idle')];
    await v1.move(x, 'X');
    await v1.move(y, 'Y');
    await v2.reconcile();
    expect(await armed(v2, y)).toEqual([`Y/${hour}`]);
    await pass(hour);
    await v2.sweep();
    expect(await armed(v2)).toEqual([]);
    expect(await told(v2, x)).toEqual([]);
    expect(await told(v2, y)).toEqual([`Y/${hour}`]);
  });

  test('rows that were there before get their deadlines, page by page, and count from then', async () => {
    const v1 = on(version(1, { ...idle, X: { delays: [hour] } }));
    const uuids = await Promise.all(Array.from({ length: 11 }, () => put('X')));
    await put('Idle');
    expect(await v1.reconcile(4)).toBe(11);
    expect(await v1.reconcile(4)).toBe(0);
    expect(await armed(v1)).toHaveLength(11);
    await pass(hour);
    await v1.sweep();
    for (const uuid of uuids) expect(await told(v1, uuid)).toEqual([`X/${hour}`]);
    // It was told once, and the resource is there still: that is no reason to begin anew.
    expect(await v1.reconcile(4)).toBe(0);
  });

  test('with both versions running, no deadline of one fires after the other moved the resource', async () => {
    const v1 = on(version(1, { ...idle, X: { delays: [6000] } }), 0);
    const v2 = on(version(2, { ...idle, X: { delays: [minute] } }), 1);
    const uuid = await put('Idle');
    await v1.move(uuid, 'X');
    await v2.move(uuid, 'Idle');
    expect(await armed(v1)).toEqual([]);
    await v2.move(uuid, 'X');
    await pass(7000);
    await v1.sweep();
    await v2.sweep();
    expect(await told(v1, uuid)).toEqual([]);
    expect(await stateOf(uuid)).toBe('X');
    expect(await armed(v1)).toEqual([`X/${minute}`]);
    // A process of the old version that begins now leaves it to the new one.
    await v1.reconcile();
    expect(await armed(v1)).toEqual([`X/${minute}`]);
  });

  test('what an older release left behind does not fire on another stay', async () => {
    const v2 = on(version(2, { ...idle, X: { delays: [minute] } }));
    const uuid = await put('Idle');
    await v2.move(uuid, 'X');
    await v2.move(uuid, 'Idle');
    await v2.move(uuid, 'X');
    // Armed by version 1, in the first stay, and never cancelled.
    await at(0).query(
      `INSERT INTO signalbox_deadline (resource, uuid, deadline, revision, due_at)
        SELECT resource, uuid, 'X/6000', 2, due_at FROM signalbox_deadline`,
    );
    await pass(minute - 1000);
    await at(0).query(`UPDATE signalbox_deadline SET due_at = ${longAgo[kind]} WHERE revision = 2`);
    await v2.sweep();
    expect(await told(v2, uuid)).toEqual([]);
    expect(await armed(v2)).toEqual([`X/${minute}`]);
  });

  test('a deadline of an earlier stay that this version declares too does not fire on the next one', async () => {
    const v1 = on(version(1, { ...idle, X: { delays: [6000] } }));
    const v2 = on(version(2, { ...idle, X: { delays: [minute] } }));
    const uuid = await put('Idle');
    await v2.move(uuid, 'X');
    // An older release left the state and entered it again: it knew nothing of this deadline.
    await v1.move(uuid, 'Idle');
    await v1.move(uuid, 'X');
    await at(0).query(
      `INSERT INTO signalbox_deadline (resource, uuid, deadline, revision, due_at)
        VALUES ('Box', '${uuid}', 'X/${minute}', 2, ${longAgo[kind]})`,
    );
    await v2.sweep();
    expect(await told(v2, uuid)).toEqual([]);
    expect(await armed(v2)).toEqual([`X/${minute}`]);
  });

  test('after going back to the old version, what the new one armed fires', async () => {
    const v1 = on(version(1, { ...idle, X: { delays: [minute] } }));
    const v2 = on(version(2, { ...idle, X: { delays: [hour] }, Y: { delays: [hour] } }));
    const uuid = await put('Idle');
    await v2.move(uuid, 'X');
    await v1.reconcile();
    await pass(hour);
    await v1.sweep();
    await v1.sweep();
    expect(await told(v1, uuid)).toEqual([`X/${minute}`]);
  });

  test('a deadline that only a newer version declares is left to it', async () => {
    const v1 = on(version(1, { ...idle, X: undefined }));
    const v2 = on(version(2, { ...idle, X: { delays: [minute] } }));
    const uuid = await put('Idle');
    await v2.move(uuid, 'X');
    await pass(minute);
    expect(await v1.sweep()).toEqual(['armed']);
    expect(await armed(v1)).toEqual([`X/${minute}`]);
    await v2.sweep();
    expect(await told(v1, uuid)).toEqual([`X/${minute}`]);
  });

  const longAgo = {
    postgres: `timestamptz '2020-01-01'`,
    mariadb: `'2020-01-01'`,
    sqlite: '0',
  };

  describe('of a row that somebody holds', () => {
    test('the deadline waits, and holds up no connection', async () => {
      if (kind === 'sqlite') return;
      const v1 = on(version(1, { ...idle, X: { delays: [minute] } }), 0);
      const uuid = await put('Idle');
      await v1.move(uuid, 'X');
      await pass(minute);
      await at(1).transaction(async (manager) => {
        await manager.query(`UPDATE box SET revision = revision WHERE uuid = '${uuid}'`);
        expect(await v1.sweep()).toEqual(['armed']);
      });
      await v1.sweep();
      expect(await told(v1, uuid)).toEqual([`X/${minute}`]);
    });
  });
});
