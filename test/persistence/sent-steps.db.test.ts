import { cloudStackEventTypes } from '../../machines/index.js';
import {
  Column,
  DataSource,
  type DataSourceOptions,
  DeleteDateColumn,
  Entity,
  type EntityManager,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
} from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { eachDatabase, type FreshDatabase, freshDatabase } from '../support/databases.js';

const lamp = defineLifecycle({
  resource: 'Lamp',
  version: 1,
  machine: setup({
    types: {} as { events: { type: 'Die' } | { type: 'Flicker' } },
  }).createMachine({
    initial: 'Lit',
    states: { Lit: { on: { Die: 'Dead', Flicker: 'Lit' } }, Dead: {} },
  }),
});

@Entity('room')
class Room {
  @PrimaryColumn({ type: String, length: 36 }) id!: string;
  @Column({ type: String, length: 20, default: '' }) name!: string;
  @OneToMany(() => Lamp, (each) => each.room, { cascade: true }) lamps!: Lamp[];
  @DeleteDateColumn({ type: Date, nullable: true }) deletedAt!: Date | null;
}

@Entity('lamp')
class Lamp extends ResourceEntity<typeof lamp> {
  static readonly lifecycle = lamp;
  @Column({ type: String, length: 20, default: '' }) label!: string;
  @ManyToOne(() => Room, (room) => room.lamps, { nullable: true, orphanedRowAction: 'soft-delete' })
  @JoinColumn({ name: 'room_id' })
  room!: Room | null;
  @DeleteDateColumn({ type: Date, nullable: true }) deletedAt!: Date | null;
}

interface Given {
  readonly manager: EntityManager;
  readonly sent: Lamp;
  readonly room: Room;
  readonly uuid: string;
}
type Way = (given: Given) => Promise<unknown>;

/** Everything that somebody may do with an entity to which a step was sent, before the transaction ends. */
const ways = (dataSource: () => DataSource, signalbox: () => Signalbox): Record<string, Way> => ({
  save: ({ manager, sent }) => manager.save(sent),
  'save of other columns too': ({ manager, sent }) =>
    manager.save(Object.assign(sent, { label: 'x' })),
  'save of a list': ({ manager, sent }) => manager.save([sent], { chunk: 1 }),
  'save by the repository': ({ manager, sent }) => manager.getRepository(Lamp).save(sent),
  'save without a reload': ({ manager, sent }) => manager.save(sent, { reload: false }),
  'save by a cascade': ({ manager, sent, room }) =>
    manager.save(Object.assign(room, { name: 'y', lamps: [sent] })),
  'save of the relation without the entity': ({ manager, room }) =>
    manager.save(Object.assign(room, { name: 'z' })),
  'save in a savepoint': ({ manager, sent }) => manager.transaction((inner) => inner.save(sent)),
  'save in a savepoint that is rolled back': ({ manager, sent }) =>
    manager
      .transaction(async (inner) => {
        await inner.save(sent);
        throw new Error('back');
      })
      .catch(() => undefined),
  'send and no save in a savepoint, save behind it': ({ manager, sent }) =>
    manager.transaction(async () => undefined).then(() => manager.save(sent)),
  'send and no save in a savepoint': ({ manager, sent }) =>
    manager.transaction(async () => signalbox().send(sent, 'Flicker')).catch(() => undefined),
  'save without listeners': ({ manager, sent }) => manager.save(sent, { listeners: false }),
  'save without listeners, caught': ({ manager, sent }) =>
    manager.save(sent, { listeners: false }).catch(() => undefined),
  'save of another object of the row': async ({ manager, uuid }) =>
    manager.save(Object.assign(await manager.findOneByOrFail(Lamp, { uuid }), { label: 'other' })),
  'save of a copy': ({ manager, sent }) => manager.save(Lamp, Object.assign({}, sent)),
  'save of a copy, caught': ({ manager, sent }) =>
    manager.save(Lamp, Object.assign({}, sent)).catch(() => undefined),
  'save of what is made of it': ({ manager, sent }) => manager.save(manager.create(Lamp, sent)),
  'save of what is preloaded with it': async ({ manager, sent }) =>
    manager.save((await manager.preload(Lamp, sent)) as Lamp),
  'save after a reload': async ({ manager, sent, uuid }) => {
    manager.merge(Lamp, sent, await manager.findOneByOrFail(Lamp, { uuid }));
    return manager.save(sent);
  },
  'save that another hook fails, caught': async ({ manager, sent }) => {
    const { subscribers } = dataSource();
    subscribers.unshift({
      beforeUpdate() {
        throw new Error('hook');
      },
    });
    await manager.save(sent).catch(() => undefined);
    subscribers.shift();
  },
  softRemove: ({ manager, sent }) => manager.softRemove(sent),
  'softRemove of a list': ({ manager, sent }) => manager.softRemove([sent]),
  'softRemove by a cascade': ({ manager, sent, room }) =>
    manager.softRemove(Object.assign(room, { lamps: [sent] })),
  'softRemove of the relation without the entity': ({ manager, room }) => manager.softRemove(room),
  'softRemove as an orphan': ({ manager, room }) =>
    manager.save(Object.assign(room, { lamps: [] })),
  'softRemove without listeners': ({ manager, sent }) =>
    manager.softRemove(sent, { listeners: false }),
  'softDelete in bulk': ({ manager, uuid }) => manager.softDelete(Lamp, { uuid }),
  'softDelete in bulk, caught': ({ manager, uuid }) =>
    manager.softDelete(Lamp, { uuid }).catch(() => undefined),
  'softDelete by a builder without listeners': ({ manager, uuid }) =>
    manager
      .createQueryBuilder()
      .softDelete()
      .from(Lamp)
      .where({ uuid })
      .callListeners(false)
      .execute(),
  recover: ({ manager, sent }) => manager.recover(sent),
  'recover by a cascade': ({ manager, sent, room }) =>
    manager.recover(Object.assign(room, { lamps: [sent] })),
  'restore in bulk': ({ manager, uuid }) => manager.restore(Lamp, { uuid }),
  remove: ({ manager, sent }) => manager.remove(sent),
  insert: ({ manager, sent }) => manager.insert(Lamp, sent),
  'update in bulk': ({ manager, sent, uuid }) =>
    manager.update(Lamp, { uuid }, { state: sent.state, label: 'u' }),
  'update of other columns in bulk': ({ manager, uuid }) =>
    manager.update(Lamp, { uuid }, { label: 'u' }),
  upsert: ({ manager, sent }) => manager.upsert(Lamp, sent, ['uuid']),
  'update by a builder': ({ manager, sent, uuid }) =>
    manager.createQueryBuilder().update(Lamp).set({ state: sent.state }).where({ uuid }).execute(),
  'nothing at all': async () => undefined,
});

eachDatabase((kind) => {
  let database: FreshDatabase;
  let dataSource: DataSource;
  let signalbox: Signalbox;
  beforeAll(async () => {
    database = await freshDatabase(kind);
    dataSource = await new DataSource({
      ...database.options,
      entities: [Room, Lamp],
      migrations: [...migrations],
      synchronize: true,
    } as DataSourceOptions).initialize();
    await migrate(dataSource);
    signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Lamp],
      deadlines: false,
    });
  });
  afterAll(async () => {
    await signalbox.close();
    await dataSource.destroy();
    await database.dispose();
  });

  const find = (manager: EntityManager, uuid: string) =>
    manager.findOneOrFail(Lamp, { where: { uuid }, withDeleted: true });

  /** How the entity came into the hand of whoever sends to it. */
  const origins: Record<string, (manager: EntityManager, uuid: string) => Promise<Lamp>> = {
    'read in the transaction': find,
    'read in a savepoint': (manager, uuid) => manager.transaction((inner) => find(inner, uuid)),
    'read before, and saved in the transaction': async (manager, uuid) => {
      const early = await find(dataSource.manager, uuid);
      return manager.save(Object.assign(early, { label: 'early' }));
    },
  };

  test('a step sent in a transaction to an entity that was read before it must be saved too', async () => {
    const { uuid } = await signalbox.create(Lamp, {});
    const early = await find(dataSource.manager, uuid);
    const unsaved = dataSource.transaction(async () => signalbox.send(early, 'Die'));
    await expect(unsaved).rejects.toMatchObject({ code: 'TRANSACTION_LOST' });
    expect(early).toMatchObject({ state: 'Lit', revision: 1 });
    await dataSource.transaction(async (manager) => {
      signalbox.send(early, 'Die');
      await manager.save(early);
    });
    expect(await find(dataSource.manager, uuid)).toMatchObject({ state: 'Dead', revision: 2 });
  });

  const committed = new Set<string>();
  const cases = Object.keys(
    ways(
      () => dataSource,
      () => signalbox,
    ),
  ).flatMap((way) =>
    Object.keys(origins)
      // Where the entity comes from matters where nobody saves it.
      .filter((origin) => origin === 'read in the transaction' || /nothing|no save/.test(way))
      .map((origin) => [way, origin] as const),
  );

  test.each(cases)(
    'a step is saved and announced, or its loss refused: %s, %s',
    async (name, origin) => {
      const way = ways(
        () => dataSource,
        () => signalbox,
      )[name] as Way;
      const room = await dataSource.manager.save(Room, { id: crypto.randomUUID() });
      const { uuid } = await signalbox.create(Lamp, { room });
      let sent: Lamp | undefined;
      const outcome = await dataSource
        .transaction(async (manager) => {
          sent = await (origins[origin] as (typeof origins)[string])(manager, uuid);
          const ownRoom = await manager.findOneByOrFail(Room, { id: room.id });
          signalbox.send(sent, 'Die');
          await way({ manager, sent, room: ownRoom, uuid });
        })
        .then(
          () => 'committed' as const,
          (error: unknown) => error,
        );
      const row = await dataSource.manager.findOne(Lamp, { where: { uuid }, withDeleted: true });
      const told = (await signalbox.history(Lamp, uuid)).map(({ type }) => type);
      if (outcome === 'committed') committed.add(name);
      if (name === 'save in a savepoint that is rolled back') {
        // Its caller has taken the step back, and knows it.
        expect([outcome, told, row?.state, sent?.state]).toEqual([
          'committed',
          ['Created'],
          'Lit',
          'Lit',
        ]);
      } else if (outcome === 'committed') {
        expect(told.slice(0, 2)).toEqual(['Created', 'Die']);
        expect(row?.state ?? 'Dead').toBe('Dead');
        expect(row?.revision ?? told.length).toBe(told.length);
      } else {
        expect(outcome).toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/) });
        expect(told).toEqual(['Created']);
        expect(row).toMatchObject({ state: 'Lit', revision: 1, deletedAt: null });
        // The entity is as its row is, so that nothing is pending that nobody sees.
        expect(sent).toMatchObject({ uuid, state: 'Lit', revision: 1 });
      }
    },
  );

  test('these ways are committed, and no others', () => {
    expect([...committed]).toEqual([
      'save',
      'save of other columns too',
      'save of a list',
      'save by the repository',
      'save without a reload',
      'save by a cascade',
      'save in a savepoint',
      'save in a savepoint that is rolled back',
      'send and no save in a savepoint, save behind it',
      'softRemove',
      'softRemove of a list',
      'softRemove by a cascade',
      'recover',
      'recover by a cascade',
      'remove',
    ]);
  });

  describe('without a sent step', () => {
    const told = async (uuid: string) =>
      (await signalbox.history(Lamp, uuid)).map(({ type, payload }) => {
        const { data, revision } = JSON.parse(payload) as {
          data: { old: string | null; new: string | null };
          revision: number;
        };
        return `${revision} ${type} ${data.old}-${data.new}`;
      });

    test('a soft removal and a recovery are announced, once for each change', async () => {
      const made = await signalbox.create(Lamp, {});
      const { uuid } = made;
      await dataSource.manager.softRemove(made);
      expect(made).toMatchObject({ revision: 2, deletedAt: expect.any(Date) });
      await dataSource.manager.softRemove(made);
      await dataSource.manager.recover(made);
      await dataSource.manager.recover(made);
      expect(made).toMatchObject({ revision: 3, deletedAt: null });
      expect(await told(uuid)).toEqual([
        '1 Created null-Lit',
        '2 SoftRemoved Lit-Lit',
        '3 Recovered Lit-Lit',
      ]);
      await signalbox.transition(Lamp, uuid, 'Die', { expectedRevision: 3 });
    });

    test('a date that is written by a save is a soft removal, one that is stale is not', async () => {
      const { uuid } = await signalbox.create(Lamp, {});
      const stale = await find(dataSource.manager, uuid);
      const made = await find(dataSource.manager, uuid);
      await dataSource.manager.save(Object.assign(made, { deletedAt: new Date(), label: 'gone' }));
      await dataSource.manager.save(Object.assign(stale, { label: 'stale' }));
      expect(await find(dataSource.manager, uuid)).toMatchObject({
        revision: 2,
        label: 'stale',
        deletedAt: expect.any(Date),
      });
      await dataSource.manager.save(Object.assign(made, { deletedAt: new Date(0) }));
      await dataSource.manager.save(Object.assign(made, { deletedAt: null }));
      expect(await told(uuid)).toEqual([
        '1 Created null-Lit',
        '2 SoftRemoved Lit-Lit',
        '3 Recovered Lit-Lit',
      ]);
      expect(await find(dataSource.manager, uuid)).toMatchObject({ revision: 3, deletedAt: null });
    });

    test.each<readonly [string, (uuid: string) => Promise<unknown>]>([
      ['softDelete', (uuid) => dataSource.manager.softDelete(Lamp, { uuid })],
      ['restore', (uuid) => dataSource.manager.restore(Lamp, { uuid })],
      [
        'an update of the date',
        (uuid) => dataSource.manager.update(Lamp, { uuid }, { deletedAt: new Date() }),
      ],
      [
        'a builder without listeners',
        (uuid) =>
          dataSource
            .createQueryBuilder()
            .softDelete()
            .from(Lamp)
            .where({ uuid })
            .callListeners(false)
            .execute(),
      ],
      [
        'an update without listeners',
        (uuid) =>
          dataSource
            .createQueryBuilder()
            .update(Lamp)
            .set({ deletedAt: new Date(), label: 'u' })
            .where({ uuid })
            .callListeners(false)
            .execute(),
      ],
    ])('%s is refused: TypeORM does not tell which rows', async (_, write) => {
      const { uuid } = await signalbox.create(Lamp, {});
      await expect(write(uuid)).rejects.toMatchObject({ code: 'WRITE_BYPASSES_LIFECYCLE' });
      expect(await find(dataSource.manager, uuid)).toMatchObject({ revision: 1, deletedAt: null });
    });

    test('a cascade announces each, a stale entity is a conflict, a rollback undoes all', async () => {
      const room = await dataSource.manager.save(Room, { id: crypto.randomUUID() });
      const made = [await signalbox.create(Lamp, { room }), await signalbox.create(Lamp, { room })];
      const whole = await dataSource.manager.findOneOrFail(Room, {
        where: { id: room.id },
        relations: { lamps: true },
      });
      await expect(
        dataSource.transaction(async (manager) => {
          await manager.softRemove(whole);
          throw new Error('back');
        }),
      ).rejects.toThrow('back');
      expect(whole.lamps).toMatchObject(made.map(() => ({ revision: 1, deletedAt: null })));
      await dataSource.manager.softRemove(whole);
      for (const each of made) {
        expect(await told(each.uuid)).toEqual(['1 Created null-Lit', '2 SoftRemoved Lit-Lit']);
        await expect(dataSource.manager.softRemove(each)).resolves.toBeDefined();
      }
      await expect(dataSource.manager.recover(made)).rejects.toMatchObject({
        code: 'REVISION_CONFLICT',
      });
    });
  });
});
