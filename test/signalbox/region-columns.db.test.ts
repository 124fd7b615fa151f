import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setup, stateIn } from 'xstate';
import { defineEventTypes } from '../../src/core/events/event-types.js';
import { effects } from '../../src/core/lifecycle/effects.js';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { mapResource } from '../../src/persistence/resource/resource.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { eachDatabase, type FreshDatabase, freshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { simulate } from '../../src/testing/simulation/simulation.js';

/** A server as Nova has it, in short: three columns that one row holds. */
const lifecycle = defineLifecycle({
  resource: 'Server',
  version: 1,
  machine: setup({
    types: {} as {
      context: { readonly locked: boolean };
      events:
        | { type: 'stop' }
        | { type: 'start' }
        | { type: 'succeeded' }
        | { type: 'failed' }
        | { type: 'powerOn' }
        | { type: 'powerOff' }
        | { type: 'rebuild' };
    },
    actions: effects,
    guards: { isUnlocked: ({ context }) => !context.locked },
  }).createMachine({
    context: { locked: false },
    id: 'server',
    type: 'parallel',
    states: {
      vm: {
        initial: 'active',
        states: {
          active: {
            on: {
              succeeded: {
                target: 'stopped',
                guard: stateIn({ task: 'powering-off' }),
                actions: { type: 'usage', params: { type: 'VM.STOP' } },
              },
            },
          },
          stopped: {
            on: { succeeded: { target: 'active', guard: stateIn({ task: 'powering-on' }) } },
          },
          error: {},
        },
        on: { failed: '.error' },
      },
      task: {
        initial: 'none',
        states: {
          none: {
            on: {
              stop: { target: 'powering-off', guard: stateIn({ vm: 'active' }) },
              start: { target: 'powering-on', guard: stateIn({ vm: 'stopped' }) },
              rebuild: { target: 'rebuilding', guard: 'isUnlocked' },
            },
          },
          'powering-off': {
            tags: 'transitional',
            after: { 60000: '#server.vm.error' },
            on: { succeeded: 'none', failed: 'none' },
          },
          'powering-on': {
            tags: 'transitional',
            after: { 60000: {} },
            on: { succeeded: 'none', failed: 'none' },
          },
          rebuilding: {
            tags: 'transitional',
            after: { 1: 'none' },
            on: { succeeded: 'none', failed: 'none' },
          },
        },
      },
      power: {
        initial: 'running',
        states: {
          running: { on: { powerOff: 'shutdown' } },
          shutdown: { on: { powerOn: 'running' } },
        },
      },
    },
  }),
});

// #region map
const power: Readonly<Record<string, number>> = { running: 1, shutdown: 4 };

@Entity('instances')
class Instance {
  @PrimaryColumn({ type: String, length: 36 }) uuid!: string;
  @Column({ type: String, length: 255, name: 'vm_state' }) vmState!: string;
  /** NULL while no task is under way. */
  @Column({
    type: String,
    length: 255,
    name: 'task_state',
    nullable: true,
    transformer: {
      to: (value?: string) => (value === 'none' ? null : value),
      from: (value?: string | null) => (value === null ? 'none' : value),
    },
  })
  taskState!: string;
  /** Numbers, as the hypervisor reports them. */
  @Column({
    type: Number,
    name: 'power_state',
    transformer: {
      to: (value?: string) => (value === undefined ? undefined : (power[value] ?? value)),
      from: (value?: number) =>
        Object.keys(power).find((name) => power[name] === Number(value)) ?? value,
    },
  })
  powerState!: string;
  @Column({ type: Number }) revision!: number;
  @Column({ type: Boolean, default: false }) locked!: boolean;
  @Column({ type: String, length: 255, default: '' }) hostname!: string;
}

const server = mapResource(Instance, lifecycle, {
  columns: { state: { vm: 'vmState', task: 'taskState', power: 'powerState' } },
  context: ({ locked }) => ({ locked }),
});
// #endregion

const eventTypes = defineEventTypes({ usage: ['VM.STOP'] });

eachDatabase((kind) => {
  let fresh: FreshDatabase;
  let dataSource: DataSource;
  let signalbox: Signalbox;
  beforeAll(async () => {
    fresh = await freshDatabase(kind);
    dataSource = await new DataSource({
      ...fresh.options,
      entities: [Instance],
      migrations: [...migrations],
    }).initialize();
    await migrate(dataSource);
    await dataSource.query(`CREATE TABLE instances (uuid varchar(36) PRIMARY KEY,
      vm_state varchar(255) NOT NULL, task_state varchar(255), power_state integer NOT NULL,
      revision integer NOT NULL DEFAULT 1, locked boolean NOT NULL DEFAULT false,
      hostname varchar(255) NOT NULL DEFAULT '')`);
    signalbox = await createSignalbox({
      dataSource,
      source: 'test',
      eventTypes,
      resources: [server],
      relay: false,
    });
  });
  afterAll(async () => {
    await signalbox.close();
    await dataSource.destroy();
    await fresh.dispose();
  });

  const columnsOf = async (uuid: string) => {
    const [row] = (await dataSource.query(
      `SELECT vm_state, task_state, power_state, revision FROM instances WHERE uuid = '${uuid}'`,
    )) as { vm_state: string; task_state: string | null; power_state: number; revision: number }[];
    return [row?.vm_state, row?.task_state, row?.power_state, row?.revision];
  };
  const told = async (uuid: string) =>
    (
      (await dataSource.query(
        `SELECT payload FROM signalbox_journal WHERE uuid = '${uuid}' ORDER BY position`,
      )) as { payload: string }[]
    ).map(({ payload }) => JSON.parse(payload) as { type: string; data: { regions?: string[] } });
  const regionsOf = async (uuid: string) =>
    (await told(uuid)).map(({ type, data }) => [type, ...(data.regions ?? [])].join(' '));

  test('a step of one region moves its column, and the event names it', async () => {
    const { uuid } = await signalbox.create(server);
    expect(await columnsOf(uuid)).toEqual(['active', null, 1, 1]);
    await signalbox.transition(server, uuid, 'stop');
    expect(await columnsOf(uuid)).toEqual(['active', 'powering-off', 1, 2]);
    await signalbox.transition(server, uuid, 'powerOff');
    expect(await columnsOf(uuid)).toEqual(['active', 'powering-off', 4, 3]);
    const result = await signalbox.transition(server, uuid, 'succeeded');
    expect(JSON.parse(result.new)).toEqual({ vm: 'stopped', task: 'none', power: 'shutdown' });
    expect(await columnsOf(uuid)).toEqual(['stopped', null, 4, 4]);
    expect(await regionsOf(uuid)).toEqual([
      'Created',
      'stop task',
      'powerOff power',
      'succeeded vm task',
      'VM.STOP',
    ]);
  });

  test('a row that was there before is a resource, and is compared on every column', async () => {
    const uuid = '0a7ea29e-691b-41e2-bafa-2c3ba27d8c47';
    await dataSource.query(
      `INSERT INTO instances (uuid, vm_state, task_state, power_state) VALUES ('${uuid}', 'stopped', NULL, 4)`,
    );
    expect((await signalbox.explain(server, uuid, 'stop')).lawful).toBe(false);
    await expect(signalbox.transition(server, uuid, 'stop')).rejects.toMatchObject({
      code: 'EVENT_NOT_LAWFUL',
    });
    await signalbox.transition(server, uuid, 'start', { expectedRevision: 1 });
    expect(await columnsOf(uuid)).toEqual(['stopped', 'powering-on', 4, 2]);
    // Written by somebody else, at the same revision.
    await dataSource.query(`UPDATE instances SET vm_state = 'paused' WHERE uuid = '${uuid}'`);
    await expect(signalbox.transition(server, uuid, 'succeeded')).rejects.toMatchObject({
      code: 'UNKNOWN_STATE',
      message: expect.stringContaining('"vm":"paused"') as unknown,
    });
  });

  test('many at once move each their own columns', async () => {
    const uuids = await Promise.all(
      Array.from({ length: 30 }, async () => (await signalbox.create(server)).uuid),
    );
    await Promise.all(
      uuids.flatMap((uuid) => [
        signalbox.transition(server, uuid, 'stop'),
        signalbox.transition(server, uuid, 'powerOff'),
      ]),
    );
    await Promise.all(uuids.map((uuid) => signalbox.transition(server, uuid, 'succeeded')));
    const rows = await Promise.all(uuids.map(columnsOf));
    expect(rows).toEqual(uuids.map(() => ['stopped', null, 4, 4]));
  });

  test('steps sent to an entity are saved with its own columns', async () => {
    const { uuid } = await signalbox.create(server);
    await dataSource.transaction(async (manager) => {
      const row = await manager.findOneByOrFail(Instance, { uuid });
      signalbox.send(row, 'stop');
      expect(row.taskState).toBe('powering-off');
      signalbox.send(row, 'powerOff');
      row.hostname = 'kept';
      await manager.save(row);
    });
    expect(await columnsOf(uuid)).toEqual(['active', 'powering-off', 4, 3]);
    const row = await dataSource.manager.findOneByOrFail(Instance, { uuid });
    expect(row).toMatchObject({ vmState: 'active', taskState: 'powering-off', hostname: 'kept' });
    row.hostname = 'renamed';
    await dataSource.manager.save(row);
    expect(await columnsOf(uuid)).toEqual(['active', 'powering-off', 4, 3]);
  });

  test('two that step from the same row: one is a conflict', async () => {
    const { uuid } = await signalbox.create(server);
    const [one, other] = await Promise.all([
      dataSource.manager.findOneByOrFail(Instance, { uuid }),
      dataSource.manager.findOneByOrFail(Instance, { uuid }),
    ]);
    signalbox.send(one, 'stop');
    signalbox.send(other, 'powerOff');
    await dataSource.manager.save(one);
    await expect(dataSource.manager.save(other)).rejects.toMatchObject({
      code: 'REVISION_CONFLICT',
    });
    expect(other.powerState).toBe('running');
    expect(await columnsOf(uuid)).toEqual(['active', 'powering-off', 1, 2]);
  });

  test('guards and deadlines judge the row', async () => {
    const { uuid } = await signalbox.create(server);
    await dataSource.manager.update(Instance, { uuid }, { locked: true });
    await expect(signalbox.transition(server, uuid, 'rebuild')).rejects.toMatchObject({
      code: 'GUARD_REFUSED',
    });
    await dataSource.manager.update(Instance, { uuid }, { locked: false });
    await signalbox.transition(server, uuid, 'rebuild');
    await eventually(async () => expect(await columnsOf(uuid)).toEqual(['active', null, 1, 3]));
    expect((await regionsOf(uuid)).slice(1, 3)).toEqual(['rebuild task', 'DeadlineExceeded task']);
  });

  describe('a write of a region by another way', () => {
    test.each([
      ['vmState', 'error'],
      ['taskState', 'rebuilding'],
      ['powerState', 'shutdown'],
    ] as const)('is refused: %s', async (property, value) => {
      const { uuid } = await signalbox.create(server);
      const row = await dataSource.manager.findOneByOrFail(Instance, { uuid });
      row[property] = value;
      await expect(dataSource.manager.save(row)).rejects.toMatchObject({
        code: 'STATE_WRITTEN_DIRECTLY',
      });
      await expect(
        dataSource.manager.update(Instance, { uuid }, { [property]: value }),
      ).rejects.toMatchObject({ code: 'WRITE_BYPASSES_LIFECYCLE' });
      await expect(
        dataSource
          .createQueryBuilder()
          .update(Instance)
          .set({ [property]: value })
          .where({ uuid })
          .callListeners(false)
          .execute(),
      ).rejects.toMatchObject({ code: 'WRITE_BYPASSES_LIFECYCLE' });
      expect(await columnsOf(uuid)).toEqual(['active', null, 1, 1]);
    });
  });

  test('what is there is watched and removed like any other', async () => {
    const { uuid } = await signalbox.create(server);
    await dataSource.transaction(async (manager) => {
      await manager.remove(await manager.findOneByOrFail(Instance, { uuid }));
    });
    expect((await told(uuid)).map(({ type }) => type)).toEqual(['Created', 'Removed']);
  });
});

describe('the mapping', () => {
  const open = async (columns: object, mapped = lifecycle) => {
    const dataSource = await new DataSource({
      type: 'better-sqlite3',
      database: ':memory:',
      entities: [Instance],
      migrations: [...migrations],
    }).initialize();
    await migrate(dataSource);
    try {
      const resource = mapResource(Instance, mapped, {
        columns: columns as never,
        context: () => ({ locked: false }),
      });
      const signalbox = await createSignalbox({
        dataSource,
        source: 'test',
        eventTypes,
        resources: [resource],
        relay: false,
      });
      await signalbox.close();
    } finally {
      await dataSource.destroy();
    }
  };
  const all = { vm: 'vmState', task: 'taskState', power: 'powerState' };

  test.each<[string, object, RegExp]>([
    [
      'a region without a column',
      { state: { vm: 'vmState', task: 'taskState' } },
      /No column has power/,
    ],
    ['a column without a region', { state: { ...all, host: 'hostname' } }, /no region host/],
    [
      'two regions in one column',
      { state: { ...all, task: 'vmState' } },
      /two regions to one column/,
    ],
    ['a column that holds no such states', { state: { ...all, vm: 'locked' } }, /'locked'/],
    [
      'a number without a transformer',
      { state: { ...all, vm: 'revision' } },
      /needs a transformer/,
    ],
    ['an empty object', { state: {} }, /a property, or an object/],
  ])('is refused: %s', async (_, columns, message) => {
    await expect(open(columns)).rejects.toThrow(message);
  });
});

test('the simulation keeps the columns too', async () => {
  const cloud = simulate(server);
  const { uuid } = await cloud.create(server);
  await cloud.transition(server, uuid, 'stop');
  const row = (await cloud.find(server, uuid)) as Instance;
  expect([row.vmState, row.taskState, row.powerState]).toEqual([
    'active',
    'powering-off',
    'running',
  ]);
});
