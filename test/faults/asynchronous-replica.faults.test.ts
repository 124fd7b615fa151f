import { cloudStackEventTypes } from '../../machines/index.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { demoResources, VirtualMachine } from '../../src/cli/demo/entities.js';
import { connectDatabase } from '../../src/config/connect-database.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { eventually } from '../support/eventually.js';
import { type PrivatePostgres, startPrivatePostgres } from '../support/private-postgres.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { long } from './support/fault-length.js';

// What is not promised, so that nobody takes it for promised; and so that we hear of it when it changes.
describe.runIf(long)('PostgreSQL with an asynchronous replica', () => {
  let leader: PrivatePostgres;
  let follower: PrivatePostgres;
  let between: TcpProxy;

  beforeAll(async () => {
    leader = await startPrivatePostgres();
    await leader.query('CREATE DATABASE faults');
    follower = await leader.follower('replica');
    between = await startTcpProxy({ host: '127.0.0.1', port: leader.port });
    await follower.query(
      `ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=${between.port} user=postgres application_name=replica'`,
    );
    await follower.query('SELECT pg_reload_conf()');
    await eventually(() => {
      if (between.connections() === 0) throw new Error('the replica does not follow yet');
    });
  }, 240_000);
  afterAll(async () => {
    await between?.close();
    await follower?.dispose();
    await leader?.dispose();
  }, 120_000);

  /** One process's worth on a server, whose bus keeps what it is given. */
  async function open(server: PrivatePostgres, fresh = false) {
    const dataSource = await connectDatabase(server.url('faults'), {
      entities: [...demoResources],
      migrations: [...migrations],
    });
    if (fresh) {
      await dataSource.synchronize();
      await migrate(dataSource);
    }
    const bus = memoryBus();
    const delivered: SignalboxEvent[] = [];
    const signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: demoResources,
      bus,
      relay: { leaseDuration: 3000 },
      deadlines: false,
    });
    await signalbox.subscribe('#', (event) => void delivered.push(event));
    const close = async (): Promise<void> => {
      await signalbox.close();
      await bus.close();
      await dataSource.destroy();
    };
    return { signalbox, dataSource, delivered, close };
  }

  const stateChanges = (events: readonly SignalboxEvent[]): readonly SignalboxEvent[] =>
    events.filter(({ category }) => category === 'ResourceStateEvent');

  test('gives out again, under other ids, revisions that were announced and not yet replicated', async () => {
    const before = await open(leader, true);
    const { uuid } = await before.signalbox.create(VirtualMachine, { name: 'web' });
    await before.signalbox.transition(VirtualMachine, uuid, 'StartRequested');
    await eventually(async () => {
      const [row] = await follower.query(
        'SELECT count(*)::int AS rows FROM signalbox_journal',
        'faults',
      );
      expect(row?.['rows']).toBe(2);
    });

    between.swallow();
    await before.signalbox.transition(VirtualMachine, uuid, 'OperationSucceeded');
    await eventually(() =>
      expect(stateChanges(before.delivered).map(({ revision }) => revision)).toEqual([1, 2, 3]),
    );
    await leader.kill();
    await before.close();
    await follower.promote();

    const after = await open(follower);
    const { state, revision } = await after.dataSource.manager.findOneByOrFail(VirtualMachine, {
      uuid,
    });
    // What was acknowledged and announced is gone.
    expect({ state, revision }).toEqual({ state: 'Starting', revision: 2 });
    await after.signalbox.transition(VirtualMachine, uuid, 'OperationFailed');
    await eventually(() =>
      expect(stateChanges(after.delivered).map((each) => each.revision)).toContain(3),
    );
    const lost = stateChanges(before.delivered).at(-1);
    const another = stateChanges(after.delivered).at(-1);
    expect([lost?.type, another?.type]).toEqual(['OperationSucceeded', 'OperationFailed']);
    expect(another).toMatchObject({ partitionkey: uuid, revision: lost?.revision });
    expect(another?.id).not.toBe(lost?.id);
    await after.close();
  }, 240_000);
});
