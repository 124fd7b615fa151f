import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nextEventId } from '../../../src/core/identity/event-id.js';
import { databaseError } from '../../../src/persistence/commit/database-errors.js';
import { MysqlWriter } from '../../../src/persistence/mysql/mysql-writer.js';
import { type GuardedDatabase, guardedDatabase, Tank } from '../guarded-database.js';
import { request } from '../pump-database.js';

const pairs = 20;

/** Tables that take no row locks and roll nothing back, as if they were changed behind Signalbox. */
describe.each(['MyISAM', 'MEMORY'])('on a table of %s', (engine) => {
  let db: GuardedDatabase;

  beforeAll(async () => {
    db = await guardedDatabase('mariadb', () => ({ poolSize: 20 }));
    await db.dataSource.query(`ALTER TABLE tank ENGINE = ${engine}`);
  });
  afterAll(() => db[Symbol.asyncDispose]());

  type Move = (uuid: string) => Promise<unknown>;

  const within =
    (writer: MysqlWriter): Move =>
    (uuid) =>
      db.dataSource.transaction((manager) =>
        writer.transitionWithin(
          manager,
          db.tanks,
          request(uuid, 'StartRequested', { expectedRevision: 1 }),
        ),
      );

  const alone =
    (writer: MysqlWriter): Move =>
    async (uuid) =>
      (
        await writer.transition(db.tanks, [
          request(uuid, 'StartRequested', { expectedRevision: 1 }),
        ])
      )[0];

  const saved: Move = (uuid) =>
    db.dataSource.transaction(async (manager) => {
      const tank = await manager.findOneByOrFail(Tank, { uuid });
      if (tank.revision !== 1) throw new Error('read too late');
      db.subscriber.send(tank, 'StartRequested', {});
      await manager.save(tank);
    });

  const abilities = [
    { compound: true, skipLocked: true },
    { compound: false, skipLocked: false },
  ];
  const paths: readonly (readonly [string, () => Move])[] = [
    ...abilities.flatMap((known) => {
      const how = known.compound ? 'in blocks' : 'statement by statement';
      const writer = () => new MysqlWriter(db.dataSource, nextEventId, known);
      return [
        [`alone, ${how}`, () => alone(writer())],
        [`within a transaction, ${how}`, () => within(writer())],
      ] as const;
    }),
    ['by send() and save()', () => saved],
  ];

  test.each(paths)('each revision is won once, %s', async (_, make) => {
    const move = make();
    const tanks = await Promise.all(Array.from({ length: pairs }, () => db.newTank()));
    const outcomes = await Promise.all(
      tanks.map(async ({ uuid }) => ({
        uuid,
        ends: await Promise.all(
          [1, 2].map(() =>
            move(uuid).then(
              (end) => end,
              (error: unknown) => databaseError(error),
            ),
          ),
        ),
      })),
    );
    for (const { uuid, ends } of outcomes) {
      const won = ends.filter((end) => !(end instanceof Error));
      const told = await db.told(uuid);
      expect(
        told
          .filter(({ category }) => category === 'ResourceStateEvent')
          .map(({ revision }) => revision),
      ).toEqual(won.length === 0 ? [1] : [1, 2]);
      expect(won.length).toBeLessThanOrEqual(1);
    }
    expect(
      outcomes.flatMap(({ ends }) => ends).filter((end) => !(end instanceof Error)).length,
    ).toBeGreaterThan(pairs / 2);
  });

  test('each revision is won once, in batches of two writers', async () => {
    const tanks = await Promise.all(Array.from({ length: 60 }, () => db.newTank()));
    const batch = tanks.map(({ uuid }) => request(uuid, 'StartRequested', { expectedRevision: 1 }));
    const writers = abilities.map((known) => new MysqlWriter(db.dataSource, nextEventId, known));
    const ends = await Promise.all(
      [...writers, ...writers].map((writer) =>
        writer.transition(db.tanks, batch).catch((error: unknown) => batch.map(() => error)),
      ),
    );
    for (const [index, { uuid }] of tanks.entries()) {
      const won = ends.filter((outcomes) => !(outcomes[index] instanceof Error)).length;
      const changes = (await db.told(uuid)).filter(
        ({ category }) => category === 'ResourceStateEvent',
      );
      expect(won).toBeLessThanOrEqual(1);
      expect(changes).toHaveLength(1 + won);
    }
  });
});
