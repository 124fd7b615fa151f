import { Column, DataSource, Entity } from 'typeorm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setup } from 'xstate';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { eachDatabase, type FreshDatabase, freshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { share } from '../core/lifecycle/share.js';

@Entity('share')
class Share extends ResourceEntity<typeof share> {
  static readonly lifecycle = share;

  @Column({ type: String, length: 255, nullable: true })
  remembered!: string | null;

  @Column({ type: String, length: 255, default: '' })
  name!: string;
}

/** Two compound states to return to, and a deadline that returns. */
const pair = defineLifecycle({
  resource: 'Pair',
  version: 1,
  machine: setup({
    types: {} as { events: { type: 'on' } | { type: 'off' } | { type: 'to' } | { type: 'back' } },
  }).createMachine({
    initial: 'One',
    states: {
      One: {
        initial: 'off',
        states: {
          off: { on: { on: 'on' } },
          on: { on: { off: 'off' } },
          last: { type: 'history' },
        },
        on: { to: 'Two.last' },
      },
      Two: {
        initial: 'off',
        states: {
          off: { on: { on: 'on' } },
          on: { after: { 1: '#back' } },
          last: { type: 'history' },
        },
        on: { back: 'One.last' },
      },
      Between: { id: 'back', on: { back: 'One.last', to: 'Two.last' } },
    },
  }),
});

@Entity('pair')
class Pair extends ResourceEntity<typeof pair> {
  static readonly lifecycle = pair;

  @Column({ type: 'text', nullable: true })
  remembered!: string | null;
}

eachDatabase((kind) => {
  let fresh: FreshDatabase;
  let dataSource: DataSource;
  let signalbox: Signalbox;
  beforeAll(async () => {
    fresh = await freshDatabase(kind);
    dataSource = await new DataSource({
      ...fresh.options,
      entities: [Share, Pair],
      migrations: [...migrations],
    }).initialize();
    await migrate(dataSource);
    await dataSource.query(createTable('share', "name varchar(255) NOT NULL DEFAULT '',"));
    await dataSource.query(createTable('pair', ''));
    signalbox = await createSignalbox({
      dataSource,
      source: 'test',
      resources: [Share, Pair],
      relay: false,
    });
  });
  afterAll(async () => {
    await signalbox.close();
    await dataSource.destroy();
    await fresh.dispose();
  });
  const read = (uuid: string) => dataSource.manager.findOneByOrFail(Share, { uuid });
  const created = (state: 'resting.available' | 'resting.in-use') =>
    signalbox.create(Share, { state } as never);

  test('a transition returns a resource to where it came from, whatever is between', async () => {
    const { uuid } = await created('resting.in-use');
    expect((await read(uuid)).remembered).toBeNull();
    await signalbox.transition(Share, uuid, 'backUp');
    expect(await read(uuid)).toMatchObject({
      state: 'backing-up',
      remembered: 'resting.in-use',
    });
    await signalbox.transition(Share, uuid, 'failed');
    expect(await signalbox.explain(Share, uuid, 'reset')).toMatchObject({ lawful: true });
    const { new: back } = await signalbox.transition(Share, uuid, 'reset');
    expect(back).toBe('resting.in-use');
  });

  test('many at once each return to their own', async () => {
    const states = Array.from({ length: 40 }, (_, index) =>
      index % 2 === 0 ? ('resting.in-use' as const) : ('resting.available' as const),
    );
    const uuids = await Promise.all(states.map(async (state) => (await created(state)).uuid));
    await Promise.all(uuids.map((uuid) => signalbox.transition(Share, uuid, 'backUp')));
    const ends = await Promise.all(uuids.map((uuid) => signalbox.transition(Share, uuid, 'done')));
    expect(ends.map((end) => end.new)).toEqual(states);
  });

  test('steps that are sent to an entity and saved together remember and return', async () => {
    const { uuid } = await created('resting.in-use');
    await dataSource.transaction(async (manager) => {
      const row = await manager.findOneByOrFail(Share, { uuid });
      signalbox.send(row, 'backUp');
      expect(row.remembered).toBe('resting.in-use');
      signalbox.send(row, 'done');
      expect(row.state).toBe('resting.in-use');
      signalbox.send(row, 'detach');
      signalbox.send(row, 'backUp');
      row.name = 'kept';
      await manager.save(row);
      expect(row.remembered).toBe('resting.available');
    });
    const row = await read(uuid);
    expect(row).toMatchObject({
      state: 'backing-up',
      remembered: 'resting.available',
      revision: 5,
      name: 'kept',
    });
    await dataSource.transaction(async (manager) => {
      signalbox.send(row, 'done');
      await manager.save(row);
    });
    expect((await read(uuid)).state).toBe('resting.available');
  });

  test('a transition in a transaction that rolls back leaves what was remembered', async () => {
    const { uuid } = await created('resting.in-use');
    await dataSource
      .transaction(async (manager) => {
        await signalbox.transition(Share, uuid, 'backUp', { manager });
        throw new Error('back');
      })
      .catch(() => undefined);
    expect(await read(uuid)).toMatchObject({ state: 'resting.in-use', remembered: null });
  });

  test('what is remembered is written by transitions alone', async () => {
    const { uuid } = await created('resting.in-use');
    const row = await read(uuid);
    row.remembered = 'resting.available';
    await expect(dataSource.manager.save(row)).rejects.toMatchObject({
      code: 'STATE_WRITTEN_DIRECTLY',
    });
    await expect(
      dataSource.manager.update(Share, { uuid }, { remembered: 'resting.available' }),
    ).rejects.toMatchObject({ code: 'WRITE_BYPASSES_LIFECYCLE' });
  });

  test('a row that remembers what no version knows is refused, and one that remembers nothing goes to the default', async () => {
    const { uuid } = await created('resting.in-use');
    await signalbox.transition(Share, uuid, 'backUp');
    const set = (text: string) =>
      dataSource.query(`UPDATE share SET remembered = ${text} WHERE uuid = '${uuid}'`);
    await set(`'available'`);
    await expect(signalbox.transition(Share, uuid, 'done')).rejects.toMatchObject({
      code: 'UNKNOWN_STATE',
    });
    const row = await read(uuid);
    expect(() => signalbox.send(row, 'done')).toThrow(/remembers 'available'/);
    await set('NULL');
    expect((await signalbox.transition(Share, uuid, 'done')).new).toBe('resting.available');
  });

  test('several places are remembered beside each other, over a deadline too', async () => {
    const { uuid } = await signalbox.create(Pair);
    await signalbox.transition(Pair, uuid, 'on');
    await signalbox.transition(Pair, uuid, 'to');
    await signalbox.transition(Pair, uuid, 'on');
    await eventually(async () => {
      const row = await dataSource.manager.findOneByOrFail(Pair, { uuid });
      expect(row.state).toBe('Between');
      expect(JSON.parse(row.remembered ?? '')).toEqual({ One: 'One.on', Two: 'Two.on' });
    });
    expect((await signalbox.transition(Pair, uuid, 'back')).new).toBe('One.on');
  });

  function createTable(name: string, columns: string): string {
    const uuid = kind === 'postgres' ? 'uuid' : 'varchar(36)';
    return `CREATE TABLE ${name} (uuid ${uuid} PRIMARY KEY, state varchar(255) NOT NULL,
      revision integer NOT NULL, state_since varchar(24) NOT NULL, lifecycle_version integer NOT NULL,
      ${columns} account varchar(255), domain varchar(255), project varchar(255), remembered text)`;
  }
});

test('a lifecycle with history states needs the column', async () => {
  @Entity('without')
  class Without extends ResourceEntity<typeof share> {
    static readonly lifecycle = share;
  }
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [Without],
    migrations: [...migrations],
  }).initialize();
  await migrate(dataSource);
  await expect(
    createSignalbox({ dataSource, source: 'test', resources: [Without], relay: false }),
  ).rejects.toThrow(/no column property 'remembered'/);
  await dataSource.destroy();
});
