import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bindResource } from '../../src/store/binding.js';
import { GroupCommit } from '../../src/store/group-commit.js';
import { PostgresWriter } from '../../src/store/postgres/postgres-writer.js';
import type { Transitioned } from '../../src/store/store.js';
import { step } from '../../src/lifecycle/step.js';
import { eventually } from '../support/eventually.js';
import { startNode } from '../support/run-node.js';
import { cutLine } from './cut-line.js';
import { pump } from './pump.js';
import { type PumpDatabase, pumpDatabase, request } from './pump-database.js';
import { Pump } from './pump-entity.js';

let database: PumpDatabase;
let writer: PostgresWriter;

beforeAll(async () => {
  database = await pumpDatabase();
  writer = new PostgresWriter(database.dataSource);
});
afterAll(() => database[Symbol.asyncDispose]());

async function pumps(count: number, columns?: Partial<Pump>): Promise<string[]> {
  const uuids = Array.from({ length: count }, () => randomUUID());
  await database.fill(uuids, columns);
  return uuids;
}

const journalOf = (uuid: string) =>
  database.dataSource.query<{ id: string; revision: string; category: string; payload: string }[]>(
    'SELECT id, revision, category, payload FROM signalbox_journal WHERE uuid = $1 ORDER BY position',
    [uuid],
  );

/** Counts what reaches the store. */
function counting() {
  const sizes: number[] = [];
  const group = new GroupCommit({
    transition: (binding, batch) => {
      sizes.push(batch.length);
      return writer.transition(binding, batch);
    },
  });
  return { group, sizes };
}

test('callers that ask at once share commits, each with its own result', async () => {
  const uuids = await pumps(100);
  const { group, sizes } = counting();
  const outcomes = await Promise.all(
    uuids.map((uuid) => group.transition(database.binding, request(uuid, 'StartRequested'))),
  );
  expect(outcomes.map(({ uuid }) => uuid)).toEqual(uuids);
  expect(sizes).toEqual([100]);
});

test('callers that were answered together go together again', async () => {
  const uuids = await pumps(20, { state: 'Running' });
  const { group, sizes } = counting();
  const caller = async (uuid: string, thoughts: number) => {
    for (let round = 0; round < 4; round += 1) {
      await group.transition(database.binding, request(uuid, 'Tick'));
      // Some take longer to ask again, as those do who go through more layers.
      for (let thought = 0; thought < thoughts; thought += 1) await Promise.resolve();
    }
  };
  await Promise.all(uuids.map(caller));
  expect(sizes).toEqual([20, 20, 20, 20]);
});

test('one caller alone does not wait for a second one', async () => {
  const [uuid] = (await pumps(1)) as [string];
  const { group, sizes } = counting();
  await group.transition(database.binding, request(uuid, 'StartRequested'));
  await group.transition(database.binding, request(uuid, 'Started'));
  expect(sizes).toEqual([1, 1]);
});

test('transitions of one resource go in the order they were asked for', async () => {
  const [uuid] = (await pumps(1)) as [string];
  const group = new GroupCommit(writer);
  const events = ['StartRequested', 'Started', 'Tick', 'StopRequested', 'StartRequested', 'Failed'];
  const outcomes = await Promise.all(
    events.map((event) => group.transition(database.binding, request(uuid, event))),
  );
  expect(outcomes.map(({ revision }) => revision)).toEqual([2, 3, 4, 5, 6, 7]);
});

test('a refusal, a conflict and an unknown resource fail nobody else', async () => {
  const [good, refused, conflict] = (await pumps(3)) as [string, string, string];
  const group = new GroupCommit(writer);
  const results = await Promise.allSettled([
    group.transition(database.binding, request(refused, 'Started')),
    group.transition(database.binding, request(good, 'StartRequested')),
    group.transition(
      database.binding,
      request(conflict, 'StartRequested', { expectedRevision: 4 }),
    ),
    group.transition(database.binding, request(randomUUID(), 'StartRequested')),
  ]);
  expect(results).toMatchObject([
    { status: 'rejected', reason: { code: 'EVENT_NOT_LAWFUL' } },
    { status: 'fulfilled', value: { uuid: good, new: 'Starting' } },
    { status: 'rejected', reason: { code: 'REVISION_CONFLICT' } },
    { status: 'rejected', reason: { code: 'UNKNOWN_RESOURCE' } },
  ]);
});

test('a row that the database refuses fails its own caller alone', async () => {
  const uuids = await pumps(40);
  const poison = uuids[23] as string;
  await database.dataSource.query(`ALTER TABLE pump ADD CONSTRAINT poison
    CHECK (uuid <> '${poison}' OR state = 'Idle')`);
  try {
    const { group, sizes } = counting();
    const results = await Promise.allSettled(
      uuids.map((uuid) => group.transition(database.binding, request(uuid, 'StartRequested'))),
    );
    expect(results.map(({ status }) => status)).toEqual(
      uuids.map((uuid) => (uuid === poison ? 'rejected' : 'fulfilled')),
    );
    expect(results[23]).toMatchObject({
      reason: { code: 'DATABASE_ERROR', cause: { code: '23514' } },
    });
    expect(await journalOf(poison)).toEqual([]);
    expect(sizes[0]).toBe(40);
  } finally {
    await database.dataSource.query('ALTER TABLE pump DROP CONSTRAINT poison');
  }
});

test('a row that somebody else holds keeps nobody else waiting', async () => {
  const [held, ...free] = (await pumps(20)) as [string, ...string[]];
  const group = new GroupCommit(writer);
  let late: Promise<Transitioned> | undefined;
  await database.dataSource.transaction(async (manager) => {
    await writer.lockWithin(manager, database.binding, [held]);
    const ask = (uuid: string) =>
      group.transition(database.binding, request(uuid, 'StartRequested'));
    late = ask(held);
    // Inside the holder's own transaction: had they waited for its lock, this would never end.
    await Promise.all(free.map(ask));
    await Promise.all(
      free.map((uuid) => group.transition(database.binding, request(uuid, 'Started'))),
    );
  });
  expect(await late).toMatchObject({ uuid: held, new: 'Starting' });
});

test('a row that somebody else holds keeps no guarded transition of another waiting', async () => {
  const [held, ...free] = (await pumps(5, { state: 'Running' })) as [string, ...string[]];
  const group = new GroupCommit(writer);
  const ask = (uuid: string) => group.transition(database.binding, request(uuid, 'Drain'));
  let late: Promise<Transitioned> | undefined;
  await database.dataSource.transaction(async (manager) => {
    await writer.lockWithin(manager, database.binding, [held]);
    late = ask(held);
    await Promise.all(free.map(ask));
  });
  expect(await late).toMatchObject({ uuid: held, new: 'Drained' });
  await expect(Promise.all([ask(randomUUID()), ask(randomUUID())])).rejects.toMatchObject({
    code: 'UNKNOWN_RESOURCE',
  });
});

test('sixteen hot resources move on alike under many callers', async () => {
  const uuids = await pumps(16, { state: 'Running' });
  const group = new GroupCommit(writer, { maxBatch: 8 });
  const moved = new Map(uuids.map((uuid) => [uuid, 0]));
  let left = 1_600;
  const caller = async (index: number) => {
    const uuid = uuids[index % 16] as string;
    while (left > 0) {
      left -= 1;
      await group.transition(database.binding, request(uuid, 'Tick'));
      moved.set(uuid, (moved.get(uuid) as number) + 1);
    }
  };
  await Promise.all(Array.from({ length: 64 }, (_, index) => caller(index)));
  const counts = [...moved.values()];
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(8);
  for (const [uuid, count] of moved) {
    expect(await database.dataSource.manager.findOneByOrFail(Pump, { uuid })).toMatchObject({
      revision: 1 + count,
    });
  }
});

test('two processes that move the same resources in opposite order never deadlock', async () => {
  const uuids = (await pumps(60, { state: 'Running' })).toSorted();
  const child = resolve(import.meta.dirname, 'fixtures/group-commit-child.ts');
  const args = [database.url, '12', ...uuids];
  await using one = startNode(child, ['forward', ...args]);
  await using other = startNode(child, ['backward', ...args]);
  const reports = await Promise.all([one.exited, other.exited]);
  expect(reports).toMatchObject([
    { code: 0, stderr: '' },
    { code: 0, stderr: '' },
  ]);
  for (const uuid of uuids) {
    const journal = await journalOf(uuid);
    expect(journal.map(({ revision }) => Number(revision))).toEqual(
      Array.from({ length: 24 }, (_, index) => index + 2),
    );
  }
});

test('close waits for what is under way and takes no more', async () => {
  const uuids = await pumps(30);
  const group = new GroupCommit(writer, { maxBatch: 4, concurrency: 1 });
  const asked = uuids.map((uuid) =>
    group.transition(database.binding, request(uuid, 'StartRequested')),
  );
  await group.close();
  await group.close();
  expect(await Promise.all(asked)).toHaveLength(30);
  await expect(
    group.transition(database.binding, request(uuids[0] as string, 'Started')),
  ).rejects.toMatchObject({ code: 'CLOSED' });
});

test(
  'random walks by concurrent callers end where the model says',
  { timeout: 120_000 },
  async () => {
    const events = pump.events;
    const walk = fc.array(
      fc.record({
        resource: fc.nat(7),
        event: fc.constantFrom(...events),
      }),
      { minLength: 1, maxLength: 120 },
    );
    await fc.assert(
      fc.asyncProperty(walk, fc.integer({ min: 1, max: 12 }), async (steps, callers) => {
        const uuids = await pumps(8);
        const model = uuids.map(() => ({ state: 'Idle', revision: 1 }));
        const group = new GroupCommit(writer, { maxBatch: 5 });
        const queue = steps.map((asked) => ({ ...asked }));
        const told: Promise<void>[] = [];
        const caller = async () => {
          for (let asked = queue.shift(); asked !== undefined; asked = queue.shift()) {
            const { resource, event } = asked;
            const uuid = uuids[resource] as string;
            // Requests of one resource keep their order, so the model steps when they are asked.
            const current = model[resource] as { state: string; revision: number };
            const expected = step(
              pump,
              { state: current.state as never, context: { level: 0 } },
              event as never,
            );
            const result = group.transition(database.binding, request(uuid, event));
            if (expected.lawful) {
              current.state = expected.next;
              current.revision += 1;
              const revision = current.revision;
              const next = expected.next;
              told.push(
                result.then((outcome) => expect(outcome).toMatchObject({ new: next, revision })),
              );
            } else {
              told.push(
                result.then(
                  () => expect.unreachable(),
                  (error: unknown) =>
                    expect(error).toMatchObject({ code: expected.refusals[0].code }),
                ),
              );
            }
            await Promise.race([result.catch(() => {}), Promise.resolve()]);
          }
        };
        await Promise.all(Array.from({ length: callers }, caller));
        await Promise.all(told);
        for (const [index, uuid] of uuids.entries()) {
          const row = await database.dataSource.manager.findOneByOrFail(Pump, { uuid });
          expect({ state: row.state, revision: row.revision }).toEqual(model[index]);
          const states = (await journalOf(uuid)).filter(
            ({ category }) => category === 'ResourceStateEvent',
          );
          expect(states.map(({ revision }) => Number(revision))).toEqual(
            Array.from({ length: row.revision - 1 }, (_, place) => place + 2),
          );
        }
        const [{ missing }] = await database.dataSource.query<[{ missing: string }]>(
          `SELECT count(*) AS missing FROM signalbox_journal j
          WHERE NOT EXISTS (SELECT FROM signalbox_outbox o WHERE o.position = j.position)`,
        );
        expect(missing).toBe('0');
      }),
      { numRuns: 25 },
    );
  },
);

test('a connection cut after the commit is no error: the journal tells what happened', async () => {
  const [uuid, other] = (await pumps(2)) as [string, string];
  await using line = await cutLine(database.url);
  const dataSource = await new DataSource({
    type: 'postgres',
    url: line.url,
    entities: [Pump],
  }).initialize();
  try {
    const group = new GroupCommit(new PostgresWriter(dataSource));
    const binding = bindResource(dataSource, Pump);
    await group.transition(binding, request(other, 'StartRequested'));
    line.muteServer();
    const asked = group.transition(binding, request(uuid, 'StartRequested'));
    const [event] = await eventually(async () => {
      const journal = await journalOf(uuid);
      expect(journal).toHaveLength(1);
      return journal;
    });
    line.cut();
    expect(await asked).toEqual({
      uuid,
      old: 'Idle',
      new: 'Starting',
      revision: 2,
      changed: true,
      events: [event?.id],
    });
  } finally {
    await dataSource.destroy();
  }
});

test('a connection cut before the commit is an error that says nothing was committed', async () => {
  const [uuid] = (await pumps(1)) as [string];
  let cut: Promise<unknown> | undefined;
  await database.dataSource.transaction(async (manager) => {
    await writer.lockWithin(manager, database.binding, [uuid]);
    cut = new GroupCommit(writer)
      .transition(database.binding, request(uuid, 'StartRequested'))
      .catch((error: unknown) => error);
    await eventually(async () => {
      const killed = await database.dataSource.query<unknown[]>(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      expect(killed).toHaveLength(1);
    });
    expect(await cut).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });
  expect(await journalOf(uuid)).toEqual([]);
});
