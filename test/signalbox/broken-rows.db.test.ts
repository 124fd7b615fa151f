import { Column, DataSource, type DataSourceOptions, Entity } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cloudStackEventTypes, volume } from '../../machines/index.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { eventually } from '../support/eventually.js';
import { eachDatabase, freshDatabase, type FreshDatabase } from '../support/databases.js';

@Entity('crate')
class Crate extends ResourceEntity<typeof volume> {
  static readonly lifecycle = volume;
  @Column({ type: String, length: 20, default: '' }) label!: string;
}

const last = 2 ** 31 - 1;

eachDatabase((kind) => {
  let database: FreshDatabase;
  let dataSource: DataSource;
  let signalbox: Signalbox;
  const failures: unknown[] = [];

  beforeAll(async () => {
    database = await freshDatabase(kind);
    dataSource = await new DataSource({
      ...database.options,
      entities: [Crate],
      migrations: [...migrations],
    } as DataSourceOptions).initialize();
    await dataSource.synchronize();
    for (const change of loosened[kind]) await dataSource.query(change);
    await dataSource.runMigrations();
    signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Crate],
      bus: memoryBus(),
      deadlines: { reconcileInterval: 50, onFailure: (error) => failures.push(error) },
    });
  });
  afterAll(async () => {
    if (!dataSource.isInitialized) await dataSource.initialize();
    await signalbox.close();
    await dataSource.destroy();
    await database.dispose();
  });

  const sets: Readonly<Record<string, string>> = {
    'a NULL state': 'state = NULL',
    'a NULL revision': 'revision = NULL',
    'the last revision': `revision = ${last}`,
  };
  const load = (uuid: string): Promise<Crate> =>
    dataSource.manager.findOneByOrFail(Crate, { uuid });

  /** Every way of a resource that is there; `before` was loaded before its row was broken. */
  const ways: Readonly<Record<string, (uuid: string, before: Crate) => Promise<unknown>>> = {
    'transition()': (uuid) => signalbox.transition(Crate, uuid, 'UploadRequested'),
    'transition() of a revision': (uuid) =>
      signalbox.transition(Crate, uuid, 'UploadRequested', { expectedRevision: 1 }),
    'transition() twice at once': (uuid) =>
      Promise.all([1, 2].map(() => signalbox.transition(Crate, uuid, 'UploadRequested'))),
    'transition() in a transaction': (uuid) =>
      dataSource.transaction((manager) =>
        signalbox.transition(Crate, uuid, 'UploadRequested', { manager }),
      ),
    'explain()': (uuid) => signalbox.explain(Crate, uuid, 'UploadRequested'),
    'send() to what is loaded now': async (uuid) => {
      const crate = await load(uuid);
      await dataSource.transaction(async (manager) => {
        signalbox.send(crate, 'UploadRequested');
        await manager.save(crate);
      });
    },
    'send() to what was loaded before': (_, before) =>
      dataSource.transaction(async (manager) => {
        signalbox.send(before, 'UploadRequested');
        await manager.save(before);
      }),
    'remove() of what is loaded now': async (uuid) => signalbox.remove(await load(uuid)),
    'remove() of what was loaded before': (_, before) => signalbox.remove(before),
  };

  describe.each(Object.keys(sets))('a row with %s', (fault) => {
    test.each(Object.keys(ways))('is told as such by %s, and nothing is written', async (way) => {
      const { uuid } = await signalbox.create(Crate, {});
      const before = await load(uuid);
      const good = await signalbox.create(Crate, {});
      await dataSource.query(`UPDATE crate SET ${sets[fault]} WHERE uuid = '${uuid}'`);
      const facts = async (): Promise<unknown> => [
        await dataSource.query(`SELECT * FROM crate WHERE uuid = '${uuid}'`),
        await signalbox.history(Crate, uuid),
      ];
      const was = await facts();
      const [ended, other] = await Promise.allSettled([
        ways[way]?.(uuid, before),
        signalbox.transition(Crate, good.uuid, 'UploadRequested'),
      ]);
      expect(other.status, 'a neighbour in the batch').toBe('fulfilled');
      expect(await facts()).toEqual(was);
      if (fault !== 'the last revision') {
        expect(ended).toMatchObject({
          reason: {
            code: 'ROW_INCOMPLETE',
            message: expect.stringMatching(`Volume ${uuid}.*NULL.*Set its .* NOT NULL`),
          },
        });
      } else if (way === 'explain()') {
        expect(ended.status).toBe('fulfilled');
      } else if (/revision|before/.test(way)) {
        expect(ended).toMatchObject({
          reason: { code: expect.stringMatching(/REVISION_(CONFLICT|EXHAUSTED)/) },
        });
      } else {
        expect(ended).toMatchObject({
          reason: { code: 'REVISION_EXHAUSTED', message: expect.stringContaining('anew') },
        });
      }
    });
  });

  test.each(['state', 'revision'])(
    'watch and sweeper name a row whose %s is NULL, and go on with the others',
    async (column) => {
      const { uuid } = await signalbox.create(Crate, {});
      const good = await signalbox.create(Crate, {});
      await dataSource.query(`UPDATE crate SET ${column} = NULL WHERE uuid = '${uuid}'`);
      const told = expect.stringMatching(`Volume ${uuid}.*its ${column} is NULL`);
      const warnings: unknown[] = [];
      const listen = (warning: unknown): unknown => warnings.push(warning);
      process.on('warning', listen);
      failures.length = 0;
      try {
        const seen: string[] = [];
        for await (const event of await signalbox.watch(Crate)) {
          if (event.type === 'synced') break;
          if ('resource' in event) seen.push(event.resource.uuid);
        }
        expect(seen).toContain(good.uuid);
        expect(seen).not.toContain(uuid);
        const broken = expect.objectContaining({ code: 'ROW_INCOMPLETE', message: told });
        await eventually(() => expect(warnings).toContainEqual(broken));
        await eventually(() => expect(failures).toContainEqual(broken));
      } finally {
        process.off('warning', listen);
        await dataSource.query(`DELETE FROM crate WHERE uuid = '${uuid}'`);
      }
    },
  );

  test('the last revision is reached, and is an event', async () => {
    const { uuid } = await signalbox.create(Crate, {});
    await dataSource.query(`UPDATE crate SET revision = ${last - 1} WHERE uuid = '${uuid}'`);
    const moved = await signalbox.transition(Crate, uuid, 'UploadRequested');
    expect(moved.revision).toBe(last);
  });

  test('a state or revision of null is as good as none where a resource is created', async () => {
    const nulls = { state: null, revision: null } as never;
    expect(await signalbox.create(Crate, nulls)).toMatchObject({ state: 'Allocated', revision: 1 });
  });

  test('every public method says that the DataSource was destroyed, and works again', async () => {
    const crate = await signalbox.create(Crate, {});
    const { uuid } = crate;
    const calls: Readonly<Record<string, () => unknown>> = {
      transition: () => signalbox.transition(Crate, uuid, 'UploadRequested'),
      send: () => signalbox.send(crate, 'UploadRequested'),
      create: () => signalbox.create(Crate, {}),
      remove: () => signalbox.remove(crate),
      explain: () => signalbox.explain(Crate, uuid, 'UploadRequested'),
      action: () => signalbox.action('VM.START', {}, () => undefined),
      recordUsage: () => signalbox.recordUsage('VM.START'),
      raiseAlert: () => signalbox.raiseAlert('ALERT.USERVM', 'x'),
      subscribe: () => signalbox.subscribe({}, () => undefined),
      watch: () => signalbox.watch(Crate),
      history: () => signalbox.history(Crate, uuid),
      replay: () => signalbox.replay({}, { pool: 'billing' }),
      outboxDepth: () => signalbox.outboxDepth(),
      'jobs.submit': () => signalbox.jobs.submit('x'),
      'jobs.update': () => signalbox.jobs.update(uuid, 1),
      'jobs.complete': () => signalbox.jobs.complete(uuid),
    };
    const without = ['constructor', 'close', 'withContext'];
    const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(signalbox) as object);
    expect(Object.keys(calls)).toEqual(
      expect.arrayContaining(methods.filter((name) => !without.includes(name))),
    );
    await dataSource.destroy();
    for (const [name, call] of Object.entries(calls)) {
      const ended = await (async () => call())().catch((error: unknown) => error);
      expect(ended, name).toMatchObject({
        name: 'ClosedError',
        code: 'DATASOURCE_CLOSED',
        message: expect.stringContaining('dataSource.initialize()'),
      });
    }
    await dataSource.initialize();
    expect((await signalbox.transition(Crate, uuid, 'UploadRequested')).revision).toBe(2);
  });
});

/** Tables that are not as the entities say: somebody else made them. */
const loosened = {
  sqlite: [
    'DROP TABLE crate',
    `CREATE TABLE crate (uuid varchar PRIMARY KEY, state varchar(255), revision integer,
      state_since varchar(24), lifecycle_version integer, account varchar(255), domain varchar(255),
      project varchar(255), label varchar(20))`,
  ],
  postgres: [
    'ALTER TABLE crate ALTER state DROP NOT NULL',
    'ALTER TABLE crate ALTER revision DROP NOT NULL',
  ],
  mariadb: [
    'ALTER TABLE crate MODIFY state varchar(255) NULL',
    'ALTER TABLE crate MODIFY revision int NULL',
  ],
};
