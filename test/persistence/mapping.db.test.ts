import { cloudStackEventTypes } from '../../machines/index.js';
import {
  Column,
  type ColumnOptions,
  DataSource,
  type DataSourceOptions,
  DeleteDateColumn,
  Entity,
  Index,
  ManyToOne,
  PrimaryColumn,
  TableInheritance,
  ChildEntity,
  UpdateDateColumn,
  VersionColumn,
  ViewEntity,
  ViewColumn,
} from 'typeorm';
import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import { bindResource } from '../../src/persistence/resource/binding.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { mapResource, type EntityClass } from '../../src/persistence/resource/resource.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import { eachDatabase, freshDatabase, type TestDatabase } from '../support/databases.js';

const lifecycleOf = (resource: string) =>
  defineLifecycle({
    resource,
    version: 200,
    machine: setup({
      types: {} as { events: { type: 'Go' } | { type: 'Stop' } },
    }).createMachine({
      initial: 'off',
      states: {
        off: { on: { Go: 'on.warming' } },
        on: {
          initial: 'warming',
          on: { Stop: 'off' },
          states: { warming: { on: { Go: 'hot' } }, hot: { on: { Go: 'warming' } } },
        },
      },
    }),
  });
const states = ['off', 'on.warming', 'on.hot'];

type Columns = Readonly<Record<string, ColumnOptions | PropertyDecorator>>;

const uuid = PrimaryColumn({ type: String, length: 36 });
const plain: Columns = {
  uuid,
  state: { type: String, length: 20 },
  revision: { type: Number },
};

/** A class with these columns besides, or instead of, the plain ones. */
function classOf(
  name: string,
  columns: Columns,
  decorate: (made: EntityClass) => void = Entity(name) as never,
): EntityClass {
  const made = { [name]: class {} }[name] as EntityClass;
  for (const [property, column] of Object.entries({ ...plain, ...columns })) {
    const decorator = typeof column === 'function' ? column : Column(column as ColumnOptions);
    decorator(made.prototype as object, property);
  }
  decorate(made);
  return made;
}

class Inside {}
Column({ type: String, length: 20, nullable: true })(Inside.prototype, 'account');
Column({ type: String, length: 20 })(Inside.prototype, 'state');

@Entity('owner')
class Owner {
  @PrimaryColumn({ type: String, length: 36 }) id!: string;
}

const both = (...decorators: PropertyDecorator[]): PropertyDecorator => {
  return (target, property) => decorators.forEach((each) => each(target, property));
};

type Case = readonly [
  name: string,
  columns: Columns,
  codes: readonly string[],
  only?: TestDatabase[],
];

/** Each precondition, broken alone. */
const broken: readonly Case[] = [
  [
    'a uuid that is a part of the key',
    { uuid, tenant: PrimaryColumn({ type: String, length: 9 }) },
    ['MAPPING_UUID_NOT_UNIQUE'],
  ],
  [
    'a uuid beside the key',
    { id: PrimaryColumn({ type: Number }), uuid: { type: String, length: 36 } },
    ['MAPPING_UUID_NOT_UNIQUE'],
  ],
  [
    'a uuid that is unique with another',
    {
      id: PrimaryColumn({ type: Number }),
      uuid: both(
        Column({ type: String, length: 36 }),
        Index('two', { unique: true, where: 'revision > 0' }),
      ),
    },
    ['MAPPING_UUID_NOT_UNIQUE'],
    ['postgres', 'sqlite'],
  ],
  [
    'a nullable uuid',
    {
      id: PrimaryColumn({ type: Number }),
      uuid: { type: String, length: 36, unique: true, nullable: true },
    },
    ['MAPPING_COLUMN_NULLABLE'],
  ],
  ['a numeric uuid', { uuid: PrimaryColumn({ type: Number }) }, ['MAPPING_COLUMN_TYPE']],
  [
    'a binary uuid',
    { uuid: PrimaryColumn({ type: 'bytea' }) },
    ['MAPPING_COLUMN_TYPE'],
    ['postgres'],
  ],
  [
    'a binary uuid',
    { uuid: PrimaryColumn({ type: 'binary', length: 16 }) },
    ['MAPPING_COLUMN_TYPE'],
    ['mariadb'],
  ],
  ['a binary uuid', { uuid: PrimaryColumn({ type: 'blob' }) }, ['MAPPING_COLUMN_TYPE'], ['sqlite']],
  [
    'a narrow uuid',
    { uuid: PrimaryColumn({ type: String, length: 32 }) },
    ['MAPPING_COLUMN_LENGTH'],
  ],
  [
    'a padded uuid',
    { uuid: PrimaryColumn({ type: 'char', length: 40 }) },
    ['MAPPING_COLUMN_LENGTH'],
    ['postgres', 'mariadb'],
  ],
  [
    'a uuid that is transformed',
    {
      uuid: PrimaryColumn({
        type: String,
        length: 36,
        transformer: { to: (v: string) => v.replaceAll('-', ''), from: (v: string) => v },
      }),
    },
    ['MAPPING_COLUMN_TRANSFORMER'],
  ],
  [
    'a uuid that is not selected',
    { uuid: PrimaryColumn({ type: String, length: 36, select: false }) },
    ['MAPPING_COLUMN_NOT_READ'],
  ],
  [
    'a nullable state',
    { state: { type: String, length: 20, nullable: true } },
    ['MAPPING_COLUMN_NULLABLE'],
  ],
  [
    'a state without update',
    { state: { type: String, length: 20, update: false } },
    ['MAPPING_COLUMN_NOT_WRITTEN'],
  ],
  [
    'a state without insert',
    { state: { type: String, length: 20, insert: false } },
    ['MAPPING_COLUMN_NOT_WRITTEN'],
  ],
  [
    'a state that is not selected',
    { state: { type: String, length: 20, select: false } },
    ['MAPPING_COLUMN_NOT_READ'],
  ],
  ['a narrow state', { state: { type: String, length: 9 } }, ['MAPPING_COLUMN_LENGTH']],
  [
    'a state that is padded',
    { state: { type: 'char', length: 20 } },
    ['MAPPING_COLUMN_TYPE'],
    ['postgres'],
  ],
  [
    'a state of one character',
    { state: { type: 'character', length: 1 } },
    ['MAPPING_COLUMN_LENGTH'],
    ['sqlite'],
  ],
  ['a numeric state', { state: { type: Number } }, ['MAPPING_COLUMN_TYPE']],
  ['a JSON state', { state: { type: 'json' } }, ['MAPPING_COLUMN_TYPE'], ['postgres', 'mariadb']],
  [
    'an array of states',
    { state: { type: 'text', array: true } },
    ['MAPPING_COLUMN_TYPE'],
    ['postgres'],
  ],
  [
    'an enum without a state',
    { state: { type: 'enum', enum: states.slice(1) } },
    ['MAPPING_ENUM_INCOMPLETE'],
    ['postgres', 'mariadb'],
  ],
  [
    'an enum in other letters',
    { state: { type: 'enum', enum: ['OFF', 'on.warming', 'on.hot'] } },
    ['MAPPING_ENUM_INCOMPLETE'],
    ['postgres', 'mariadb'],
  ],
  [
    'a simple enum without a state',
    { state: { type: 'simple-enum', enum: states.slice(1) } },
    ['MAPPING_ENUM_INCOMPLETE'],
  ],
  [
    'a state in the key',
    { state: PrimaryColumn({ type: String, length: 20 }) },
    ['MAPPING_COLUMN_PRIMARY', 'MAPPING_UUID_NOT_UNIQUE'],
  ],
  [
    'a state whose transformer joins two',
    { state: { type: String, length: 20, transformer: { to: () => 'x', from: (v: string) => v } } },
    ['MAPPING_COLUMN_TRANSFORMER'],
  ],
  [
    'a state whose transformer throws',
    {
      state: {
        type: String,
        length: 20,
        transformer: {
          to: () => {
            throw new Error('no');
          },
          from: (v: string) => v,
        },
      },
    },
    ['MAPPING_COLUMN_TRANSFORMER'],
  ],
  [
    'a state that the database computes',
    { state: { type: String, length: 20, generatedType: 'STORED', asExpression: `'off'` } },
    ['MAPPING_COLUMN_NOT_WRITTEN'],
  ],
  ['a state in an embedded object', { state: Column(() => Inside) }, ['MAPPING_COLUMN_EMBEDDED']],
  ['a state that is a relation', { state: ManyToOne(() => Owner) }, ['MAPPING_COLUMN_MISSING']],
  [
    'a nullable revision',
    { revision: { type: Number, nullable: true } },
    ['MAPPING_COLUMN_NULLABLE'],
  ],
  [
    'a revision without update',
    { revision: { type: Number, update: false } },
    ['MAPPING_COLUMN_NOT_WRITTEN'],
  ],
  [
    'a small revision',
    { revision: { type: 'smallint' } },
    ['MAPPING_COLUMN_TYPE'],
    ['postgres', 'mariadb'],
  ],
  ['a fractional revision', { revision: { type: 'numeric' } }, ['MAPPING_COLUMN_TYPE']],
  ['a revision as text', { revision: { type: String, length: 20 } }, ['MAPPING_COLUMN_TYPE']],
  [
    'a revision that is transformed',
    {
      revision: {
        type: Number,
        transformer: { to: (v: number) => v * 2, from: (v: number) => v / 2 },
      },
    },
    ['MAPPING_COLUMN_TRANSFORMER'],
  ],
  ['a revision that TypeORM counts', { revision: VersionColumn() }, ['MAPPING_COLUMN_AUTOMATIC']],
  [
    'a stateSince that TypeORM writes',
    { stateSince: UpdateDateColumn() },
    ['MAPPING_COLUMN_AUTOMATIC'],
  ],
  [
    'a stateSince that is the soft removal',
    { stateSince: DeleteDateColumn() },
    ['MAPPING_COLUMN_AUTOMATIC'],
  ],
  ['a stateSince of whole days', { stateSince: { type: 'date' } }, ['MAPPING_COLUMN_TYPE']],
  [
    'a stateSince of 32 bits',
    { stateSince: { type: 'int' } },
    ['MAPPING_COLUMN_TYPE'],
    ['postgres', 'mariadb'],
  ],
  ['a narrow stateSince', { stateSince: { type: String, length: 19 } }, ['MAPPING_COLUMN_TYPE']],
  [
    'a stateSince whose transformer drops milliseconds',
    {
      stateSince: {
        type: String,
        length: 30,
        transformer: {
          to: (v: Date) => `${v.toISOString().slice(0, 19)}Z`,
          from: (v: string) => new Date(v),
        },
      },
    },
    ['MAPPING_COLUMN_TYPE'],
  ],
  [
    'a stateSince without update',
    { stateSince: { type: String, length: 24, update: false } },
    ['MAPPING_COLUMN_NOT_WRITTEN'],
  ],
  [
    'a version that does not fit',
    { lifecycleVersion: { type: 'tinyint' } },
    ['MAPPING_COLUMN_TYPE'],
    ['mariadb'],
  ],
  ['a version as text', { lifecycleVersion: { type: String } }, ['MAPPING_COLUMN_TYPE']],
  [
    'a tenancy that is not selected',
    { account: { type: String, length: 20, select: false, nullable: true } },
    ['MAPPING_COLUMN_NOT_READ'],
  ],
  ['a missing revision', { revision: () => undefined }, ['MAPPING_COLUMN_MISSING']],
  [
    'several at once',
    {
      state: { type: String, length: 5, nullable: true },
      revision: { type: String },
      stateSince: { type: 'date' },
    },
    [
      'MAPPING_COLUMN_NULLABLE',
      'MAPPING_COLUMN_LENGTH',
      'MAPPING_COLUMN_TYPE',
      'MAPPING_COLUMN_TYPE',
    ],
  ],
];

/** Types that are accepted, and so must work. */
const accepted: Readonly<Record<TestDatabase, readonly Columns[]>> = {
  sqlite: [
    { stateSince: { type: Date } },
    { stateSince: { type: 'bigint' }, revision: { type: 'bigint' } },
    { stateSince: { type: 'integer' }, state: { type: 'simple-enum', enum: states } },
    { state: { type: 'text' }, uuid: PrimaryColumn({ type: 'uuid' }) },
  ],
  postgres: [
    { stateSince: { type: 'timestamptz' }, uuid: PrimaryColumn({ type: 'uuid' }) },
    { stateSince: { type: 'timestamp' }, state: { type: 'enum', enum: states } },
    {
      stateSince: { type: 'bigint' },
      revision: { type: 'bigint' },
      lifecycleVersion: { type: 'smallint' },
    },
    {
      stateSince: { type: 'timestamptz', precision: 0 },
      uuid: PrimaryColumn({ type: 'char', length: 36 }),
    },
    { state: { type: 'simple-enum', enum: states }, account: { type: 'uuid', nullable: true } },
  ],
  mariadb: [
    { stateSince: { type: 'datetime', precision: 3 } },
    { stateSince: { type: 'datetime' }, state: { type: 'char', length: 20 } },
    { stateSince: { type: 'timestamp', precision: 6 }, state: { type: 'enum', enum: states } },
    {
      stateSince: { type: 'bigint' },
      revision: { type: 'bigint', unsigned: true },
      lifecycleVersion: { type: 'tinyint', unsigned: true },
    },
    { uuid: PrimaryColumn({ type: 'char', length: 36 }), state: { type: 'text' } },
  ],
};

const everywhere: readonly Columns[] = [
  { stateSince: { type: String, length: 24 } },
  {
    stateSince: {
      type: 'bigint',
      transformer: {
        to: (v: Date) => v.getTime(),
        from: (v: string | number) => new Date(Number(v)),
      },
    },
  },
  {
    stateSince: { type: 'bigint', transformer: { to: (v: number) => v, from: Number } },
    revision: { type: 'bigint', transformer: { to: (v: number) => v, from: Number } },
  },
  {
    state: {
      type: String,
      length: 20,
      transformer: { to: (v: string) => v.toUpperCase(), from: (v: string) => v.toLowerCase() },
    },
  },
  {
    id: PrimaryColumn({ type: Number }),
    uuid: both(Column({ type: String, length: 36 }), Index({ unique: true })),
  },
  { account: Column(() => Inside) },
  { account: ManyToOne(() => Owner, { nullable: true }) },
  { account: { type: 'simple-json', nullable: true } },
];

eachDatabase((kind) => {
  describe('before anything is written', () => {
    const cases = broken.filter(([, , , only]) => only?.includes(kind) ?? true);

    test('each broken precondition is told with its code, its class and its property', async () => {
      const entities = cases.map(([name, columns], index) => ({
        name,
        entity: classOf(`Bad${kind}${index}`, columns),
      }));
      await using database = await freshDatabase(kind);
      const dataSource = await new DataSource({
        ...database.options,
        entities: [Owner, ...entities.map(({ entity }) => entity as never)],
      } as DataSourceOptions).initialize();
      const told = entities.map(({ name, entity }, index) => {
        try {
          bindResource(dataSource, mapResource(entity, lifecycleOf(`Bad${index}`)));
          return [name, []];
        } catch (error) {
          const { code, faults } = error as {
            code: string;
            faults: { code: string; message: string }[];
          };
          expect(code).toBe('RESOURCE_MAPPING_INVALID');
          for (const { message } of faults) expect(message).toContain(`Bad${kind}${index}`);
          return [name, faults.map((each) => each.code).toSorted()];
        }
      });
      await dataSource.destroy();
      expect(told).toEqual(cases.map(([name, , codes]) => [name, codes.toSorted()]));
    });

    test('the faults of all resources are told at once, views and children among them', async () => {
      const good = classOf('Seen', {});
      const view = classOf(
        'View',
        {},
        ViewEntity({ name: 'seen_view', expression: 'SELECT 1' }) as (made: EntityClass) => void,
      );
      for (const property of ['uuid', 'state', 'revision']) {
        ViewColumn()(view.prototype as object, property);
      }
      const parent = classOf(
        'Parent',
        {},
        both2(
          Entity('parent'),
          TableInheritance({ column: { type: 'varchar', length: 9, name: 'kind' } }),
        ),
      );
      const child = childOf(parent);
      await using database = await freshDatabase(kind);
      const dataSource = await new DataSource({
        ...database.options,
        entities: [good, view, parent, child, Owner] as never[],
        migrations: [...migrations],
      } as DataSourceOptions).initialize();
      await migrate(dataSource);
      const creating = createSignalbox({
        dataSource,
        source: 'management-server',
        eventTypes: cloudStackEventTypes,
        resources: [
          mapResource(view, lifecycleOf('View')),
          mapResource(good, lifecycleOf('Good'), { columns: { revision: 'rev' as never } }),
          mapResource(child, lifecycleOf('Child')),
          mapResource(class Nowhere {} as EntityClass, lifecycleOf('Nowhere')),
          // Declared by the child alone.
          mapResource(parent, lifecycleOf('Parent'), { columns: { state: 'own' as never } }),
        ],
      });
      const error = (await creating.catch((caught: unknown) => caught)) as {
        message: string;
        faults: { code: string }[];
      };
      expect(error.faults.map(({ code }) => code)).toEqual([
        'MAPPING_NOT_A_TABLE',
        'MAPPING_COLUMN_MISSING',
        'MAPPING_NOT_A_TABLE',
        'MAPPING_NOT_A_TABLE',
        'MAPPING_COLUMN_MISSING',
      ]);
      expect(error.message).toContain('have 5 faults');
      await dataSource.destroy();
    });
  });

  test('what is accepted works: created, moved by each way, saved stale, explained, removed', async () => {
    const all = [...everywhere, ...accepted[kind]].map((columns, index) => {
      const entity = classOf(`Good${kind}${index}`, columns);
      return { entity, mapping: mapResource(entity, lifecycleOf(`Good${index}`)), columns, index };
    });
    await using database = await freshDatabase(kind);
    const dataSource = await new DataSource({
      ...database.options,
      entities: [Owner, ...all.map(({ entity }) => entity)] as never[],
      migrations: [...migrations],
      synchronize: true,
    } as DataSourceOptions).initialize();
    await migrate(dataSource);
    const signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: all.map(({ mapping }) => mapping),
      deadlines: false,
    });
    for (const { entity, mapping, columns } of all) {
      const inside = { account: 'acme', state: 'x' };
      const values = {
        ...('id' in columns ? { id: 1 } : {}),
        ...(columns === everywhere[5] ? { account: inside } : {}),
        ...(columns === everywhere[7] ? { account: { of: 'acme' } } : {}),
      };
      const made = (await signalbox.create(mapping, values as never)) as Record<string, unknown>;
      const id = made['uuid'] as string;
      await dataSource.manager.save(made);
      await signalbox.transition(mapping, id, 'Go');
      const stale = (await dataSource.manager.findOneByOrFail(entity, {
        uuid: id,
      } as never)) as Record<string, unknown>;
      await dataSource.transaction((manager) =>
        signalbox.transition(mapping, id, 'Go', { manager }),
      );
      await dataSource.manager.save(stale);
      const read = (await dataSource.manager.findOneByOrFail(entity, {
        uuid: id,
      } as never)) as Record<string, unknown>;
      signalbox.send(read, 'Stop');
      await dataSource.manager.save(read);
      await dataSource.manager.save(read);
      expect(await signalbox.explain(mapping, id, 'Go')).toMatchObject({ lawful: true });
      const row = await dataSource.manager.findOneByOrFail(entity, { uuid: id } as never);
      expect(row).toMatchObject({ state: 'off' });
      expect(Number((row as Record<string, unknown>)['revision'])).toBe(4);
      const history = await signalbox.history(mapping, id);
      expect(history.map(({ type }) => type)).toEqual(['Created', 'Go', 'Go', 'Stop']);
      expect(history.filter(({ payload }) => payload.includes('"account"'))).toEqual([]);
      await signalbox.remove(row);
    }
    await signalbox.close();
    await dataSource.destroy();
  });
});

function both2(...decorators: ClassDecorator[]): (made: EntityClass) => void {
  return (made) => decorators.forEach((each) => each(made as never));
}

function childOf(parent: EntityClass): EntityClass {
  const child = class Child extends (parent as new () => object) {};
  Column({ type: String, length: 20, nullable: true })(child.prototype, 'own');
  ChildEntity()(child);
  return child;
}
