import { v4 } from 'uuid';
import { expect, test } from 'vitest';
import { cloudEvents } from '../../../src/delivery/formats/cloudevents.js';
import { createOutboxRelay } from '../../../src/delivery/relay/relay.js';
import { openStore } from '../../../src/persistence/open-store.js';
import { openDataSource, stateEvent } from '../../persistence/relay-tables.js';
import { eventually } from '../../support/eventually.js';
import { startPrivatePostgres } from '../../support/private-postgres.js';
import { revisionOf, ScriptedBus } from './scripted-bus.js';

test('an event that was removed before PostgreSQL crashed does not come again behind its successor', async () => {
  // What does not wait for the disk does not reach it by itself.
  const server = await startPrivatePostgres({ config: ['wal_writer_delay = 10s'] });
  try {
    await server.query('CREATE DATABASE relayed');
    const dataSource = await openDataSource({ type: 'postgres', url: server.url('relayed') });
    const store = openStore(dataSource);
    const uuid = v4();
    await store.append([stateEvent(uuid, 1), stateEvent(uuid, 2)]);
    const bus = new ScriptedBus();
    let confirm: (() => void) | undefined;
    const confirmed = new Promise<void>((resolve) => (confirm = resolve));
    bus.script = async (message) => {
      if (revisionOf(message) === 2) await confirmed;
      return { routed: true };
    };
    const relay = createOutboxRelay({
      store,
      buses: [bus],
      format: cloudEvents,
      origin: () => ({ source: 'management-server', time: new Date().toISOString() }),
      // The lease outlives the crash, and its renewal brings nothing to the disk before it.
      options: { pollInterval: 20, retryDelay: 5, maxRetryDelay: 50, leaseDuration: 120_000 },
    });
    relay.start();
    const pending = (count: number) =>
      eventually(async () => expect((await store.outbox.depth()).pending).toBe(count));
    await pending(1);
    await server.kill();
    await server.start();
    confirm?.();
    await pending(0);
    expect(bus.revisions(uuid)).toEqual([1, 2]);
    await relay.stop();
    await dataSource.destroy();
  } finally {
    await server.dispose();
  }
});
