import {
  Column,
  DataSource,
  type DataSourceOptions,
  DeleteDateColumn,
  Entity,
  UpdateDateColumn,
  VersionColumn,
} from 'typeorm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cloudStackEventTypes, volume } from '../../machines/index.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { eachDatabase, type FreshDatabase, freshDatabase } from '../support/databases.js';

@Entity('vat')
class Vat extends ResourceEntity<typeof volume> {
  static readonly lifecycle = volume;
  @Column({ type: String, length: 20, default: '' }) label!: string;
  @VersionColumn() version!: number;
  @UpdateDateColumn() updated!: Date;
  @DeleteDateColumn({ type: Date, nullable: true }) deletedAt!: Date | null;
}

eachDatabase((kind) => {
  let database: FreshDatabase;
  let dataSource: DataSource;
  let signalbox: Signalbox;
  beforeAll(async () => {
    database = await freshDatabase(kind);
    dataSource = await new DataSource({
      ...database.options,
      entities: [Vat],
      migrations: [...migrations],
      synchronize: true,
    } as DataSourceOptions).initialize();
    await migrate(dataSource);
    signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Vat],
      deadlines: false,
    });
  });
  afterAll(async () => {
    await signalbox.close();
    await dataSource.destroy();
    await database.dispose();
  });

  const read = (uuid: string) =>
    dataSource.manager.findOneOrFail(Vat, { where: { uuid }, withDeleted: true });

  const moves: Record<string, (vat: Vat) => Promise<unknown>> = {
    transition: ({ uuid }) => signalbox.transition(Vat, uuid, 'CreateRequested'),
    'transition in a transaction': ({ uuid }) =>
      dataSource.transaction((manager) =>
        signalbox.transition(Vat, uuid, 'CreateRequested', { manager }),
      ),
    'send and save': (vat) => {
      signalbox.send(vat, 'CreateRequested');
      return dataSource.manager.save(vat);
    },
    'send and save of other columns': (vat) => {
      signalbox.send(vat, 'CreateRequested');
      return dataSource.manager.save(Object.assign(vat, { label: 'x' }));
    },
    'send and softRemove': (vat) => {
      signalbox.send(vat, 'CreateRequested');
      return dataSource.manager.softRemove(vat);
    },
    softRemove: (vat) => dataSource.manager.softRemove(vat),
    'save of other columns': (vat) => dataSource.manager.save(Object.assign(vat, { label: 'y' })),
  };

  test.each(Object.keys(moves))('version and date move once, as by a save: %s', async (name) => {
    const { uuid } = await signalbox.create(Vat, {});
    // Older than any clock of the test.
    await dataSource.query(longAgo[kind](uuid));
    const before = await read(uuid);
    const vat = await read(uuid);
    await (moves[name] as (vat: Vat) => Promise<unknown>)(vat);
    const after = await read(uuid);
    expect(after.version).toBe(before.version + 1);
    expect(after.updated.getFullYear()).toBeGreaterThan(before.updated.getFullYear());
    if (!name.startsWith('transition')) {
      expect(vat).toMatchObject({ version: after.version, revision: after.revision });
    }
  });

  test('several in one commit move the version once each, and a stale entity writes none back', async () => {
    const { uuid } = await signalbox.create(Vat, {});
    const stale = await read(uuid);
    await Promise.all([
      signalbox.transition(Vat, uuid, 'CreateRequested'),
      signalbox.transition(Vat, uuid, 'OperationSucceeded'),
    ]);
    const moved = await read(uuid);
    expect(moved).toMatchObject({ state: 'Ready', revision: 3, version: stale.version + 2 });
    await dataSource.manager.save(Object.assign(stale, { label: 'stale' }));
    expect(await read(uuid)).toMatchObject({
      state: 'Ready',
      label: 'stale',
      version: moved.version + 1,
    });
  });
});

const longAgo = {
  sqlite: (uuid: string) => `UPDATE vat SET updated = '2001-01-01 00:00:00' WHERE uuid = '${uuid}'`,
  postgres: (uuid: string) => `UPDATE vat SET updated = '2001-01-01' WHERE uuid = '${uuid}'`,
  mariadb: (uuid: string) => `UPDATE vat SET updated = '2001-01-01' WHERE uuid = '${uuid}'`,
} as const;
