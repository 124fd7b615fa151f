import { cloudStackEventTypes } from '../../machines/index.js';
import {
  Column,
  DataSource,
  type DataSourceOptions,
  DeleteDateColumn,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
} from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { type ContextNeeds, mapResource } from '../../src/persistence/resource/resource.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';
import { eachDatabase, type FreshDatabase, freshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';

interface Context {
  readonly locked: boolean;
  readonly attached: boolean;
}
type Event = { readonly type: 'Erase' } | { readonly type: 'Die' } | { readonly type: 'Rest' };

const machine = (timeout: number) =>
  setup({
    types: {} as { context: Context; events: Event; tags: 'stable' },
    guards: {
      isFree: ({ context }) => !context.locked && !context.attached,
    },
  }).createMachine({
    context: { locked: false, attached: false },
    initial: 'Idle',
    states: {
      Idle: { on: { Erase: { target: 'Erased', guard: 'isFree' }, Die: 'Dead', Rest: 'Resting' } },
      Resting: { after: { [timeout]: { target: 'Idle', guard: 'isFree' } } },
      Erased: {},
      Dead: { type: 'final' },
    },
  });
const disk = defineLifecycle({ resource: 'Disk', version: 1, machine: machine(50) });

@Entity('host')
class Host {
  @PrimaryColumn({ type: String, length: 36 }) id!: string;
  @Column({ type: String, length: 20, select: false, nullable: true }) secret!: string | null;
}

@Entity('vm')
class Vm {
  @PrimaryColumn({ type: String, length: 36 }) id!: string;
  @Column({ type: String, length: 20, default: 'on' }) power!: string;
  @ManyToOne(() => Host, { nullable: true }) host!: Host | null;
  @OneToMany(() => Disk, (each) => each.vm) disks!: Disk[];
}

class Placement {
  @Column({ type: String, length: 20, nullable: true }) zone!: string | null;
  @Column({ type: String, length: 20, nullable: true, select: false }) rack!: string | null;
}

@Entity('disk')
class Disk extends ResourceEntity<typeof disk> {
  @Column({ type: Boolean, default: false }) locked!: boolean;
  @Column({ type: Boolean, default: false, select: false }) sealed!: boolean;
  @Column(() => Placement) placement!: Placement;
  @ManyToOne(() => Vm, (vm) => vm.disks, { nullable: true })
  @JoinColumn({ name: 'vm_id' })
  vm!: Vm | null;
  @ManyToOne(() => Host, { nullable: true, lazy: true }) lazyHost!: Promise<Host | null>;
  @Column({
    type: String,
    length: 20,
    default: 'x',
    transformer: { to: (v: unknown) => v, from: () => undefined },
  })
  vanishing!: string;
  @DeleteDateColumn({ type: Date, nullable: true }) deletedAt!: Date | null;

  readonly #open = false;
  get isAttached(): boolean {
    return this.vm !== null;
  }
  isLocked(): boolean {
    return this.locked && !this.#open;
  }
}

const free = { locked: false, attached: false };
type Projection = (disk: Disk) => Context;

eachDatabase((kind) => {
  let database: FreshDatabase;
  let dataSource: DataSource;
  beforeAll(async () => {
    database = await freshDatabase(kind);
    dataSource = await new DataSource({
      ...database.options,
      entities: [Disk, Vm, Host],
      migrations: [...migrations],
      synchronize: true,
    } as DataSourceOptions).initialize();
    await migrate(dataSource);
    await dataSource.manager.save(Host, { id: 'h1', secret: 'hush' });
    await dataSource.manager.save(Vm, { id: 'vm1', host: { id: 'h1' } });
  });
  afterAll(async () => {
    await dataSource.destroy();
    await database.dispose();
  });

  const mapped = (context: Projection, contextNeeds: ContextNeeds<Disk> = {}) =>
    mapResource(Disk, disk, { context, contextNeeds });
  type DiskMapping = ReturnType<typeof mapped>;

  async function guarded<T>(
    mapping: DiskMapping,
    work: (signalbox: Signalbox) => Promise<T>,
    deadlines: false | { pollInterval: number } = false,
  ): Promise<T> {
    const signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [mapping],
      bus: memoryBus(),
      deadlines,
    });
    try {
      return await work(signalbox);
    } finally {
      await signalbox.close();
    }
  }

  /** Each way to ask the guards about a disk that `read` loads, and what each answers. */
  async function answers(
    mapping: DiskMapping,
    values: Partial<Disk>,
    hide: boolean,
    read: (uuid: string) => Promise<Disk>,
  ): Promise<readonly unknown[]> {
    return guarded(mapping, async (signalbox) => {
      const make = async (): Promise<string> => {
        const { uuid } = await signalbox.create(mapping, values);
        if (hide) await dataSource.query(hideOf[kind](uuid));
        return uuid;
      };
      const uuids = await Promise.all([make(), make(), make(), make()]);
      const answer = (work: Promise<unknown>): Promise<unknown> =>
        work.then(
          (value) => ((value as { lawful?: boolean }).lawful === false ? 'GUARD_REFUSED' : 'taken'),
          (error: { code?: string }) => error.code ?? error,
        );
      const [one, two, three, four] = uuids as [string, string, string, string];
      return [
        await answer(signalbox.explain(mapping, one, 'Erase')),
        await answer(signalbox.transition(mapping, one, 'Erase')),
        await answer(
          dataSource.transaction((manager) =>
            signalbox.transition(mapping, two, 'Erase', { manager }),
          ),
        ),
        await answer(
          dataSource.transaction(async (manager) => {
            const found = await read(three);
            signalbox.send(found, 'Erase');
            return manager.save(found);
          }),
        ),
        // In a batch with others, which one statement would move.
        await answer(
          Promise.allSettled([
            signalbox.transition(mapping, four, 'Erase'),
            signalbox.transition(mapping, four, 'Die'),
          ]).then(([erasing]) =>
            erasing.status === 'rejected' ? Promise.reject(erasing.reason) : 1,
          ),
        ),
      ];
    });
  }

  const all = <T>(answer: T): readonly T[] => [answer, answer, answer, answer, answer];
  const plain = (uuid: string) =>
    dataSource.manager.findOneOrFail(Disk, { where: { uuid }, withDeleted: true });

  describe.each([
    ['hidden by a soft removal', true],
    ['in sight', false],
  ])('a row %s', (_, hide) => {
    test('is judged by its own columns, by every way to ask', async () => {
      const byLock = mapped(({ locked }) => ({ ...free, locked }));
      expect(await answers(byLock, { locked: true }, hide, plain)).toEqual(all('GUARD_REFUSED'));
      expect(await answers(byLock, { locked: false }, hide, plain)).toEqual(all('taken'));
    });
  });

  test('a deadline of a hidden row fires, and its guard is asked', async () => {
    const mapping = mapped(({ locked }) => ({ ...free, locked }));
    await guarded(
      mapping,
      async (signalbox) => {
        const made = await Promise.all(
          [true, false].map((locked) => signalbox.create(mapping, { locked })),
        );
        for (const { uuid } of made) {
          await signalbox.transition(mapping, uuid, 'Rest');
          await dataSource.query(hideOf[kind](uuid));
        }
        await eventually(async () => {
          const states = await Promise.all(made.map(async ({ uuid }) => (await plain(uuid)).state));
          expect(states).toEqual(['Resting', 'Idle']);
          const told = await Promise.all(made.map(({ uuid }) => signalbox.history(mapping, uuid)));
          expect(told.map((records) => records.at(-1)?.category)).toEqual([
            'AlertEvent',
            'AlertEvent',
          ]);
        });
      },
      { pollInterval: 20 },
    );
  });

  test('a watch lists hidden rows: they are resources like the others', async () => {
    const mapping = mapped(() => free);
    await guarded(mapping, async (signalbox) => {
      const { uuid } = await signalbox.create(mapping, { account: `watch-${kind}` });
      await dataSource.query(hideOf[kind](uuid));
      const watch = await signalbox.watch(mapping, { account: `watch-${kind}` });
      for await (const change of watch) {
        expect(change).toMatchObject({ type: 'snapshot', resource: { uuid, state: 'Idle' } });
        break;
      }
    });
  });

  const attached = ({ vm }: Disk) => ({ ...free, attached: vm !== null && vm !== undefined });
  const reading: readonly (readonly [string, Projection, ContextNeeds<Disk>, Partial<Disk>])[] = [
    ['a relation', attached, { relations: { vm: true } }, { vm: { id: 'vm1' } as Vm }],
    [
      'a relation, by an accessor',
      (each) => ({ ...free, attached: each.isAttached }),
      { relations: { vm: true } },
      { vm: { id: 'vm1' } as Vm },
    ],
    [
      'a nested relation',
      ({ vm }) => ({ ...free, attached: vm?.host?.id === 'h1' }),
      { relations: { vm: { host: true } } },
      { vm: { id: 'vm1' } as Vm },
    ],
    [
      'a collection of a relation',
      ({ vm }) => ({ ...free, attached: (vm?.disks.length ?? 0) > 0 }),
      { relations: { vm: { disks: true } } },
      { vm: { id: 'vm1' } as Vm },
    ],
    [
      'a column that is not selected',
      ({ sealed }) => ({ ...free, locked: sealed }),
      { columns: ['sealed'] },
      { sealed: true },
    ],
    [
      'an embedded column that is not selected',
      ({ placement }) => ({ ...free, locked: placement.rack !== null }),
      { columns: ['placement.rack'] },
      { placement: { zone: null, rack: 'r1' } },
    ],
    [
      'a column of a relation that is not selected',
      ({ vm }) => ({ ...free, locked: vm?.host?.secret === 'hush' }),
      { relations: { vm: { host: true } }, columns: ['vm.host.secret'] },
      { vm: { id: 'vm1' } as Vm },
    ],
  ];

  describe.each(reading)('%s', (_, projection, needs, values) => {
    /** The disk as TypeORM reads it where the needs are spelt out. */
    const whole = (uuid: string) => {
      const query = dataSource
        .createQueryBuilder(Disk, 'd')
        .leftJoinAndSelect('d.vm', 'vm')
        .leftJoinAndSelect('vm.host', 'host')
        .leftJoinAndSelect('vm.disks', 'disks')
        .addSelect(['d.sealed', 'd.placement.rack', 'host.secret']);
      return query.where({ uuid }).getOneOrFail();
    };

    test('that the projection needs is loaded, and all ways agree', async () => {
      expect(await answers(mapped(projection, needs), values, false, whole)).toEqual(
        all('GUARD_REFUSED'),
      );
    });

    test('that was not loaded is refused, never answered', async () => {
      expect(await answers(mapped(projection), values, false, plain)).toEqual(
        all('CONTEXT_NOT_LOADED'),
      );
    });

    test('is refused where the projection catches that, or leaves the reading to the guard', async () => {
      const swallowing = mapped((each) => {
        try {
          return projection(each);
        } catch {
          return free;
        }
      });
      expect(await answers(swallowing, values, false, plain)).toEqual(all('CONTEXT_NOT_LOADED'));
      const late = mapped((each) => ({
        get locked() {
          return projection(each).locked;
        },
        get attached() {
          return projection(each).attached;
        },
      }));
      expect(await answers(late, values, false, plain)).toEqual(all('CONTEXT_NOT_LOADED'));
    });
  });

  test.each<readonly [string, Projection]>([
    ['asks whether it has a relation', (each) => ({ ...free, attached: 'vm' in each })],
    ['asks for its own relation', (each) => ({ ...free, attached: Object.hasOwn(each, 'vm') })],
    ['copies the entity', (each) => Object.assign({ ...free }, each)],
    ['reads a lazy relation', (each) => ({ ...free, attached: each.lazyHost !== null })],
  ])('a projection that %s is refused where parts were not loaded', async (_, projection) => {
    const refused = await answers(mapped(projection), {}, false, plain);
    expect(refused).toEqual(all('CONTEXT_NOT_LOADED'));
  });

  test('a projection that is the entity itself is read as far as it was loaded', async () => {
    const mapping = mapped((each) => each as unknown as Context);
    expect(await answers(mapping, { locked: true }, false, plain)).toEqual(all('GUARD_REFUSED'));
    expect(await answers(mapping, { locked: false }, false, plain)).toEqual(all('taken'));
  });

  test('methods, private fields and transformers to undefined do not get in the way', async () => {
    const mapping = mapped((each) => ({
      locked: each.isLocked(),
      attached: (each.vanishing as string | undefined) !== undefined,
    }));
    expect(await answers(mapping, { locked: true }, false, plain)).toEqual(all('GUARD_REFUSED'));
    expect(await answers(mapping, { locked: false }, false, plain)).toEqual(all('taken'));
  });

  test('an entity read in part is not judged, one created here is whole', async () => {
    const mapping = mapped(({ locked, vm }) => ({ locked, attached: vm != null }));
    await guarded(mapping, async (signalbox) => {
      const made = await signalbox.create(mapping, {});
      const part = await dataSource.manager.findOneOrFail(Disk, {
        where: { uuid: made.uuid },
        select: { uuid: true, state: true, revision: true },
      });
      expect(() => signalbox.send(part, 'Erase')).toThrow(/reads 'locked', which was not loaded/);
      signalbox.send(made, 'Erase');
      await dataSource.manager.save(made);
      expect((await plain(made.uuid)).state).toBe('Erased');
    });
  });

  test.each<readonly [string, unknown, string]>([
    ['a promise', Promise.resolve(free), 'CONTEXT_INVALID'],
    ['nothing', undefined, 'CONTEXT_INVALID'],
    ['null', null, 'CONTEXT_INVALID'],
  ])('a projection that returns %s is refused', async (_, context, code) => {
    expect(
      await answers(
        mapped(() => context as Context),
        {},
        false,
        plain,
      ),
    ).toEqual(all(code));
  });

  test.each<readonly [string, ContextNeeds, RegExp]>([
    ['a relation', { relations: { machine: true } }, /no relation 'machine'/],
    ['a nested relation', { relations: { vm: { rack: true } } }, /no relation 'vm\.rack'/],
    ['a column', { columns: ['quota'] }, /no column 'quota'/],
    ['a column of a relation', { columns: ['vm.quota'] }, /no column 'vm\.quota'/],
    ['a lazy relation', { relations: { lazyHost: true } }, /lazy relation 'lazyHost'/],
  ])(
    'needs that name %s which cannot be loaded are refused at start',
    async (_, needs, message) => {
      const creating = guarded(
        mapped(() => free, needs as ContextNeeds<Disk>),
        async () => undefined,
      );
      await expect(creating).rejects.toThrow(message);
    },
  );

  test('a row whose entity does not come back is an error with a code', async () => {
    const mapping = mapped(({ locked }) => ({ ...free, locked }));
    const { subscribers } = dataSource;
    subscribers.push({
      afterLoad(entity: Disk) {
        if (entity instanceof Disk) entity.uuid = 'elsewhere';
      },
    });
    try {
      const [explained, ...moved] = await answers(mapping, {}, false, async (uuid) => {
        const found = await plain(uuid);
        return found;
      });
      expect([explained, moved[0], moved[1], moved[3]]).toEqual(all('ENTITY_HIDDEN').slice(1));
    } finally {
      subscribers.pop();
    }
  });
});

const hideOf = {
  sqlite: (uuid: string) => `UPDATE disk SET "deletedAt" = datetime('now') WHERE uuid = '${uuid}'`,
  postgres: (uuid: string) => `UPDATE disk SET "deletedAt" = now() WHERE uuid = '${uuid}'`,
  mariadb: (uuid: string) => `UPDATE disk SET deletedAt = now() WHERE uuid = '${uuid}'`,
} as const;
