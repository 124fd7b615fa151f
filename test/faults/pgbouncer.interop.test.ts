import { cloudStackEventTypes } from '../../machines/index.js';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoResources, VirtualMachine } from '../../src/cli/demo/entities.js';
import { connectDatabase } from '../../src/config/connect-database.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import type { RelayNotice } from '../../src/delivery/relay/relay-notice.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import { eventually } from '../support/eventually.js';
import { type PrivatePgbouncer, startPrivatePgbouncer } from '../support/private-pgbouncer.js';
import { type PrivatePostgres, startPrivatePostgres } from '../support/private-postgres.js';

/** Connections of the server that the pooler lends. */
const poolSize = 6;

test('a relay that is starved by the pool of PgBouncer reports so, and goes on when it is served', async () => {
  const server = await startPrivatePostgres();
  await server.query('CREATE DATABASE pooled');
  const pooler = await startPrivatePgbouncer(server.port, 'transaction', 1);
  const dataSource = await connectDatabase(pooler.url('pooled'), {
    entities: [...demoResources],
    migrations: [...migrations],
  });
  await dataSource.synchronize();
  await migrate(dataSource);
  const bus = memoryBus();
  const notices: RelayNotice[] = [];
  const told: string[] = [];
  const signalbox = await createSignalbox({
    dataSource,
    source: 'management-server',
    eventTypes: cloudStackEventTypes,
    resources: demoResources,
    bus,
    relay: { pollInterval: 20, leaseDuration: 60_000, starvedAfter: 200 },
    onRelayNotice: (notice) => notices.push(notice),
  });
  await signalbox.subscribe('#', ({ type }) => void told.push(type));
  const other = new pg.Client({ connectionString: pooler.url('pooled') });
  await other.connect();
  await other.query('BEGIN');
  await eventually(() =>
    expect(notices).toContainEqual({
      kind: 'starved',
      error: expect.objectContaining({
        code: 'DATABASE_STARVED',
        message: expect.stringContaining('default_pool_size of PgBouncer'),
      }),
    }),
  );
  await other.query('COMMIT');
  await signalbox.create(VirtualMachine, { name: 'served' });
  await eventually(() => {
    expect(notices.map(({ kind }) => kind)).toContain('served');
    expect(told).toEqual(expect.arrayContaining(['ALERT.DATABASE.STARVED', 'Created']));
  });
  await other.end();
  await signalbox.close();
  await bus.close();
  await dataSource.destroy();
  await pooler.dispose();
  await server.dispose();
}, 60_000);

describe.each(['transaction', 'session'] as const)('PgBouncer in %s mode', (mode) => {
  let server: PrivatePostgres;
  let pooler: PrivatePgbouncer;

  beforeAll(async () => {
    server = await startPrivatePostgres();
    await server.query('CREATE DATABASE pooled');
    pooler = await startPrivatePgbouncer(server.port, mode, mode === 'session' ? 20 : poolSize);
  }, 120_000);
  afterAll(async () => {
    await pooler?.dispose();
    await server?.dispose();
  });

  async function open() {
    const dataSource = await connectDatabase(pooler.url('pooled'), {
      entities: [...demoResources],
      migrations: [...migrations],
    });
    await dataSource.synchronize();
    await migrate(dataSource);
    const bus = memoryBus();
    const told = new Map<string, number[]>();
    const signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: demoResources,
      bus,
      relay: { pollInterval: 100 },
      deadlines: { pollInterval: 100 },
    });
    await signalbox.subscribe('#', (event) => {
      if (event.category !== 'ResourceStateEvent') return;
      const revisions = told.get(event.partitionkey as string) ?? [];
      told.set(event.partitionkey as string, [...revisions, event.revision as number]);
    });
    const close = async (): Promise<void> => {
      await signalbox.close();
      await bus.close();
      await dataSource.destroy();
    };
    return { signalbox, dataSource, told, close };
  }

  /** Each connection that the pooler lends, as an unrelated client finds it. */
  async function sessions(): Promise<readonly Record<string, unknown>[]> {
    const clients = Array.from(
      { length: poolSize },
      () => new pg.Client({ connectionString: pooler.url('pooled') }),
    );
    await Promise.all(clients.map((client) => client.connect()));
    try {
      // All at once, so that each has another.
      await Promise.all(clients.map((client) => client.query('BEGIN')));
      return await Promise.all(
        clients.map(async (client) => {
          const { rows } = await client.query<Record<string, unknown>>(
            `SELECT current_setting('synchronous_commit') AS synchronous_commit,
              current_setting('enable_seqscan') AS enable_seqscan,
              current_setting('plan_cache_mode') AS plan_cache_mode, current_setting('jit') AS jit,
              (SELECT count(*)::int FROM pg_prepared_statements) AS prepared,
              (SELECT count(*)::int FROM pg_listening_channels()) AS channels`,
          );
          return rows[0] as Record<string, unknown>;
        }),
      );
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  }

  test('everything works, and every connection is as it was for whoever gets it next', async () => {
    const { signalbox, dataSource, told, close } = await open();
    const machines = await Promise.all(
      Array.from({ length: 12 }, (_, name) =>
        signalbox.create(VirtualMachine, { name: String(name) }),
      ),
    );
    await Promise.all(
      machines.map(async ({ uuid }) => {
        await signalbox.transition(VirtualMachine, uuid, 'StartRequested');
        await dataSource.transaction((manager) =>
          signalbox.transition(VirtualMachine, uuid, 'OperationSucceeded', { manager }),
        );
        await dataSource.transaction(async (manager) => {
          const machine = await manager.findOneByOrFail(VirtualMachine, { uuid });
          signalbox.send(machine, 'StopRequested');
          await manager.save(machine);
        });
        await signalbox.action('VM.STOP', { subject: { resource: 'VirtualMachine', uuid } }, () =>
          signalbox.transition(VirtualMachine, uuid, 'OperationSucceeded'),
        );
      }),
    );
    await eventually(() => {
      expect([...told.values()]).toEqual(machines.map(() => [1, 2, 3, 4, 5]));
    });
    const clean = {
      synchronous_commit: 'on',
      enable_seqscan: 'on',
      plan_cache_mode: 'auto',
      jit: 'on',
      prepared: 0,
      channels: 0,
    };
    // In session mode the pooler resets a connection that its client has left.
    if (mode === 'session') await close();
    expect(await sessions()).toEqual(Array.from({ length: poolSize }, () => clean));
    if (mode === 'transaction') await close();
  }, 60_000);

  test('a server that is killed under load loses no transition that was acknowledged', async () => {
    const { signalbox, close } = await open();
    const machines = await Promise.all(
      Array.from({ length: 8 }, (_, name) =>
        signalbox.create(VirtualMachine, { name: String(name) }),
      ),
    );
    const acknowledged = new Map(machines.map(({ uuid }) => [uuid, 1]));
    let count = 0;
    const stopping = new AbortController();
    const load = machines.map(async ({ uuid }) => {
      const steps = ['StartRequested', 'OperationSucceeded', 'StopRequested', 'OperationSucceeded'];
      for (let step = 0; !stopping.signal.aborted; step += 1) {
        try {
          const { revision } = await signalbox.transition(
            VirtualMachine,
            uuid,
            steps[step % steps.length] as 'StartRequested',
          );
          acknowledged.set(uuid, revision);
          count += 1;
        } catch {
          return;
        }
      }
    });
    await eventually(() => expect(count).toBeGreaterThan(200));
    await server.kill();
    stopping.abort();
    await server.start();
    await Promise.all(load);
    for (const [uuid, revision] of acknowledged) {
      const [row] = await server.query(
        `SELECT revision FROM demo_virtual_machine WHERE uuid = '${uuid}'`,
        'pooled',
      );
      expect(row?.['revision']).toBeGreaterThanOrEqual(revision);
    }
    await close();
  }, 60_000);
});
