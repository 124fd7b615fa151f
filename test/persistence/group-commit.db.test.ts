import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bindResource } from '../../src/persistence/resource/binding.js';
import { GroupCommit } from '../../src/persistence/commit/group-commit.js';
import { openStore } from '../../src/persistence/open-store.js';
import { PostgresWriter } from '../../src/persistence/postgres/postgres-writer.js';
import type { TransitionResult } from '../../src/core/planning/transition-request.js';
import { step } from '../../src/core/lifecycle/step.js';
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
function counting(options: { readonly chainFrom?: number } = {}) {
  const sizes: number[] = [];
  const counted = {
    transition: (...[binding, batch]: Parameters<PostgresWriter['transition']>) => {
      sizes.push(batch.length);
      return writer.transition(binding, batch);
    },
  };
  const group = new GroupCommit(counted, options);
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

describe('transitions of one resource that wait together', () => {
  const ask = (group: GroupCommit, uuid: string, ...events: readonly string[]) =>
    Promise.allSettled(
      events.map((event) => group.transition(database.binding, request(uuid, event))),
    );
  const moved = (next: string, revision: number) => ({
    status: 'fulfilled',
    value: { new: next, revision },
  });
  const refused = (code: string) => ({ status: 'rejected', reason: { code } });

  test('share one commit, each caller with its own result', async () => {
    const [uuid] = (await pumps(1)) as [string];
    const { group, sizes } = counting({ chainFrom: 4 });
    expect(
      await ask(group, uuid, 'StartRequested', 'Tick', 'StopRequested', 'Started', 'Failed'),
    ).toMatchObject([
      moved('Starting', 2),
      moved('Starting', 3),
      refused('EVENT_NOT_LAWFUL'),
      moved('Running', 4),
      moved('Idle', 5),
    ]);
    expect(sizes).toEqual([5]);
    const journal = await journalOf(uuid);
    expect(journal.map(({ revision }) => revision)).toEqual([
      '2',
      '3',
      '4',
      '4',
      '4',
      '4',
      '4',
      '5',
      '5',
    ]);
  });

  test('go one by one while they are few', async () => {
    const [uuid] = (await pumps(1)) as [string];
    const { group, sizes } = counting({ chainFrom: 4 });
    await ask(group, uuid, 'StartRequested', 'Started', 'Tick');
    expect(sizes).toEqual([1, 1, 1]);
  });

  test('do not go behind others when a new one comes', async () => {
    const [early, ...late] = (await pumps(3)) as [string, ...string[]];
    const told: string[] = [];
    const group = new GroupCommit(writer, { maxBatch: 1, concurrency: 1 });
    const all = [early, ...late, early].map(async (uuid) => {
      await ask(group, uuid, 'StartRequested');
      told.push(uuid);
    });
    await Promise.all(all);
    expect(told).toEqual([early, ...late, early]);
  });

  test('end their chain before a guard, which reads the row as committed', async () => {
    const [uuid] = (await pumps(1, { state: 'Running' })) as [string];
    const { group, sizes } = counting({ chainFrom: 4 });
    const events = ['Tick', 'Tick', 'Tick', 'Tick', 'Drain', 'StopRequested', 'StartRequested'];
    expect((await ask(group, uuid, ...events)).slice(4)).toMatchObject([
      moved('Drained', 6),
      moved('Idle', 7),
      moved('Starting', 8),
    ]);
    expect(sizes).toEqual([4, 3]);
  });

  test('leave other resources of their batch theirs, whatever becomes of them', async () => {
    const [uuid, other] = (await pumps(2)) as [string, string];
    await database.dataSource.query(`ALTER TABLE pump ADD CONSTRAINT poison
      CHECK (uuid <> '${uuid}' OR state <> 'Running')`);
    try {
      const { group } = counting({ chainFrom: 4 });
      const events = ['StartRequested', 'Started', 'Tick', 'Failed', 'StartRequested', 'Tick'];
      const [poisoned, free] = await Promise.all([
        ask(group, uuid, ...events),
        ask(group, other, ...events),
      ]);
      expect(free).toMatchObject([
        moved('Starting', 2),
        moved('Running', 3),
        moved('Running', 4),
        moved('Idle', 5),
        moved('Starting', 6),
        moved('Starting', 7),
      ]);
      // Nothing of it is in the row in the end, and yet it is refused: each step is checked.
      expect(poisoned).toMatchObject([
        moved('Starting', 2),
        refused('CONSTRAINT_VIOLATED'),
        moved('Starting', 3),
        moved('Idle', 4),
        moved('Starting', 5),
        moved('Starting', 6),
      ]);
      expect((await journalOf(uuid)).map(({ revision }) => Number(revision))).toEqual([
        2, 3, 4, 5, 6,
      ]);
    } finally {
      await database.dataSource.query('ALTER TABLE pump DROP CONSTRAINT poison');
    }
  });

  test('write nothing where their commit fails', async () => {
    const [uuid] = (await pumps(1)) as [string];
    await database.dataSource.query(`ALTER TABLE pump ADD CONSTRAINT poison
      CHECK (uuid <> '${uuid}' OR revision < 4)`);
    try {
      const batch = ['StartRequested', 'Tick', 'Tick'].map((event) => request(uuid, event));
      await expect(writer.transition(database.binding, batch)).rejects.toMatchObject({
        code: 'CONSTRAINT_VIOLATED',
      });
      expect(await journalOf(uuid)).toEqual([]);
      expect(await database.dataSource.manager.findOneByOrFail(Pump, { uuid })).toMatchObject({
        state: 'Idle',
        revision: 1,
      });
    } finally {
      await database.dataSource.query('ALTER TABLE pump DROP CONSTRAINT poison');
    }
  });

  test('are seen one by one by a trigger', async () => {
    const [uuid] = (await pumps(1)) as [string];
    await database.dataSource.query(`
      CREATE TABLE seen (revision int);
      CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO seen VALUES (NEW.revision); RETURN NEW; END';
      CREATE TRIGGER see AFTER UPDATE ON pump FOR EACH ROW EXECUTE FUNCTION see()`);
    try {
      const { group, sizes } = counting({ chainFrom: 4 });
      await ask(group, uuid, 'StartRequested', 'Started', 'Tick', 'StopRequested');
      expect(sizes).toEqual([4]);
      expect(await database.dataSource.query('SELECT revision FROM seen')).toEqual(
        [2, 3, 4, 5].map((revision) => ({ revision })),
      );
    } finally {
      await database.dataSource.query('DROP TABLE seen; DROP FUNCTION see CASCADE');
    }
  });

  test('go one by one while the store says that together they are no quicker', async () => {
    const [uuid] = (await pumps(1, { state: 'Running' })) as [string];
    const ticks = Array.from({ length: 12 }, () => 'Tick');
    for (const [table, sizes] of [
      ['ALTER TABLE pump ADD CONSTRAINT low CHECK (level < 9)', ticks.map(() => 1)],
      ['ALTER TABLE pump DROP CONSTRAINT low', [1, 11]],
    ] as const) {
      await database.dataSource.query(table);
      const store = openStore(database.dataSource);
      const mayChain = await store.mayChain?.(database.binding);
      const seen: number[] = [];
      const group = new GroupCommit({
        mayChain: () => Promise.resolve(mayChain === true),
        transition: (binding, batch) => {
          seen.push(batch.length);
          return store.transition(binding, batch);
        },
      });
      await ask(group, uuid, ...ticks);
      expect(seen).toEqual(sizes);
    }
  });

  test('wait for their row without holding up others, and keep their order', async () => {
    const [held, free] = (await pumps(2)) as [string, string];
    const group = new GroupCommit(writer, { chainFrom: 4 });
    const events = ['StartRequested', 'Started', 'Tick', 'StopRequested', 'StartRequested'];
    let late: ReturnType<typeof ask> | undefined;
    await database.dataSource.transaction(async (manager) => {
      await writer.lockWithin(manager, database.binding, [held]);
      late = ask(group, held, ...events);
      // Inside the holder's own transaction: had they waited for its lock, this would never end.
      await ask(group, free, ...events);
    });
    expect(await late).toMatchObject([
      moved('Starting', 2),
      moved('Running', 3),
      moved('Running', 4),
      moved('Idle', 5),
      moved('Starting', 6),
    ]);
  });
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
      reason: { code: 'CONSTRAINT_VIOLATED', cause: { code: '23514' } },
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
  let late: Promise<TransitionResult> | undefined;
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
  let late: Promise<TransitionResult> | undefined;
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

test.each([2, 8])(
  'sixteen hot resources move on alike under many callers, chained from %i',
  async (chainFrom) => {
    const uuids = await pumps(16, { state: 'Running' });
    const group = new GroupCommit(writer, { maxBatch: 8, chainFrom });
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
    // Not alike to the step: a commit that the disk holds up holds up its own resources only.
    expect(Math.min(...counts)).toBeGreaterThan(Math.max(...counts) / 2);
    for (const [uuid, count] of moved) {
      expect(await database.dataSource.manager.findOneByOrFail(Pump, { uuid })).toMatchObject({
        revision: 1 + count,
      });
    }
  },
);

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
    const chains = fc.record({
      maxBatch: fc.constantFrom(5, 128),
      chainFrom: fc.constantFrom(2, 4, 8),
    });
    await fc.assert(
      fc.asyncProperty(
        walk,
        fc.integer({ min: 1, max: 12 }),
        chains,
        async (steps, callers, chain) => {
          const uuids = await pumps(8);
          const model = uuids.map(() => ({ state: 'Idle', revision: 1 }));
          const group = new GroupCommit(writer, chain);
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
        },
      ),
      { numRuns: 40 },
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

test('an answer that comes too late for the driver is no error: the journal tells what happened', async () => {
  const [uuid, other] = (await pumps(2)) as [string, string];
  await using line = await cutLine(database.url);
  const dataSource = await new DataSource({
    type: 'postgres',
    url: line.url,
    entities: [Pump],
    extra: { query_timeout: 1_000 },
  }).initialize();
  try {
    const group = new GroupCommit(new PostgresWriter(dataSource));
    const binding = bindResource(dataSource, Pump);
    await group.transition(binding, request(other, 'StartRequested'));
    line.muteServer();
    const moved = await group.transition(binding, request(uuid, 'StartRequested'));
    const [event] = await journalOf(uuid);
    expect(moved).toMatchObject({ new: 'Starting', revision: 2, events: [event?.id] });
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
