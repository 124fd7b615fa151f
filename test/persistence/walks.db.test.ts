import fc from 'fast-check';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SignalboxError } from '../../src/core/errors/errors.js';
import { GroupCommit } from '../../src/persistence/commit/group-commit.js';
import { eachDatabase } from '../support/databases.js';
import { type GuardedDatabase, Tank, guardedDatabase, tank } from './guarded-database.js';
import { request } from './pump-database.js';

/** One thing that one caller tries. */
interface Move {
  readonly resource: number;
  readonly event: string;
  readonly way: 'transition' | 'within' | 'send' | 'send twice' | 'rename';
  readonly rollsBack: boolean;
}

const resources = 4;

const move: fc.Arbitrary<Move> = fc.record({
  resource: fc.nat(resources - 1),
  event: fc.constantFrom('StartRequested', 'Started', ...tank.events),
  way: fc.constantFrom('transition', 'within', 'send', 'send twice', 'rename'),
  rollsBack: fc.boolean(),
});

const callers = fc.array(fc.array(move, { minLength: 1, maxLength: 12 }), {
  minLength: 2,
  maxLength: 6,
});

class RolledBack extends Error {}

eachDatabase((kind) => {
  let db: GuardedDatabase;
  let groupCommit: GroupCommit;
  beforeAll(async () => {
    db = await guardedDatabase(kind);
    // Two that wait are a chain: few callers make many.
    groupCommit = new GroupCommit(db.store, { chainFrom: 2 });
  });
  afterAll(() => db[Symbol.asyncDispose]());

  /** Resolves to how many revisions the move committed. Refusals and conflicts are part of life. */
  async function attempt({ event, way, rollsBack }: Move, uuid: string): Promise<number> {
    try {
      return await ways[way](uuid, event, rollsBack);
    } catch (error) {
      if (error instanceof RolledBack) return 0;
      if (error instanceof SignalboxError) {
        expect([
          'EVENT_NOT_LAWFUL',
          'GUARD_REFUSED',
          'REVISION_CONFLICT',
          'LOCK_CONFLICT',
        ]).toContain(error.code);
        return 0;
      }
      throw error;
    }
  }

  const within = (rollsBack: boolean, work: (manager: EntityManager) => Promise<number>) =>
    db.dataSource.transaction(async (manager) => {
      const revisions = await work(manager);
      if (rollsBack) throw new RolledBack();
      return revisions;
    });

  const sent = (uuid: string, events: readonly string[], rollsBack: boolean) =>
    within(rollsBack, async (manager) => {
      const entity = await manager.findOneByOrFail(Tank, { uuid });
      for (const event of events) db.subscriber.send(entity, event);
      entity.label = events.join();
      await manager.save(entity);
      return events.length;
    });

  const ways = {
    async transition(uuid: string, event: string) {
      await groupCommit.transition(db.tanks, request(uuid, event));
      return 1;
    },
    within: (uuid: string, event: string, rollsBack: boolean) =>
      within(rollsBack, async (manager) => {
        const outcome = await db.store.transitionWithin(manager, db.tanks, request(uuid, event));
        return outcome instanceof Error ? 0 : 1;
      }),
    send: (uuid: string, event: string, rollsBack: boolean) => sent(uuid, [event], rollsBack),
    'send twice': (uuid: string, event: string, rollsBack: boolean) =>
      sent(uuid, [event, 'Tick'], rollsBack),
    async rename(uuid: string, event: string) {
      const entity = await db.tank(uuid);
      entity.label = event;
      await db.dataSource.manager.save(entity);
      return 0;
    },
  };

  test('whatever concurrent callers do, journal, rows and answers agree with the lifecycle', async () => {
    await fc.assert(
      fc.asyncProperty(callers, async (walks) => {
        const tanks = await db.dataSource.manager.save(
          Array.from({ length: resources }, () => db.dataSource.manager.create(Tank, {})),
        );
        const committed = new Map<string, number>(tanks.map(({ uuid }) => [uuid, 1]));
        await Promise.all(
          walks.map(async (walk) => {
            for (const step of walk) {
              const { uuid } = tanks[step.resource] as Tank;
              const revisions = await attempt(step, uuid);
              committed.set(uuid, (committed.get(uuid) ?? 0) + revisions);
            }
          }),
        );
        for (const { uuid } of tanks) {
          const states = (await db.told(uuid)).filter(
            ({ category }) => category === 'ResourceStateEvent',
          );
          // Revisions are 1..n without a gap, in the order of the journal.
          expect(states.map(({ revision }) => revision)).toEqual(states.map((_, i) => i + 1));
          expect(states).toHaveLength(committed.get(uuid) as number);
          // Each is a step the lifecycle knows, from where the one before led.
          let state: string | null = null;
          for (const { data } of states) {
            expect(data['old']).toBe(state);
            if (state !== null) {
              const rows = tank.table.rows.get(state)?.get(data['event'] as string);
              expect(rows?.map(({ to }) => to)).toContain(data['new']);
            }
            state = data['new'] as string;
          }
          const row = await db.tank(uuid);
          expect(row.state).toBe(state);
          expect(row.revision).toBe(states.length);
          const armed = tank.table.armed.get(state as string) ?? [];
          expect(await db.armed(uuid)).toEqual(armed.map(({ id }) => id));
        }
      }),
      { numRuns: 25 },
    );
  }, 120_000);
});
