import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConflictError, RefusedError } from '../../src/core/errors/errors.js';
import { type PlannedTransition, planTransition } from '../../src/core/planning/plan.js';
import { PostgresWriter } from '../../src/persistence/postgres/postgres-writer.js';
import { RowLocked } from '../../src/core/planning/row-locked.js';
import type {
  TransitionResult,
  TransitionRequest,
} from '../../src/core/planning/transition-request.js';
import { waitingForLock } from '../support/waiting-for-lock.js';
import { type PumpDatabase, pumpDatabase, request } from './pump-database.js';
import { Pump } from './pump-entity.js';

let database: PumpDatabase;
let writer: PostgresWriter;

beforeAll(async () => {
  database = await pumpDatabase();
  writer = new PostgresWriter(database.dataSource);
});
afterAll(() => database[Symbol.asyncDispose]());

const journalOf = (uuid: string) =>
  database.dataSource.query<
    {
      position: string;
      id: string;
      source: string;
      type: string;
      category: string;
      revision: string;
      payload: string;
    }[]
  >('SELECT * FROM signalbox_journal WHERE uuid = $1 ORDER BY position', [uuid]);
const deadlinesOf = (uuid: string) =>
  database.dataSource.query<{ deadline: string; revision: string; left: string }[]>(
    `SELECT deadline, revision, extract(epoch FROM due_at - now()) * 1000 AS left
      FROM signalbox_deadline WHERE uuid = $1`,
    [uuid],
  );
const rowOf = (uuid: string) => database.dataSource.manager.findOneByOrFail(Pump, { uuid });

async function pumps(count: number, columns?: Partial<Pump>): Promise<string[]> {
  const uuids = Array.from({ length: count }, () => randomUUID());
  await database.fill(uuids, columns);
  return uuids;
}

test('a transition writes row, journal, outbox and deadline in one commit', async () => {
  const [uuid] = (await pumps(1)) as [string];
  const asked = request(uuid, 'StartRequested', { reason: 'because "so"' });
  const [outcome] = (await writer.transition(database.binding, [asked])) as [TransitionResult];
  expect(outcome).toEqual({
    uuid,
    old: 'Idle',
    new: 'Starting',
    revision: 2,
    changed: true,
    events: [expect.any(String)],
  });
  const row = await rowOf(uuid);
  expect(row).toMatchObject({ state: 'Starting', revision: 2, lifecycleVersion: 3 });
  expect(row.stateSince.toISOString()).toBe(asked.origin.time);
  const [event, ...others] = await journalOf(uuid);
  expect(others).toEqual([]);
  expect(event).toMatchObject({ id: outcome.events[0], type: 'StartRequested', revision: '2' });
  const pending = await database.dataSource.query(
    'SELECT bus FROM signalbox_outbox WHERE position = $1',
    [event?.position],
  );
  expect(pending).toEqual([{ bus: '' }]);
  const [deadline] = await deadlinesOf(uuid);
  expect(deadline).toMatchObject({ deadline: 'Starting/1000', revision: '2' });
});

test('a migration that widens the revision while connections are open disturbs no transition', async () => {
  await using own = await pumpDatabase();
  const writing = new PostgresWriter(own.dataSource);
  const uuids = Array.from({ length: 6 }, () => randomUUID());
  await own.fill(uuids);
  const [alone, ...others] = uuids.map((uuid) => request(uuid, 'StartRequested'));
  const move = async (...batch: readonly TransitionRequest[]): Promise<void> => {
    const outcomes = await writing.transition(own.binding, batch);
    expect(outcomes).toEqual(
      batch.map(({ uuid }) => expect.objectContaining({ uuid, new: 'Starting', revision: 2 })),
    );
  };
  await move(alone as TransitionRequest);
  await move(...others.slice(0, 2));
  await own.dataSource.query('ALTER TABLE pump ALTER COLUMN revision TYPE bigint');
  await move(others[2] as TransitionRequest);
  await move(...others.slice(3));
});

describe('what the statement writes is byte for byte what the plan says', () => {
  const hostile = 'a "b" \\ \b\f\n\r\t \u0001\u001f ü 漢 \u2028 \u{1F600} </script>';
  const origins = [
    {},
    {
      actor: hostile,
      correlationId: hostile,
      causationId: randomUUID(),
      traceparent: '00-ab-cd-01',
    },
  ];
  const owners: Partial<Pump>[] = [
    {},
    { account: hostile, domain: '', project: 'p' },
    { account: null, domain: hostile, project: null },
  ];
  test.each(origins.flatMap((origin) => owners.map((owner) => ({ origin, owner }))))(
    'origin $origin, owner $owner',
    async ({ origin, owner }) => {
      const states = ['Idle', 'Starting', 'Starting', 'Running', 'Running'];
      const events = ['StartRequested', 'Started', 'Failed', 'Tick', 'Failed'];
      const uuids = await Promise.all(
        states.map(
          async (state) => (await pumps(1, { ...owner, state, revision: 7 }))[0] as string,
        ),
      );
      const batch = events.map((event, index) => {
        const asked = request(uuids[index] as string, event, { reason: hostile });
        // Of two sources, as no process has them: no request may take another's.
        const source = index % 2 === 0 ? 'management-server' : 'a "second" source';
        return { ...asked, origin: { ...asked.origin, ...origin, source } };
      });
      const outcomes = await writer.transition(database.binding, batch);
      for (const [index, outcome] of outcomes.entries()) {
        const { uuid, events: ids, revision } = outcome as TransitionResult;
        expect(revision).toBe(8);
        const left = [...ids];
        const tenancy = { account: null, domain: null, project: null, ...owner };
        const plan = planTransition(
          database.binding,
          { uuid, state: states[index] as string, revision: 7, tenancy },
          batch[index] as (typeof batch)[number],
          { nextId: () => left.shift() as string },
        ) as PlannedTransition;
        expect(plan.outcome).toEqual(outcome);
        const journal = await journalOf(uuid);
        expect(
          journal.map(({ id, source, category, type, payload }) => ({
            id,
            source,
            category,
            type,
            payload,
          })),
        ).toEqual(
          plan.entries.map(({ id, source, category, type, payload }) => ({
            id,
            source,
            category,
            type,
            payload,
          })),
        );
      }
    },
  );
});

test('each request of a batch gets its own outcome, and refusals write nothing', async () => {
  const [good, refused, conflict, strange] = (await pumps(4)) as [string, string, string, string];
  await database.dataSource.manager.update(Pump, { uuid: strange }, { state: 'Melted' });
  const absent = randomUUID();
  const outcomes = await writer.transition(database.binding, [
    request(refused, 'Tick'),
    request(absent, 'StartRequested'),
    request(good, 'StartRequested', { expectedRevision: 1 }),
    request(conflict, 'StartRequested', { expectedRevision: 9 }),
    request(strange, 'Tick'),
  ]);
  expect(outcomes).toMatchObject([
    { code: 'EVENT_NOT_LAWFUL', parameters: { state: 'Idle', event: 'Tick' } },
    { code: 'UNKNOWN_RESOURCE', parameters: { uuid: absent } },
    { new: 'Starting' },
    { code: 'REVISION_CONFLICT', parameters: { expected: 9, actual: 1 } },
    { code: 'UNKNOWN_STATE', parameters: { state: 'Melted' } },
  ]);
  expect(outcomes[0]).toBeInstanceOf(RefusedError);
  expect(outcomes[3]).toBeInstanceOf(ConflictError);
  for (const uuid of [refused, conflict, strange, absent]) {
    expect(await journalOf(uuid)).toEqual([]);
  }
  expect(await rowOf(conflict)).toMatchObject({ state: 'Idle', revision: 1 });
});

test('leaving a state cancels its deadline, a self-transition keeps it', async () => {
  const [uuid] = (await pumps(1)) as [string];
  const move = (event: string) => writer.transition(database.binding, [request(uuid, event)]);
  await move('StartRequested');
  await move('Tick');
  expect(await deadlinesOf(uuid)).toMatchObject([{ deadline: 'Starting/1000', revision: '2' }]);
  await move('Started');
  expect(await deadlinesOf(uuid)).toMatchObject([{ deadline: 'Running/60000', revision: '4' }]);
  await move('StopRequested');
  expect(await deadlinesOf(uuid)).toEqual([]);
});

test('a self-transition keeps the time of the state and says it changed nothing', async () => {
  const [uuid] = (await pumps(1, { state: 'Running' })) as [string];
  const [outcome] = await writer.transition(database.binding, [request(uuid, 'Tick')]);
  expect(outcome).toMatchObject({ old: 'Running', new: 'Running', revision: 2, changed: false });
  expect((await rowOf(uuid)).stateSince.toISOString()).toBe('2026-01-01T00:00:00.000Z');
});

test('a guard reads the entity under the lock, and a refusal names it', async () => {
  const [full, empty] = (await pumps(2, { state: 'Running' })) as [string, string];
  await database.dataSource.manager.update(Pump, { uuid: full }, { level: 5 });
  const outcomes = await writer.transition(database.binding, [
    request(full, 'Drain'),
    request(empty, 'Drain'),
  ]);
  expect(outcomes).toMatchObject([
    { code: 'GUARD_REFUSED', parameters: { guards: ['isEmpty'] } },
    { old: 'Running', new: 'Drained', revision: 2 },
  ]);
  expect(await journalOf(full)).toEqual([]);
  expect(await journalOf(empty)).toHaveLength(1);
});

test('a deadline fires once, and not when the resource has moved on', async () => {
  const [uuid, moved] = (await pumps(2)) as [string, string];
  await writer.transition(database.binding, [
    request(uuid, 'StartRequested'),
    request(moved, 'StartRequested'),
  ]);
  await writer.transition(database.binding, [request(moved, 'Started')]);
  const fire = (target: string) =>
    writer.transition(database.binding, [
      request(target, 'DeadlineExceeded', { deadline: { id: 'Starting/1000', revision: 2 } }),
    ]);
  expect(await fire(moved)).toMatchObject([{ code: 'DEADLINE_STALE' }]);
  expect(await fire(uuid)).toMatchObject([{ old: 'Starting', new: 'Idle', revision: 3 }]);
  expect(await fire(uuid)).toMatchObject([{ code: 'DEADLINE_STALE' }]);
  expect((await journalOf(uuid)).map(({ type }) => type)).toEqual([
    'StartRequested',
    'DeadlineExceeded',
    'ALERT.RESOURCE.STUCK',
  ]);
  expect(await deadlinesOf(uuid)).toEqual([]);
});

test("in the caller's transaction a rollback announces nothing", async () => {
  const [uuid] = (await pumps(1)) as [string];
  const failure = new Error('changed my mind');
  await expect(
    database.dataSource.transaction(async (manager) => {
      const outcome = await writer.transitionWithin(
        manager,
        database.binding,
        request(uuid, 'StartRequested'),
      );
      expect(outcome).toMatchObject({ new: 'Starting', revision: 2 });
      throw failure;
    }),
  ).rejects.toBe(failure);
  expect(await rowOf(uuid)).toMatchObject({ state: 'Idle', revision: 1 });
  expect(await journalOf(uuid)).toEqual([]);
  expect(await deadlinesOf(uuid)).toEqual([]);
});

test('a row that another transaction holds does not hold up its batch', async () => {
  const [held, free] = (await pumps(2)) as [string, string];
  await database.dataSource.transaction(async (manager) => {
    await writer.lockWithin(manager, database.binding, [held]);
    const outcomes = await writer.transition(database.binding, [
      request(held, 'StartRequested'),
      request(free, 'StartRequested'),
    ]);
    expect(outcomes[0]).toBeInstanceOf(RowLocked);
    expect(outcomes[1]).toMatchObject({ new: 'Starting' });
  });
});

test('a transition that waited for the row sees the deadlines its winner armed', async () => {
  const [uuid] = (await pumps(1)) as [string];
  let late: Promise<unknown> | undefined;
  await database.dataSource.transaction(async (manager) => {
    await writer.transitionWithin(manager, database.binding, request(uuid, 'StartRequested'));
    // Its snapshot is taken before the commit, and it gets the row after it.
    late = writer.transition(database.binding, [request(uuid, 'Failed')]);
    await waitingForLock(database.dataSource);
  });
  expect(await late).toMatchObject([{ old: 'Starting', new: 'Idle', revision: 3 }]);
  expect(await deadlinesOf(uuid)).toEqual([]);
});

test('planned transitions are applied all or none', async () => {
  const [one, other] = (await pumps(2)) as [string, string];
  const plan = (uuid: string, revision: number) =>
    planTransition(
      database.binding,
      { uuid, state: 'Idle', revision },
      request(uuid, 'StartRequested'),
      {
        nextId: () => randomUUID(),
      },
    ) as PlannedTransition;
  await database.dataSource.transaction(async (manager) => {
    await expect(
      writer.applyWithin(manager, database.binding, [plan(one, 1), plan(other, 5)]),
    ).rejects.toMatchObject({ code: 'REVISION_CONFLICT', parameters: { uuid: other, actual: 1 } });
  });
  expect(await rowOf(one)).toMatchObject({ state: 'Idle', revision: 1 });
  expect(await journalOf(one)).toEqual([]);
});
