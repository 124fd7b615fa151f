import { cloudStackEventTypes } from '../../machines/index.js';
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { volume } from '../../machines/volume.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { Volume } from '../../src/cli/demo/entities.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { mapResource } from '../../src/persistence/resource/resource.js';
import { type Cloud, openCloud } from '../e2e/support/cloud.js';
import { eachDatabase, freshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';

eachDatabase((kind) => {
  let cloud: Cloud;
  let signalbox: Signalbox;
  const bus = memoryBus();

  beforeAll(async () => {
    cloud = await openCloud(kind);
    signalbox = await cloud.open({ bus });
  });
  afterAll(async () => {
    await cloud[Symbol.asyncDispose]();
    await bus.close();
  });

  const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => 'resolved',
      (error: { code?: string }) => error.code ?? error,
    );

  test('an owner or an actor of no characters is none, and its events reach every consumer', async () => {
    const seen: SignalboxEvent[] = [];
    await using _ = await signalbox.subscribe({ resource: 'Volume' }, (event) => {
      seen.push(event);
    });
    const { uuid } = await signalbox.create(
      Volume,
      { sizeGib: 1, account: '', domain: '', project: 'p' },
      { actor: '' },
    );
    await signalbox.transition(Volume, uuid, 'CreateRequested', { actor: '', correlationId: '' });
    const told = () =>
      seen.filter(
        ({ category, partitionkey }) => category === 'ResourceStateEvent' && partitionkey === uuid,
      );
    await eventually(() => expect(told()).toHaveLength(2));
    for (const event of told()) {
      expect(event).toMatchObject({ project: 'p' });
      for (const key of ['account', 'domain', 'actor', 'correlationid']) {
        expect(event).not.toHaveProperty(key);
      }
    }
  });

  test.each([
    ['expectedRevision', '1,NULL'],
    ['expectedRevision', '1'],
    ['expectedRevision', 1.5],
    ['expectedRevision', Number.NaN],
    ['reason', 5],
    ['reason', { toJSON: () => 'x' }],
    ['actor', 42],
    ['correlationId', {}],
    ['causationId', ['x']],
  ])('a %s of %j is refused, and the others of its batch go on', async (key, value) => {
    const made = await Promise.all([1, 2, 3].map(() => signalbox.create(Volume, { sizeGib: 1 })));
    const codes = await Promise.all(
      made.map(({ uuid }, index) =>
        codeOf(
          signalbox.transition(
            Volume,
            uuid,
            'CreateRequested',
            index === 0 ? { [key]: value } : { expectedRevision: 1 },
          ),
        ),
      ),
    );
    expect(codes).toEqual(['OPTION_INVALID', 'resolved', 'resolved']);
    expect(await signalbox.history(Volume, made[0]?.uuid ?? '')).toHaveLength(1);
  });

  test('a misspelt option is refused, for it may be the comparison that was asked for', async () => {
    const { uuid } = await signalbox.create(Volume, { sizeGib: 1 });
    const misspelt = { expectedRevison: 7 } as object;
    await expect(
      signalbox.transition(Volume, uuid, 'CreateRequested', misspelt),
    ).rejects.toMatchObject({
      code: 'OPTION_UNKNOWN',
      parameters: { suggestion: 'expectedRevision' },
    });
    expect(await signalbox.history(Volume, uuid)).toHaveLength(1);
  });
});

test('on postgres an enum column with a name in camel case is moved, in a schema of its own', async () => {
  await using database = await freshDatabase('postgres');
  @Entity('Legacy Disk', { schema: 'Own Schema' })
  class Disk {
    @PrimaryColumn({ type: String, length: 36 })
    id!: string;
    @Column({ type: 'enum', enum: [...volume.states].map(({ name }) => name) })
    powerState!: string;
    @Column({ type: 'bigint' })
    rev!: string;
  }
  const dataSource = await new DataSource({
    ...database.options,
    entities: [Disk],
    migrations: [...migrations],
  } as never).initialize();
  await dataSource.query('CREATE SCHEMA "Own Schema"');
  await dataSource.synchronize();
  await migrate(dataSource);
  const disk = mapResource(Disk, volume, {
    columns: { uuid: 'id', state: 'powerState', revision: 'rev' },
  });
  await using signalbox = await createSignalbox({
    dataSource,
    source: 'management-server',
    eventTypes: cloudStackEventTypes,
    resources: [disk],
  });
  const made = await Promise.all([1, 2, 3].map(() => signalbox.create(disk)));
  const moved = await Promise.all(
    made.map(({ id }) => signalbox.transition(disk, id, 'CreateRequested')),
  );
  expect(moved.map(({ revision }) => revision)).toEqual([2, 2, 2]);
  await signalbox.close();
  await dataSource.destroy();
});
