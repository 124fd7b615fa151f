import { cloudStackEventTypes } from '../../../machines/index.js';
import { Column, DataSource, type DataSourceOptions, DeleteDateColumn, Entity } from 'typeorm';
import { v4 } from 'uuid';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { setup } from 'xstate';
import { createSignalbox } from '../../../src/signalbox/create-signalbox.js';
import type { SweeperOptions } from '../../../src/operations/deadlines/sweeper.js';
import { ConflictError } from '../../../src/core/errors/errors.js';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../../src/core/lifecycle/effects.js';
import type { Signalbox } from '../../../src/signalbox/signalbox.js';
import { migrations } from '../../../src/persistence/migrations/migrations.js';
import { openStore } from '../../../src/persistence/open-store.js';
import { ResourceEntity } from '../../../src/persistence/resource/resource-entity.js';
import { eachDatabase, freshDatabase, type FreshDatabase } from '../../support/databases.js';
import { eventually } from '../../support/eventually.js';

const alarm = { type: 'alert' as const, params: { type: 'ALERT.RESOURCE.STUCK' } };

const machine = setup({
  types: {
    context: {} as { stubborn: boolean },
    events: {} as { type: 'Begin' } | { type: 'Wait' } | { type: 'Done' },
    tags: {} as 'stable' | 'transitional',
  },
  actions: effects,
  guards: { gives: ({ context }) => !context.stubborn },
}).createMachine({
  context: { stubborn: false },
  initial: 'Idle',
  states: {
    Idle: { tags: 'stable', on: { Begin: 'Working', Wait: 'Waiting' } },
    // Takes its timeout transition, unless the guard refuses.
    Working: {
      tags: 'transitional',
      after: { 30: { target: 'Failed', guard: 'gives', actions: alarm } },
      on: { Done: 'Idle' },
    },
    // Only raises its alert.
    Waiting: { tags: 'stable', after: { 40: { actions: alarm } }, on: { Done: 'Idle' } },
    Failed: { tags: 'stable', on: { Done: 'Idle' } },
  },
});

const job = defineLifecycle({ resource: 'Job', version: 1, machine });

@Entity('job')
class Job extends ResourceEntity<typeof job> {
  static readonly lifecycle = job;
  static readonly context = ({ stubborn }: Job) => ({ stubborn });

  @Column({ type: Boolean, default: false })
  stubborn!: boolean;

  @DeleteDateColumn({ name: 'removed_at' })
  removedAt!: Date | null;
}

const removedAt = 'removed_at';

eachDatabase((kind) => {
  let database: FreshDatabase;
  const sources: DataSource[] = [];
  const boxes: Signalbox[] = [];

  const open = async (): Promise<DataSource> => {
    const dataSource = await new DataSource({
      ...database.options,
      entities: [Job],
      migrations: [...migrations],
    } as DataSourceOptions).initialize();
    sources.push(dataSource);
    return dataSource;
  };

  beforeAll(async () => {
    database = await freshDatabase(kind);
    const dataSource = await open();
    await dataSource.runMigrations({ transaction: 'each' });
    // The resources' own tables are the test's to make.
    await dataSource.driver.createSchemaBuilder().build();
  });

  afterAll(async () => {
    for (const dataSource of sources) await dataSource.destroy();
    await database?.dispose();
  });

  afterEach(async () => {
    await Promise.all(boxes.splice(0).map((box) => box.close()));
  });

  const first = (): DataSource => sources[0] as DataSource;

  const start = async (
    deadlines: boolean | SweeperOptions,
    dataSource = first(),
  ): Promise<Signalbox> => {
    const box = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Job],
      relay: false,
      deadlines: deadlines === true ? { pollInterval: 50 } : deadlines,
    });
    boxes.push(box);
    return box;
  };

  beforeEach(async () => {
    await first().query('DELETE FROM signalbox_deadline');
  });

  const create = async (stubborn = false): Promise<Job> =>
    first().manager.save(Object.assign(new Job(), { uuid: v4(), stubborn, account: 'acme' }));

  const told = async (uuid: string): Promise<readonly string[]> => {
    const records = await openStore(first()).journal.read({ uuid, limit: 100 });
    return records.map(({ revision, type }) => `${String(revision)} ${type}`);
  };

  const armed = async (): Promise<number> => {
    const rows = await first().query<unknown[]>('SELECT uuid FROM signalbox_deadline');
    return rows.length;
  };

  test('a resource that stays too long takes its timeout transition and raises its alert', async () => {
    const box = await start(true);
    const { uuid } = await create();
    await box.transition(Job, uuid, 'Begin');
    await eventually(async () => {
      expect(await first().manager.findOneByOrFail(Job, { uuid })).toMatchObject({
        state: 'Failed',
        revision: 3,
      });
    });
    expect(await told(uuid)).toEqual([
      '1 Created',
      '2 Begin',
      '3 DeadlineExceeded',
      '3 ALERT.RESOURCE.STUCK',
    ]);
    expect(await armed()).toBe(0);
  });

  test('a deadline without a timeout transition raises its alert and moves nothing', async () => {
    const box = await start(true);
    const { uuid } = await create();
    await box.transition(Job, uuid, 'Wait');
    await eventually(async () => {
      expect(await told(uuid)).toEqual(['1 Created', '2 Wait', '2 ALERT.RESOURCE.STUCK']);
    });
    expect(await armed()).toBe(0);
    const [alert] = await openStore(first()).journal.read({
      uuid,
      category: 'AlertEvent',
      limit: 1,
    });
    expect(JSON.parse(String(alert?.payload))).toMatchObject({
      account: 'acme',
      actor: 'signalbox',
      revision: 2,
      data: { details: { deadline: 'Waiting/40', state: 'Waiting' } },
    });
    await box.transition(Job, uuid, 'Done');
  });

  test('where the guards refuse the timeout, the alert is raised all the same', async () => {
    const box = await start(true);
    const { uuid } = await create(true);
    await box.transition(Job, uuid, 'Begin');
    await eventually(async () => {
      expect(await told(uuid)).toEqual(['1 Created', '2 Begin', '2 ALERT.RESOURCE.STUCK']);
    });
    expect(await armed()).toBe(0);
    await box.transition(Job, uuid, 'Done');
  });

  test('a deadline left in time never fires', async () => {
    const box = await start(false);
    const { uuid } = await create();
    await box.transition(Job, uuid, 'Begin');
    await box.transition(Job, uuid, 'Done');
    expect(await armed()).toBe(0);
    await box.transition(Job, uuid, 'Wait');
    expect(await armed()).toBe(1);
    await box.close();
    await start(true);
    await eventually(async () => expect(await armed()).toBe(0));
    expect(await told(uuid)).toEqual([
      '1 Created',
      '2 Begin',
      '3 Done',
      '4 Wait',
      '4 ALERT.RESOURCE.STUCK',
    ]);
  });

  test('what became due while nobody swept fires later, once, however many sweep', async () => {
    const idle = await start(false);
    const uuids = (await Promise.all(Array.from({ length: 12 }, () => create()))).map(
      (entity) => entity.uuid,
    );
    for (const [index, uuid] of uuids.entries()) {
      await idle.transition(Job, uuid, index % 2 === 0 ? 'Begin' : 'Wait');
    }
    await idle.close();
    const failures: unknown[] = [];
    const options = { batch: 5, onFailure: (error: unknown) => failures.push(error) };
    // SQLite has one connection in a process.
    const more = kind === 'sqlite' ? [] : [await open(), await open()];
    await Promise.all([first(), ...more].map((dataSource) => start(options, dataSource)));
    await eventually(async () => expect(await armed()).toBe(0));
    for (const [index, uuid] of uuids.entries()) {
      expect(await told(uuid)).toEqual(
        index % 2 === 0
          ? ['1 Created', '2 Begin', '3 DeadlineExceeded', '3 ALERT.RESOURCE.STUCK']
          : ['1 Created', '2 Wait', '2 ALERT.RESOURCE.STUCK'],
      );
    }
    // Two that met at one row may have had to give way; nothing else may go wrong.
    expect(failures.filter((error) => !(error instanceof ConflictError))).toEqual([]);
  });

  test('the deadline of a resource that is not found is kept, and told once by an alert', async () => {
    const box = await start(false);
    const [working, waiting] = [await create(), await create()];
    await box.transition(Job, working.uuid, 'Begin');
    await box.transition(Job, waiting.uuid, 'Wait');
    await box.close();
    await first().query('DELETE FROM job');
    const failures: unknown[] = [];
    const again = await start({ pollInterval: 20, onFailure: (error) => failures.push(error) });
    for (const { uuid } of [working, waiting]) {
      await eventually(async () =>
        expect(await told(uuid)).toContain('null ALERT.RESOURCE.MISSING'),
      );
    }
    expect(failures).toEqual([
      expect.objectContaining({ code: 'DEADLINE_WITHOUT_RESOURCE' }),
      expect.objectContaining({ code: 'DEADLINE_WITHOUT_RESOURCE' }),
    ]);
    expect(await armed()).toBe(2);
    await again.close();
    expect(await openStore(first()).deadlines.list({ limit: 10, missing: true })).toHaveLength(2);
  });

  test('a soft-removed resource is seen: its deadline fires', async () => {
    const box = await start(false);
    const { uuid } = await create();
    await box.transition(Job, uuid, 'Wait');
    await first().query(`UPDATE job SET ${removedAt} = CURRENT_TIMESTAMP WHERE uuid = '${uuid}'`);
    await box.close();
    await start(true);
    await eventually(async () => {
      expect(await told(uuid)).toEqual(['1 Created', '2 Wait', '2 ALERT.RESOURCE.STUCK']);
    });
    expect(await armed()).toBe(0);
  });

  test('deadlines of other applications are left alone and hold up nobody', async () => {
    const box = await start(false);
    const other = await create();
    await box.transition(Job, other.uuid, 'Wait');
    const foreign = await create();
    await box.transition(Job, foreign.uuid, 'Wait');
    await first().query(
      `UPDATE signalbox_deadline SET resource = 'Foreign' WHERE uuid = '${foreign.uuid}'`,
    );
    await box.close();
    const failures: unknown[] = [];
    await start({ batch: 1, onFailure: (error) => failures.push(error) });
    await eventually(async () => {
      expect(await told(other.uuid)).toContain('2 ALERT.RESOURCE.STUCK');
    });
    // The resource lacks its own: it gets it anew.
    await eventually(async () => expect(await told(foreign.uuid)).toHaveLength(3));
    expect(await armed()).toBe(1);
    expect(failures).toEqual([]);
  });
});
