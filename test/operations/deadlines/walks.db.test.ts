import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { v4 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';
import { readDeadlineId } from '../../../src/core/planning/deadline-place.js';
import { eachDatabase, freshDatabase, type FreshDatabase } from '../../support/databases.js';
import {
  Box,
  type DelaySpec,
  deploy,
  type Deployed,
  openBoxes,
  version,
} from './deployed-version.js';

const long = process.env['SIGNALBOX_FAULTS'] === 'long';
const names = ['A', 'B', 'C'] as const;
const minute = 60_000;

/** Minutes, all different, and where the last leads. */
const delays = fc.option(
  fc.record({
    delays: fc
      .uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 2 })
      .map((minutes) => minutes.map((each) => each * minute)),
    target: fc.option(fc.constantFrom(...names), { nil: undefined }),
  }),
  { nil: undefined, freq: 4 },
);

const lifecycles = fc.array(fc.record({ A: delays, B: delays, C: delays }), {
  minLength: 2,
  maxLength: 4,
});

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      box: fc.nat(5),
      to: fc.constantFrom(...names),
      process: fc.nat(1),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      minutes: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('sweep' as const), process: fc.nat(1) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('deploy' as const),
      version: fc.nat(3),
      process: fc.nat(1),
    }),
  },
);

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

  const pass = async (minutes: number): Promise<void> => {
    const earlier = {
      postgres: `due_at - ${minutes} * interval '1 minute'`,
      mariadb: `due_at - INTERVAL ${minutes} MINUTE`,
      sqlite: `due_at - ${minutes * minute}`,
    }[kind];
    await sources[0]?.query(`UPDATE signalbox_deadline SET due_at = ${earlier}`);
  };

  test('through random deploys each resource keeps its deadlines, and none fires before its time or elsewhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        lifecycles,
        fc.array(fc.record({ state: fc.constantFrom(...names) }), { minLength: 3, maxLength: 6 }),
        fc.array(step, { minLength: 5, maxLength: 30 }),
        async (specs, population, steps) => {
          const versions = specs.map((spec, index) =>
            version(index + 1, spec as Record<string, DelaySpec | undefined>),
          );
          const newest = versions.at(-1) as AnyLifecycle;
          const first = sources[0] as DataSource;
          for (const table of ['signalbox_deadline', 'box']) {
            await first.query(`DELETE FROM ${table}`);
          }
          const uuids = population.map(() => v4());
          for (const [index, { state }] of population.entries()) {
            await first.manager.insert(Box, { uuid: uuids[index] as string, state, revision: 1 });
          }
          /** What the test knows: since when each is in its state, in minutes, and what was told of it. */
          let now = 0;
          const life = new Map(
            population.map(({ state }, index) => [
              uuids[index] as string,
              { state: state as string, since: 0, revision: 1, told: 0 },
            ]),
          );
          /** Reads what the journal tells since, and holds it against what the test knows. */
          const follow = async ({ store }: Deployed): Promise<void> => {
            for (const [uuid, known] of life) {
              const events = await store.journal.read({ uuid, limit: 1000 });
              for (const { type, category, payload } of events.slice(known.told)) {
                const { data } = JSON.parse(payload) as { readonly data: Told };
                const fired =
                  type === 'DeadlineExceeded'
                    ? String(data.reason).replace(/^deadline (.*) passed$/u, '$1')
                    : data.details?.deadline;
                if (fired !== undefined) {
                  const { node, after } = readDeadlineId(fired);
                  expect({ uuid, node }).toEqual({ uuid, node: known.state });
                  expect(now - known.since).toBeGreaterThanOrEqual(after / minute);
                }
                if (category === 'ResourceStateEvent') {
                  expect(data.old).toBe(known.state);
                  // Another step to the same state: it has not left it, whatever a version restarts.
                  if (data.new !== data.old) known.since = now;
                  known.state = String(data.new);
                }
              }
              known.told = events.length;
            }
          };
          const start = async (index: number, wanted: number): Promise<Deployed> => {
            const process = deploy(
              sources[index] as DataSource,
              versions[wanted % versions.length] as AnyLifecycle,
            );
            await process.reconcile();
            return process;
          };
          const processes = [await start(0, 0), await start(1, 0)];
          for (const each of steps) {
            const process = processes['process' in each ? each.process : 0] as Deployed;
            if (each.kind === 'move') {
              const uuid = uuids[each.box % uuids.length] as string;
              await process.move(uuid, each.to);
            } else if (each.kind === 'pass') {
              await pass(each.minutes);
              now += each.minutes;
            } else if (each.kind === 'sweep') {
              await process.sweep();
            } else {
              await process.close();
              processes[each.process] = await start(each.process, each.version);
            }
            await follow(process);
          }
          // The last deploy: only processes of the newest version are left.
          for (const process of processes) await process.close();
          const last = await start(0, versions.length - 1);
          await follow(last);
          for (const [uuid, { state }] of life) {
            const armed = await last.store.deadlines.list({ limit: 10, uuid });
            const here = armed.filter(({ deadline }) => readDeadlineId(deadline).node === state);
            const required = newest.table.armed.get(state) ?? [];
            const events = await last.store.journal.read({ uuid, limit: 1000 });
            const entered = events.findLastIndex(({ category, payload }) => {
              const { data } = JSON.parse(payload) as { readonly data: Told };
              return category === 'ResourceStateEvent' && data.old !== data.new;
            });
            const told = events
              .slice(entered + 1)
              .flatMap(({ payload }) => {
                const { data } = JSON.parse(payload) as { readonly data: Told };
                return data.details?.deadline ?? [];
              })
              .map((id) => readDeadlineId(id).after);
            for (const { id, after } of required) {
              const spent = told.some((each) => each >= after);
              expect({
                uuid,
                id,
                armed: here.some(({ deadline }) => deadline === id) || spent,
              }).toEqual({ uuid, id, armed: true });
            }
          }
          // All that waits fires in the end, and nothing of what has left stays.
          for (let round = 0; round < 4; round += 1) {
            await pass(10);
            now += 10;
            await last.sweep();
            await follow(last);
          }
          await last.close();
          const left = await last.store.deadlines.list({ limit: 100 });
          for (const { uuid, deadline } of left) {
            expect(life.get(uuid)?.state).toBe(readDeadlineId(deadline).node);
          }
        },
      ),
      { numRuns: long ? 200 : 6 },
    );
  });
});

interface Told {
  readonly old?: string | null;
  readonly new?: string | null;
  readonly reason?: string;
  readonly details?: { readonly deadline?: string };
}
