import 'reflect-metadata';
import {
  createSignalbox,
  memoryBus,
  migrate,
  migrations,
  ResourceEntity,
  RefusedError,
} from 'signalbox';
import { cloudStackEventTypes, volume } from 'signalbox/machines';
import { given } from 'signalbox/testing';
import * as amqp from 'signalbox/amqp';
import * as rpc from 'signalbox/rpc';
import * as check from 'signalbox/check';
import { Column, DataSource, Entity } from 'typeorm';

@Entity('volume')
class Volume extends ResourceEntity<typeof volume> {
  static readonly lifecycle = volume;
  @Column({ type: 'uuid', nullable: true }) instanceId!: string | null;
}
test('drives a volume', async () => {
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [Volume],
    migrations: [...migrations],
    synchronize: true,
  }).initialize();
  await migrate(dataSource);
  const seen: string[] = [];
  const signalbox = await createSignalbox({
    dataSource,
    source: 'management-server',
    eventTypes: cloudStackEventTypes,
    resources: [Volume],
    bus: memoryBus(),
  });
  await signalbox.subscribe('#', (event) => void seen.push(event.type));
  const { uuid } = await signalbox.create(Volume, { account: 'acme' });
  await signalbox.transition(Volume, uuid, 'CreateRequested', { actor: 'alice' });
  await expect(signalbox.transition(Volume, uuid, 'AttachRequested')).rejects.toBeInstanceOf(
    RefusedError,
  );
  await signalbox.close();
  await dataSource.destroy();
  expect(seen).toContain('Created');
  given(volume, 'Uploaded').when('CopyRequested').then('Copying');
  expect(() => given(volume, 'Uploaded').when('CopyRequested').then('Ready')).toThrow(/Copying/);
  expect([amqp, rpc, check].every((m) => Object.keys(m).length > 0)).toBe(true);
});
