import { cloudStackEventTypes } from 'signalbox/machines';
import { expect, it } from 'vitest';
// #region entity
import { createSignalbox, defineLifecycle, mapResource, migrate, migrations } from 'signalbox';
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { setup } from 'xstate';

@Entity('server')
class Server {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: String, length: 64 }) status!: string;
  @Column({ type: Number, name: 'change_count' }) changeCount!: number;
  @Column({ type: String, length: 255, nullable: true }) tenant!: string | null;
  @Column({ type: Number, name: 'memory_mb', default: 0 }) memory!: number;
}
// #endregion

// #region map
const serverLifecycle = defineLifecycle({
  resource: 'Server',
  version: 1,
  machine: setup({
    types: {
      context: {} as { memory: number },
      events: {} as { type: 'Boot' } | { type: 'Halt' },
    },
    guards: { hasMemory: ({ context }) => context.memory > 0 },
  }).createMachine({
    context: { memory: 0 },
    initial: 'off',
    states: {
      off: { on: { Boot: { target: 'on', guard: 'hasMemory' } } },
      on: { on: { Halt: 'off' } },
    },
  }),
});

const server = mapResource(Server, serverLifecycle, {
  columns: { uuid: 'id', state: 'status', revision: 'changeCount', account: 'tenant' },
  context: ({ memory }) => ({ memory }),
});
// #endregion

// #region migration
class GiveServersALifecycle1700000001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Rows that are there already begin at revision 1, in a state that the lifecycle knows.
    await runner.query('ALTER TABLE server ADD COLUMN change_count integer NOT NULL DEFAULT 1');
    await runner.query(`UPDATE server SET status = 'on' WHERE status = 'running'`);
    await runner.query(`UPDATE server SET status = 'off' WHERE status <> 'on'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE server DROP COLUMN change_count');
  }
}
// #endregion

/** The table as it was before Signalbox. */
class CreateServer1600000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE server (id varchar(36) PRIMARY KEY, status varchar(64) NOT NULL,
        tenant varchar(255), memory_mb integer NOT NULL DEFAULT 0)`,
    );
    await runner.query(
      `INSERT INTO server VALUES ('0a7ea29e-691b-41e2-bafa-2c3ba27d8c47', 'running', 'acme', 512)`,
    );
  }

  async down(): Promise<void> {}
}

it('gives rows that were there before a lifecycle, under their own column names', async () => {
  // #region create
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [Server],
    migrations: [CreateServer1600000000000, ...migrations, GiveServersALifecycle1700000001000],
  }).initialize();
  await migrate(dataSource);
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes: cloudStackEventTypes,
    resources: [server],
  });

  const id = '0a7ea29e-691b-41e2-bafa-2c3ba27d8c47';
  await signalbox.transition(server, id, 'Halt', { expectedRevision: 1 });

  await dataSource.transaction(async (manager) => {
    const row = await manager.findOneByOrFail(Server, { id });
    signalbox.send(row, 'Boot'); // the guard reads the entity
    row.memory = 1024;
    await manager.save(row);
  });
  // #endregion
  expect(await dataSource.manager.findOneByOrFail(Server, { id })).toMatchObject({
    status: 'on',
    changeCount: 3,
    memory: 1024,
  });
  const history = await signalbox.history(server, id);
  expect(history.map(({ type, revision }) => [type, revision])).toEqual([
    ['Halt', 2],
    ['Boot', 3],
  ]);
  await signalbox.close();
  await dataSource.destroy();
});
