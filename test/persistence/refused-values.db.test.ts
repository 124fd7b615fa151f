import { cloudStackEventTypes } from '../../machines/index.js';
import { randomUUID } from 'node:crypto';
import { Column, DataSource, Entity } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { volume } from '../../machines/volume.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import type { SignalboxError } from '../../src/core/errors/errors.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';
import { eachDatabase, freshDatabase, type FreshDatabase } from '../support/databases.js';

@Entity('shelf')
class Shelf extends ResourceEntity<typeof volume> {
  static readonly lifecycle = volume;
  @Column({ type: 'varchar', length: 20, unique: true }) name!: string;
  @Column({ type: 'int', default: 1 }) slots!: number;
  @Column({ type: 'varchar', length: 36, nullable: true }) hall!: string | null;
  @Column({ type: 'varchar', length: 8, nullable: true }) note!: string | null;
}

eachDatabase((kind) => {
  let database: FreshDatabase;
  let dataSource: DataSource;
  let signalbox: Signalbox;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    dataSource = await new DataSource({
      ...database.options,
      entities: [Shelf],
      migrations: [...migrations],
    }).initialize();
    await dataSource.query('CREATE TABLE hall (id varchar(36) NOT NULL PRIMARY KEY)');
    await dataSource.synchronize();
    await dataSource.query(rules[kind]);
    for (const more of kind === 'sqlite' ? sqliteRules : kind === 'mariadb' ? mariadbRules : postgresRules) await dataSource.query(more); // prettier-ignore
    await migrate(dataSource);
    signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Shelf],
      relay: false,
    });
    await signalbox.create(Shelf, { name: 'first' });
  });
  afterAll(async () => {
    await signalbox.close();
    await dataSource.destroy();
    await database.dispose();
  });

  /** Every way of writing a row that a user has. */
  const ways: Readonly<Record<string, (values: Partial<Shelf>) => Promise<unknown>>> = {
    'create()': (values) => signalbox.create(Shelf, values),
    'create() in a transaction': (values) =>
      dataSource.transaction((manager) => signalbox.create(Shelf, values, { manager })),
  };

  const cases: readonly (readonly [string, Partial<Shelf>, object])[] = [
    ['a duplicate name', { name: 'taken' }, { code: 'CONSTRAINT_VIOLATED', parameters: { kind: 'unique' } }], // prettier-ignore
    ['a value that a check forbids', { slots: -1 }, { code: 'CONSTRAINT_VIOLATED', parameters: { kind: kind === 'sqlite' ? 'trigger' : 'check' } }], // prettier-ignore
    ['a reference to nothing', { hall: randomUUID() }, { code: 'CONSTRAINT_VIOLATED', parameters: { kind: kind === 'sqlite' ? 'trigger' : 'foreign-key' } }], // prettier-ignore
    ['no name', { name: null as never }, { code: 'CONSTRAINT_VIOLATED', parameters: { kind: 'not-null', column: 'name' } }], // prettier-ignore
    ['what a trigger raises', { note: 'cursed' }, { code: 'CONSTRAINT_VIOLATED', parameters: { kind: 'trigger' } }], // prettier-ignore
    ...(kind === 'sqlite' ? [] : [
      ['a text that is too long', { note: 'x'.repeat(9) }, { code: 'VALUE_REFUSED' }],
      ['a number out of range', { slots: 2 ** 40 }, { code: 'VALUE_REFUSED' }],
      ['a number that is not finite', { slots: Number.NaN }, { code: 'VALUE_REFUSED' }],
      ['a number of infinity', { slots: -Infinity }, { code: 'VALUE_REFUSED' }],
      ['a text for a number', { slots: 'many' as never }, { code: 'VALUE_REFUSED' }],
    ] as const),
    ...(kind === 'postgres' ? [['a NUL', { note: 'a\0b' }, { code: 'VALUE_REFUSED' }]] as const : []), // prettier-ignore
    ...(kind === 'sqlite' ? [['what cannot be bound', { note: { a: 1 } as never }, { code: 'VALUE_REFUSED' }]] as const : []), // prettier-ignore
  ]; // prettier-ignore

  describe.each(Object.keys(ways))('%s', (way) => {
    beforeAll(async () => {
      await dataSource.query("DELETE FROM shelf WHERE name = 'taken'");
      await signalbox.create(Shelf, { name: 'taken' });
    });

    test.each(cases)('refuses %s for good, and writes nothing', async (_name, values, expected) => {
      const rows = () => dataSource.query('SELECT * FROM shelf ORDER BY uuid');
      const before = await rows();
      const error = (await ways[way]?.({ name: `n-${randomUUID().slice(0, 8)}`, ...values }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )) as SignalboxError;
      expect(error).toMatchObject({ name: 'RefusedError', retryable: false, ...expected });
      expect(error.cause).toBeDefined();
      expect(await rows()).toEqual(before);
    });
  });

  test('a duplicate names its constraint or its column, and no value of the row', async () => {
    const error = (await signalbox
      .create(Shelf, { name: 'first' })
      .catch((thrown: unknown) => thrown)) as SignalboxError;
    const { constraint, column } = error.parameters;
    expect(constraint ?? column).toEqual(expect.any(String));
    expect(error.message).not.toContain('first');
  });
});

const rules = {
  sqlite: `CREATE TRIGGER curse BEFORE INSERT ON shelf WHEN NEW.note = 'cursed'
    BEGIN SELECT RAISE(ABORT, 'cursed'); END`,
  postgres: `CREATE FUNCTION curse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.note = 'cursed' THEN RAISE EXCEPTION 'cursed'; END IF; RETURN NEW; END $$`,
  mariadb: `CREATE TRIGGER curse BEFORE INSERT ON shelf FOR EACH ROW
    IF NEW.note = 'cursed' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'cursed'; END IF`,
};
const constraints = [
  'ALTER TABLE shelf ADD CONSTRAINT some_slots CHECK (slots > 0)',
  'ALTER TABLE shelf ADD CONSTRAINT in_a_hall FOREIGN KEY (hall) REFERENCES hall (id)',
];
const postgresRules = [
  ...constraints,
  'CREATE TRIGGER curse BEFORE INSERT OR UPDATE ON shelf FOR EACH ROW EXECUTE FUNCTION curse()',
];
const mariadbRules = [
  ...constraints,
  `CREATE TRIGGER curse_again BEFORE UPDATE ON shelf FOR EACH ROW
    IF NEW.note = 'cursed' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'cursed'; END IF`,
];
/** SQLite cannot add a constraint to an existing table. */
const sqliteRules = ['INSERT', 'UPDATE'].flatMap((when) => [
  `CREATE TRIGGER slots_${when} BEFORE ${when} ON shelf WHEN NEW.slots < 1
    BEGIN SELECT RAISE(ABORT, 'slots'); END`,
  `CREATE TRIGGER hall_${when} BEFORE ${when} ON shelf
    WHEN NEW.hall IS NOT NULL AND NOT EXISTS (SELECT 1 FROM hall WHERE id = NEW.hall)
    BEGIN SELECT RAISE(ABORT, 'hall'); END`,
  ...(when === 'UPDATE' ? [`CREATE TRIGGER curse_again BEFORE UPDATE ON shelf
    WHEN NEW.note = 'cursed' BEGIN SELECT RAISE(ABORT, 'cursed'); END`] : []),
]); // prettier-ignore
