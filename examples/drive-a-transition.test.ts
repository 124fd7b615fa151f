import { RefusedError } from 'signalbox';
import { expect, it } from 'vitest';
// #region drive
import { createSignalbox, migrate, migrations, ResourceEntity } from 'signalbox';
import { cloudStackEventTypes, volume } from 'signalbox/machines';
import { Column, DataSource, Entity } from 'typeorm';

@Entity('volume')
class Volume extends ResourceEntity<typeof volume> {
  static readonly lifecycle = volume;
  @Column({ type: 'uuid', nullable: true }) instanceId!: string | null;
}

// #endregion
it('drives a volume from creation to attachment', async () => {
  const instanceId = '6a1f8a4e-54e4-4b8e-9b38-3d1e6f0e9b11';
  // #region drive
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [Volume],
    migrations: [...migrations],
    synchronize: true, // your own migrations in production
  }).initialize();
  await migrate(dataSource);
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes: cloudStackEventTypes,
    resources: [Volume],
  });

  const { uuid } = await signalbox.create(Volume, { account: 'acme' });
  await signalbox.transition(Volume, uuid, 'CreateRequested', { actor: 'alice' });
  await signalbox.transition(Volume, uuid, 'OperationSucceeded');

  await dataSource.transaction(async (manager) => {
    const volume = await manager.findOneByOrFail(Volume, { uuid });
    signalbox.send(volume, 'AttachRequested'); // refuses at once what is not lawful
    volume.instanceId = instanceId; // your own columns, same commit
    await manager.save(volume); // guards, writes, announces
  });
  // #endregion
  await expect(signalbox.transition(Volume, uuid, 'ResizeRequested')).rejects.toBeInstanceOf(
    RefusedError,
  );
  const history = await signalbox.history(Volume, uuid);
  expect(history.map(({ type, revision }) => [type, revision])).toEqual([
    ['Created', 1],
    ['CreateRequested', 2],
    ['OperationSucceeded', 3],
    ['AttachRequested', 4],
  ]);
  await signalbox.close();
  await dataSource.destroy();
});
